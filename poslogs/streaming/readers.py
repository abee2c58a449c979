"""The readers of a feed: who follows, and how stale each may get."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from poslogs.streaming.batch import Batch
from poslogs.streaming.publication import Publication
from poslogs.streaming.selection import Selection
from poslogs.streaming.wake import Wake


class Reader(Protocol):
    """What a feed needs to know of a stream."""

    interval: float  # seconds; how stale it may get
    selection: Selection
    wake: Wake
    number: int | None  # of the batch that it took last; None while it is not attached

    def publish(self, publication: Publication) -> None:
        """Take a publication that is in the window now. Does not wait."""


class Attached(NamedTuple):
    """What a reader is given to look at as it attaches to a feed, before it follows."""

    inside: Batch | None  # the batch that its position lies in
    late: list[Batch]  # late rows that the window has already, for readers that want them
    ahead: bool = False  # the reader was not attached: the window has not come to its position
    since: int | None = None  # the window's newest batch when the reader began to wait; None: it did not wait


class Readers:
    """The readers that are here now. Not locked: its feed is."""

    def __init__(self, now: float) -> None:
        self._all: set[Reader] = set()
        self._intervals: Counter[float] = Counter()
        self.live = 0  # how many want rows that became visible late
        self.left = now  # on the clock: when the last reader left

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Reader]:
        return iter(self._all)

    @property
    def interval(self) -> float:
        """The shortest interval of any reader, in seconds. Raises ValueError without readers."""
        return min(self._intervals)

    def add(self, reader: Reader) -> None:
        """Count a reader in; harmless when it is here already."""
        if reader not in self._all:
            self._all.add(reader)
            self._intervals[reader.interval] += 1
            self.live += reader.selection.late

    def discard(self, reader: Reader, now: float) -> None:
        """Count a reader out; harmless when it has left already."""
        if reader in self._all:
            self._all.discard(reader)
            self._intervals[reader.interval] -= 1
            if not self._intervals[reader.interval]:
                del self._intervals[reader.interval]
            self.live -= reader.selection.late
            self.left = now
