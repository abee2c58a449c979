"""What the tests of the fleet's parts share: a Redis, and engines in this process that end with the test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from poslogs.fleet.address import Address
from poslogs.fleet.ask import Away
from poslogs.fleet.engine import Engine
from poslogs.per_process import PerProcess
from poslogs.supervisor import Loops, Supervisor

T = TypeVar("T")

NOTICE_SECONDS = 5.0  # in which an engine says that Redis is away (the specification's)
REJOIN_SECONDS = 10.0  # in which it uses Redis again


@contextmanager
def supervised() -> Iterator[Supervisor]:
    """A supervisor whose loops end with the `with` block."""
    supervisor = Supervisor()
    yield supervisor
    supervisor.loops = PerProcess(Loops)  # a loop that is not among them ends at its next turn


def joined(url: str, supervisor: Supervisor) -> Engine:
    """An engine that has joined Redis."""
    engine = Engine(Address(url), "test", supervisor)
    engine.begin()
    eventually(lambda: engine.state.ok, REJOIN_SECONDS)
    return engine


def eventually(true: Callable[[], bool], seconds: float) -> None:
    """Wait until something has become true, for this long at most."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.01)


def undisturbed(engines: Sequence[Engine], attempt: Callable[[], T], tries: int = 3) -> T:
    """What `attempt` gives when none of the engines lost Redis meanwhile; where one did, it is done once more.

    A Redis that stands still for a quarter of a second is away, and so it is where this process stands still.
    """
    for _ in range(tries):
        eventually(lambda: all(each.state.ok for each in engines), REJOIN_SECONDS)
        before = [each.state for each in engines]
        try:
            found = attempt()
        except Away:
            if [each.state for each in engines] == before:
                raise
        else:
            if [each.state for each in engines] == before:
                return found
        print("Redis was lost:", *(each.state for each in engines), sep="\n")
    raise AssertionError(f"Redis was lost {tries} times: this machine is too slow for what this test tells")
