"""Processes that share the poll keep what one promises, in any order of events; each seed is an order."""

from __future__ import annotations

import os

import pytest

from tests.schedule.test_schedule import play

FEW = 24
MANY = int(os.environ.get("SCHEDULE_SEEDS") or 1000)
SHARE = 8  # seeds that one process plays, some seconds of a core; `make test` has time for one
FOUND = (38, 46, 67, 95, 135, 168, 205)  # they failed once: rows twice after a reset, a late row lost
AGAIN = "kill,freeze,flush,away,slow,cut,reset,restart"  # processes start anew too while Redis goes away
FOUND_AGAIN = {"reset,restart": (213, 229), AGAIN: (53, 57)}  # rows twice after a load broke off
PART = 100  # and in the long test


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "first", [0, *(pytest.param(first, marks=pytest.mark.slow) for first in range(SHARE, FEW, SHARE))]
)
def test_in_a_fleet_no_reader_lacks_a_row_or_has_it_twice(first: int) -> None:
    """Processes are killed and frozen, Redis is flushed, away, slow or cut off; in the end all share one poll."""
    run = play("--fleet", "--seeds", f"{first}:{first + SHARE}", seconds=280)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{SHARE} seeds, 0 failed" in run.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_in_a_fleet_the_orders_that_found_a_fault_do_so_no_more() -> None:
    """As above."""
    run = play("--fleet", "--seeds", ",".join(map(str, FOUND)), seconds=280)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{len(FOUND)} seeds, 0 failed" in run.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("faults", FOUND_AGAIN)
def test_in_a_fleet_a_load_that_breaks_off_doubles_nothing(faults: str) -> None:
    """A process that was started anew had begun to load an id reset that others told before."""
    seeds = FOUND_AGAIN[faults]
    run = play("--fleet", "--faults", faults, "--seeds", ",".join(map(str, seeds)), seconds=280)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{len(seeds)} seeds, 0 failed" in run.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_in_a_fleet_whose_processes_start_anew_no_reader_lacks_a_row_or_has_it_twice() -> None:
    """Redis goes away while they load."""
    run = play("--fleet", "--faults", AGAIN, "--seeds", f"0:{FEW}", seconds=280)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{FEW} seeds, 0 failed" in run.stdout


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(FEW, FEW + MANY, PART))
def test_in_a_fleet_thousands_of_orders_lose_nothing_and_double_nothing(first: int) -> None:
    """The same holds for SCHEDULE_SEEDS orders."""
    run = play("--fleet", "--seeds", f"{first}:{min(first + PART, FEW + MANY)}", seconds=3500)
    assert run.returncode == 0, run.stdout + run.stderr
