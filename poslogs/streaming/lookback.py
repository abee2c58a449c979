"""The lookback: the newest ids of an environment, read again for rows that become visible late."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Sequence
from typing import Final

from poslogs.platformos.entries import Entry

MAX_ROWS: Final = 300  # most rows that a look reads again, beside those that came since the look before
MAX_UNLOOKED: Final = 10_000  # most rows that count as come since the look before


class Lookback:
    """The ids that were first seen within the last `seconds`, MAX_ROWS of them at most.

    A look is a poll that reads them again. An id stays until a look has come `seconds` after it was first seen, so
    neither a long interval nor an outage cuts short the time in which a row may be late. Rows that come by polls at the
    cursor push none out before the next look.
    """

    def __init__(self, seconds: float, position: int) -> None:
        self._seconds = seconds
        self._recent: deque[tuple[int, float]] = deque()  # id, when it was first seen
        self._ids: set[int] = set()
        self._settled = max(0, position - MAX_ROWS)
        self._began = position  # rows up to here that the next look finds were listed before anybody looked
        self._before: set[int] = set()  # the ids of those rows
        self._learning = position > 0  # True until a whole look has found them
        self._looked = float("-inf")
        self._unlooked = 0  # rows that polls at the cursor brought since the last look, MAX_UNLOOKED at most
        self._doubted = False  # other processes may have found late rows that were never seen here

    @property
    def settled(self) -> int:
        """The position up to which rows are not read again."""
        return self._settled

    @property
    def began(self) -> int:
        """The position up to which the first look only learns which rows there are."""
        return self._began

    @property
    def learning(self) -> bool:
        """Whether the next look only learns which rows there are."""
        return self._learning

    @property
    def known(self) -> Container[int]:
        """The ids that a look reads again."""
        return self._ids

    def doubt(self) -> None:
        """Note that other processes may find late rows from now on that are not seen here, until one looks for all."""
        self._doubted = True

    def finds_all(self, position: int, cap: int) -> bool:
        """Whether a look from a position finds all rows that are never seen and late; `cap` is as for `start`."""
        return not self._doubted or position <= self.start(cap)

    def start(self, cap: int = 0) -> int:
        """The position from which a look reads; the cursor itself when all is settled.

        `cap` is how many rows one answer holds, where that is known: re-reading must not fill it, or new rows would
        not fit.
        """
        rows = (min(MAX_ROWS, cap // 2) if cap else MAX_ROWS) + self._unlooked
        while self._recent and (self._recent[0][1] < self._looked - self._seconds or len(self._recent) > rows):
            self._settle()
        return self._settled

    def rest(self, now: float, position: int) -> None:
        """Note that nobody wants late rows now: what is listed up to this position is not delivered later on."""
        self._began = position
        self._before = set()
        self._learning = True
        self._looked = now
        self._unlooked = 0

    def covers(self, position: int) -> None:
        """Note that the first look, which another process has made, reads from this position."""
        if self._learning:
            self._settled = max(self._settled, position)

    def late(self, entries: Sequence[Entry], *, sure: bool = False) -> list[Entry]:
        """The entries of a look that were never seen; none of `entries` is past the cursor.

        The first look only learns what was listed before anybody looked, unless it is `sure` that others had looked.
        """
        unseen = [entry for entry in entries if entry.id > self._settled and entry.id not in self._ids]
        if self._learning and not sure:
            self._before.update(entry.id for entry in unseen if entry.id <= self._began)
        return [entry for entry in unseen if entry.id not in self._before]

    def looked(self, now: float, *, sure: bool = False) -> None:
        """Note that a look that was asked at this time has read everything up to the cursor.

        `sure`: another process looked, and only what it found to be late is known.
        """
        self._looked = now
        self._learning = self._learning and sure
        self._doubted = self._doubted and sure
        self._unlooked = 0

    def saw(self, entries: Sequence[Entry], now: float, *, looked: bool) -> None:
        """Remember entries as first seen now, by a look or by a poll at the cursor."""
        if not looked and not self._learning:
            self._unlooked = min(MAX_UNLOOKED, self._unlooked + len(entries))
        room = MAX_ROWS + self._unlooked
        skipped = len(entries) - room
        if skipped > 0:
            self._settled = max(self._settled, entries[skipped - 1].id)
            entries = entries[skipped:]
        for entry in entries:
            if entry.id not in self._ids:
                self._recent.append((entry.id, now))
                self._ids.add(entry.id)
        while len(self._recent) > room:
            self._settle()

    def _settle(self) -> None:
        gone, _ = self._recent.popleft()
        self._ids.discard(gone)
        self._settled = max(self._settled, gone)
