"""What the tests of the fleet's parts share: a Redis, and engines in this process that end with the test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from poslogs.fleet.address import Address
from poslogs.fleet.engine import Engine
from poslogs.per_process import PerProcess
from poslogs.supervisor import Loops, Supervisor

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
