"""The overlap: the newest ids of an environment, read again for rows that become visible late."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from poslogs.platformos.entries import Entry

SMALL_ANSWER: Final = 20  # rows; no answer is thought to hold fewer than this at most
MAX_ROWS: Final = 100  # rows that one poll reads again, at most


class Overlap:
    """Which ids were first seen within the last `seconds`, MAX_ROWS of them at most."""

    def __init__(self, seconds: float, position: int) -> None:
        self._seconds = seconds
        self._rows = MAX_ROWS
        self._recent: deque[tuple[int, float]] = deque()  # id, when it was first seen
        self._ids: set[int] = set()
        self._settled = max(0, position - MAX_ROWS)
        self._begun = position == 0

    def start(self, now: float, longest: int = 0) -> int:
        """The position from which a poll reads the overlap again; the cursor itself when all is settled.

        `longest` are the rows of the longest answer so far: the overlap stays below half of it, since an answer that
        it filled would have no room for what is new.
        """
        rows = self._rows if longest < SMALL_ANSWER else min(self._rows, longest // 2)
        while self._recent and (self._recent[0][1] < now - self._seconds or len(self._recent) > rows):
            self._settle()
        return self._settled

    def late(self, entries: Sequence[Entry], since: int, now: float) -> list[Entry]:
        """Which of these entries, all behind the cursor, were never seen; `since` is what the poll asked after.

        The first look only learns what was listed before the feed began.
        """
        if not self._begun:
            self._begun = True
            before = [entry.id for entry in entries if entry.id > since and entry.id not in self._ids][-self._rows :]
            self._recent.extendleft((id_, now) for id_ in reversed(before))  # they settle before what came since
            self._ids.update(before)
            return []
        floor = max(since, self._settled)
        return [entry for entry in entries if entry.id > floor and entry.id not in self._ids]

    def saw(self, entries: Sequence[Entry], now: float) -> None:
        """Remember entries as first seen now."""
        skipped = len(entries) - self._rows
        if skipped > 0:
            self._settled = max(self._settled, entries[skipped - 1].id)
            entries = entries[skipped:]
        for entry in entries:
            if entry.id not in self._ids:
                self._recent.append((entry.id, now))
                self._ids.add(entry.id)
        while len(self._recent) > self._rows:
            self._settle()

    def _settle(self) -> None:
        gone, _ = self._recent.popleft()
        self._ids.discard(gone)
        self._settled = max(self._settled, gone)

    def shrink(self, rows: int, position: int) -> None:
        """An answer holds only so many rows: begin anew at the cursor, and read less again from now on."""
        self._rows = max(1, min(self._rows, rows // 2))
        self._recent.clear()
        self._ids.clear()
        self._settled = max(self._settled, position)
