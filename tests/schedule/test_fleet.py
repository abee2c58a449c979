"""Processes that share the poll keep what one promises, in any order of events; each seed is an order."""

from __future__ import annotations

import os

import pytest

from tests.schedule.test_schedule import play

FEW = 24
MANY = int(os.environ.get("SCHEDULE_SEEDS") or 1000)
SHARE = 8  # seeds that one process plays, some seconds of a core
PART = 100  # and in the long test


@pytest.mark.timeout(300)
@pytest.mark.parametrize("first", range(0, FEW, SHARE))
def test_in_a_fleet_no_reader_lacks_a_row_or_has_it_twice(first: int) -> None:
    """Processes are killed and frozen, Redis is flushed, away, slow or cut off; in the end all share one poll."""
    run = play("--fleet", "--seeds", f"{first}:{first + SHARE}", seconds=280)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{SHARE} seeds, 0 failed" in run.stdout


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(FEW, FEW + MANY, PART))
def test_in_a_fleet_thousands_of_orders_lose_nothing_and_double_nothing(first: int) -> None:
    """The same holds for SCHEDULE_SEEDS orders."""
    run = play("--fleet", "--seeds", f"{first}:{min(first + PART, FEW + MANY)}", seconds=3500)
    assert run.returncode == 0, run.stdout + run.stderr
