"""The streaming core keeps its promises in any order in which greenlets or threads run; each seed is an order."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FEW = 100
MANY = int(os.environ.get("SCHEDULE_SEEDS") or 3000)
SHARE = 25  # seeds that one process plays, a few seconds of a core; `make test` has time for one
PART = 500  # and in the long test


def play(*arguments: str, seconds: float = 110) -> subprocess.CompletedProcess[str]:
    """Play seeds in a process of their own: it has no locks and no clock but the scheduler's."""
    command = [sys.executable, "-m", "tests.schedule", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)


@pytest.mark.parametrize(
    "first", [0, *(pytest.param(first, marks=pytest.mark.slow) for first in range(SHARE, FEW, SHARE))]
)
def test_a_hundred_orders_lose_nothing_and_hold_no_lock_across_a_wait(first: int) -> None:
    """Every row comes once and in order, with heartbeats; all slots are given back, and every loop is alive.

    No lock is held across a wait, a send, a log line, a question to platformOS or the start of a thread.
    """
    run = play("--seeds", f"{first}:{first + SHARE}", "--strict")
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{SHARE} seeds, 0 failed" in run.stdout


def test_the_same_seed_gives_the_same_order_whatever_was_played_before() -> None:
    """A run's log and its last turns are the same."""
    told = []
    for seeds in ("7", "5:8"):
        _, _, after = play("--seeds", seeds, "--log", "--turns").stdout.partition("seed 7:")
        told.append(after.partition("  again:")[0])
    assert "the last turns of " in told[0]
    assert told[0] == told[1]


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("first", range(FEW, FEW + MANY, PART))
def test_thousands_of_orders_lose_nothing_and_end_nobody(first: int) -> None:
    """The same holds for SCHEDULE_SEEDS orders."""
    run = play("--seeds", f"{first}:{min(first + PART, FEW + MANY)}", seconds=1700)
    assert run.returncode == 0, run.stdout + run.stderr
