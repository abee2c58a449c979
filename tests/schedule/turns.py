"""The turns of a run, as a failure shows them: who stopped where, and what it held."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

_HERE = str(Path(__file__).parent)
_ROOT = f"{Path(__file__).parent.parent.parent}/"
_OURS = ("scheduler", "turns", "locks", "threads", "sockets", "patch")
_MACHINERY = {logging.__file__, *(f"{_HERE}/{name}.py" for name in _OURS)}


class Failure(Exception):
    """Something that must hold did not; the message says what."""


class Place(NamedTuple):
    """A line of a file; shown as file:line, seen from the repository's folder."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file.removeprefix(_ROOT)}:{self.line}"


NOWHERE: Final = Place("", 0)


class Turn(NamedTuple):
    """A change of turn: who stopped, why and where."""

    number: int
    now: float
    name: str
    kind: str
    where: Place


class Held(NamedTuple):
    """A lock that was held at a point where its holder may wait."""

    lock: Place  # where it was acquired
    kind: str  # of the point
    where: Place  # of the point


class Task:
    """A greenlet and what the scheduler knows of it."""

    def __init__(self, name: str, work: Callable[[], object], number: int) -> None:
        self.name = name
        self.number = number
        self.work = work
        self.greenlet: Any = None
        self.held: list[tuple[Any, Place]] = []  # locks, and where each was acquired
        self.waits = ""  # for what; empty while it is ready or runs
        self.where = NOWHERE
        self.epoch = 0  # rises with each wait, so that a timer of an earlier one means nothing
        self.woken = False
        self.priority = 0.0
        self.sluggish = False  # mostly others go before it
        self.begun = False
        self.done = False
        self.thread: Any = None  # what current_thread() gives


def where() -> Place:
    """The line that runs now, outside of this machinery."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename in _MACHINERY:
        frame = frame.f_back
    return Place(frame.f_code.co_filename, frame.f_lineno)


def told(error: BaseException) -> str:
    """The traceback of an error, without the machinery's own lines."""
    stack = [line for line in traceback.extract_tb(error.__traceback__) if line.filename not in _MACHINERY]
    return "\n".join(f"    {Place(line.filename, line.lineno or 0)} {line.name}: {line.line}" for line in stack)


def origin(error: BaseException) -> Place:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return Place(last.filename, last.lineno or 0)
