"""The two sides that the judge compares: what platformOS listed, and what each reader was given."""

from __future__ import annotations

import threading
import time
from array import array
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple

TYPES = ("error", "warn", "debug", "info")


class Row(NamedTuple):
    """A row that is an entry for readers."""

    serial: int  # which row it is; ids are given out again after a restore
    id: int
    at: float  # monotonic, when it became visible
    error_type: str | None  # None: the row goes without
    late: bool  # it became visible under an id lower than one that was visible before
    restore: float | None  # when the restore was that gave its id out again; None: the id is its first

    def matches(self, wanted: str | None) -> bool:
        """Whether a filter keeps it: the contract's words, written anew."""
        if wanted is None:
            return True
        text = "" if self.error_type is None else self.error_type.lower()
        type_ = next((word for word in TYPES if word in text), "info") if text else "error"
        return wanted.lower() in (type_, text)


class Listing:
    """All rows that became visible, and the restores that took some away again; used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[int, Row] = {}  # by serial
        self._now: dict[int, int] = {}  # serial, by id, of what is listed now
        self._highest = 0  # id that was ever given out
        self.last = 0  # the highest id now
        self.restores: list[float] = []  # monotonic
        self.withdrawn: set[int] = set()  # serials

    def __len__(self) -> int:
        return len(self._rows)

    def note(self, rows: list[tuple[int, int, str | None]], *, late: bool = False) -> None:
        """Note that these rows (serial, id, error_type) are visible by now."""
        now = time.monotonic()
        with self._lock:
            for serial, number, error_type in rows:
                again = self.restores[-1] if self.restores and number <= self._highest else None
                self._rows[serial] = Row(serial, number, now, error_type, late, again)
                self._now[number] = serial
                self.last = max(self.last, number)

    def restored(self, last: int) -> None:
        """Note that rows above the id `last` are gone."""
        with self._lock:
            self.restores.append(time.monotonic())
            gone = [number for number in self._now if number > last]
            self.withdrawn.update(self._now.pop(number) for number in gone)
            self._highest = max(self._highest, self.last)
            self.last = last

    def epoch(self, at: float) -> int:
        """How many restores there had been at a moment."""
        return bisect_right(self.restores, at)

    def row(self, serial: int) -> Row | None:
        """One row by its serial; None while it is not noted, though it may be visible."""
        with self._lock:
            return self._rows.get(serial)

    def rows(self) -> dict[int, Row]:
        """All rows by serial, in the order in which they became visible."""
        with self._lock:
            return dict(self._rows)


@dataclass(slots=True)
class Connection:
    """One connection of a reader."""

    opened: float  # monotonic, before its request left
    position: int | None  # what it asked after; None where its body alone said how to begin
    position_at: float = 0.0  # when it was given that position
    head: float | None = None  # when the answer began, as far as the reader read
    awake: float = 0.0  # since when it has read all that came; infinite while it stalls
    ended: float | None = None
    how: str = ""  # it ended


@dataclass(slots=True)
class Journal:
    """What a reader was given over all its connections, in the order of arrival."""

    serials: array[int] = field(default_factory=lambda: array("q"))
    ats: array[float] = field(default_factory=lambda: array("d"))
    told: list[float] = field(default_factory=list)  # when it got a notice that ids were reset
    connections: list[Connection] = field(default_factory=list)
    spoiled: list[str] = field(default_factory=list)  # entries or frames that were not as they must be
    foreign: list[str] = field(default_factory=list)  # what held bytes of another environment
    roams: bool = False  # its connections go to several processes

    def note(self, serial: int) -> None:
        """Note that an entry arrived."""
        self.serials.append(serial)
        self.ats.append(time.monotonic())
