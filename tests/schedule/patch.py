"""The patch: puts the scheduler's locks, clock and polls in the place of Python's, in a process of their own.

It must come before poslogs is imported, since modules take some of them at their import.
"""

from __future__ import annotations

import logging
import queue
import select
import threading
import time
from collections.abc import Iterable, Iterator, MutableSet
from typing import Any

from tests.schedule import locks, sockets, threads
from tests.schedule.scheduler import EPOCH, START, active


def install() -> None:
    """Put them in place, permanently."""
    for name in ("Lock", "RLock", "Condition", "Event", "Semaphore"):
        setattr(threading, name, getattr(locks, name))
    threading.Thread = threads.Thread  # type: ignore[assignment, misc]
    threading.current_thread = threads.current_thread  # type: ignore[assignment]
    threading.BoundedSemaphore = locks.Semaphore  # type: ignore[misc, assignment]
    queue.SimpleQueue = queue._PySimpleQueue  # type: ignore[attr-defined, misc]  # C's own waits where nobody sees it
    time.monotonic = _monotonic
    time.time = _time
    time.sleep = _sleep
    select.poll = sockets.Poll  # type: ignore[assignment, misc]
    select.epoll = sockets.Epoll  # type: ignore[assignment, misc]
    logging.raiseExceptions = False


def in_order(modules: Iterable[Any]) -> None:
    """Have these modules make sets that keep their order: Python's order goes by addresses, not by the seed."""
    for module in modules:
        module.set = Ordered


def _monotonic() -> float:
    scheduler = active()
    return START if scheduler is None else scheduler.now


def _time() -> float:
    return _monotonic() - START + EPOCH


def _sleep(seconds: float) -> None:
    if (scheduler := active()) is not None:
        scheduler.sleep(seconds)


class Ordered(MutableSet[Any]):
    """A set in the order in which its members came."""

    def __init__(self, members: Iterable[Any] = ()) -> None:
        self._members = dict.fromkeys(members)

    def __contains__(self, member: object) -> bool:
        return member in self._members

    def __iter__(self) -> Iterator[Any]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def add(self, value: Any) -> None:
        """Add a member."""
        self._members[value] = None

    def discard(self, value: Any) -> None:
        """Remove a member."""
        self._members.pop(value, None)

    def update(self, *others: Iterable[Any]) -> None:
        """Add all of these."""
        for other in others:
            self._members.update(dict.fromkeys(other))


class LogPoints(logging.Handler):
    """Lets another go on at each log line, and keeps the errors among them."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = None  # a real handler's lock would be held here, and be counted against the code that logs
        self.errors: list[logging.LogRecord] = []
        self.aloud = False  # print them

    def createLock(self) -> None:
        """Leave the handler without a lock."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Let another go on, since writing a line may take a while; keep an error."""
        if record.levelno >= logging.ERROR:
            self.errors.append(record)
        scheduler = active()
        if scheduler is None or scheduler.current is None or scheduler.dying:
            return
        if self.aloud:
            print(f"  {scheduler.now:10.4f} {scheduler.current.name:24} {record.levelname} {record.getMessage()}")
        if scheduler.random.random() < 0.1:
            scheduler.sleep(scheduler.random.random() * 0.05, "log")
        else:
            scheduler.point("log")
