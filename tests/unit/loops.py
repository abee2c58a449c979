"""The loops that an app starts in the process of the tests, and that run until a process ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from poslogs.supervisor import SUPERVISOR, Inherited

PATIENCE_S = 10.0


@contextmanager
def ended(name: str) -> Iterator[None]:
    """No loop of this name runs any more after the block: others would find its log lines among their own."""
    yield
    before = SUPERVISOR.interfere

    def interfere(turning: str) -> None:
        if turning == name:
            raise Inherited
        before(turning)

    SUPERVISOR.interfere = interfere
    try:
        for thread in threading.enumerate():
            if thread.name == name:
                thread.join(PATIENCE_S)
                assert not thread.is_alive(), f"the loop {name} goes on"
        loops = SUPERVISOR.loops()
        for loop in [loop for loop in loops.all if loop.name == name]:
            loops.discard(loop)  # else it counts as one that stands still, and the probes say so
    finally:
        SUPERVISOR.interfere = before
