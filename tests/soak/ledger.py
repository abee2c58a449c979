"""The two sides that the judge compares: what platformOS listed, and what each reader was given."""

from __future__ import annotations

import threading
import time
from array import array
from dataclasses import dataclass, field
from typing import NamedTuple

TYPES = ("error", "warn", "debug", "info")


class Row(NamedTuple):
    """A row that is an entry for readers."""

    id: int
    at: float  # monotonic, when it became visible
    error_type: str | None  # None: the row goes without
    late: bool  # it became visible under an id lower than one that was visible before

    def matches(self, wanted: str | None) -> bool:
        """Whether a filter keeps it: the contract's words, written anew."""
        if wanted is None:
            return True
        text = "" if self.error_type is None else self.error_type.lower()
        type_ = next((word for word in TYPES if word in text), "info") if text else "error"
        return wanted.lower() in (type_, text)


class Listing:
    """All rows that became visible; used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[int, Row] = {}
        self.last = 0  # the highest id

    def __len__(self) -> int:
        return len(self._rows)

    def note(self, numbers: list[int], error_types: list[str | None], *, late: bool = False) -> None:
        """These rows are visible by now."""
        now = time.monotonic()
        with self._lock:
            for number, error_type in zip(numbers, error_types, strict=True):
                self._rows[number] = Row(number, now, error_type, late)
                self.last = max(self.last, number)

    def get(self, number: int) -> Row | None:
        """The row of an id."""
        return self._rows.get(number)

    def rows(self) -> list[Row]:
        """All rows by ascending id."""
        with self._lock:
            return [self._rows[number] for number in sorted(self._rows)]


@dataclass(slots=True)
class Connection:
    """One connection of a reader."""

    opened: float  # monotonic, before its request left
    position: int | None  # what it asked after; None where its body alone said how to begin
    head: float | None = None  # when the answer began
    ended: float | None = None
    how: str = ""  # it ended


@dataclass(slots=True)
class Journal:
    """What a reader was given over all its connections, in the order of arrival."""

    ids: array[int] = field(default_factory=lambda: array("q"))
    ats: array[float] = field(default_factory=lambda: array("d"))
    connections: list[Connection] = field(default_factory=list)
    spoiled: list[str] = field(default_factory=list)  # entries or frames that were not as they must be

    def note(self, number: int) -> None:
        """An entry arrived."""
        self.ids.append(number)
        self.ats.append(time.monotonic())
