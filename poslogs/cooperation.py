"""Cooperation: greenlets change places only where one of them waits, so long work has to stop for the others."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sized
from typing import Final, TypeVar

TURN_SECONDS: Final = 0.005  # of work, after which others have their turn
TURN_ITEMS: Final = 1000  # of work that costs about a microsecond each

T = TypeVar("T")


def let_others_run() -> None:
    """Let every other greenlet that is ready run first, and other threads where they serve.

    Costs some microseconds when nobody else is ready. No lock may be held across it.
    """
    time.sleep(0)  # looked up at each call: gevent, and the scheduler of tests/schedule, put theirs in its place


def breathe() -> None:
    """Let others run if nobody has done so by this for TURN_SECONDS. No lock may be held across it."""
    if time.monotonic() > _due[0]:
        let_others_run()
        _due[0] = time.monotonic() + TURN_SECONDS


def breathing(items: Iterable[T]) -> Iterable[T]:
    """The items, with a breath now and then where there may be many."""
    return items if isinstance(items, Sized) and len(items) < TURN_ITEMS else _breathing(items)


def _breathing(items: Iterable[T]) -> Iterator[T]:
    for count, item in enumerate(items, 1):
        yield item
        if not count % TURN_ITEMS:
            breathe()


_due: list[float] = [0.0]  # monotonic: of all greenlets and threads together
