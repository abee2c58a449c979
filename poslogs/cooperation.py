"""Cooperation: greenlets change places only where one of them waits, so long work has to stop for the others."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def let_others_run() -> None:
    """Let every other greenlet that is ready run first, and other threads where they serve.

    Costs some microseconds when nobody else is ready. No lock may be held across it.
    """
    time.sleep(0)  # looked up at each call: gevent, and the scheduler of tests/schedule, put theirs in its place


def elsewhere(work: Callable[[], T]) -> T:
    """What a piece of work gives that lets go of the interpreter's lock: others go on meanwhile, greenlets too."""
    done: T = _place[0](work)
    return done


def work_elsewhere(place: Callable[[Callable[[], Any]], Any]) -> None:
    """Have such work done by this from now on, in this process: for servers whose greenlets it would hold up."""
    _place[0] = place


def _here(work: Callable[[], Any]) -> Any:
    return work()


_place: list[Callable[[Callable[[], Any]], Any]] = [_here]
