"""The overlap: the newest ids of an environment, read again for rows that become visible late."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from poslogs.platformos.entries import Entry

MAX_ROWS: Final = 100  # rows that one poll reads again, at most


class Overlap:
    """Which ids were first seen within the last `seconds`, MAX_ROWS of them at most."""

    def __init__(self, seconds: float, position: int) -> None:
        self._seconds = seconds
        self._rows = MAX_ROWS
        self._recent: deque[tuple[int, float]] = deque()  # id, when it was first seen
        self._ids: set[int] = set()
        self._settled = position

    def start(self, now: float) -> int:
        """The position from which a poll reads the overlap again; the cursor itself when all is settled."""
        while self._recent and (self._recent[0][1] < now - self._seconds or len(self._recent) > self._rows):
            gone, _ = self._recent.popleft()
            self._ids.discard(gone)
            self._settled = max(self._settled, gone)
        return self._settled

    def late(self, entries: Sequence[Entry], since: int) -> list[Entry]:
        """Which of these entries, all behind the cursor, were never seen; `since` is what the poll asked after."""
        return [entry for entry in entries if entry.id > since and entry.id not in self._ids]

    def saw(self, entries: Sequence[Entry], now: float) -> None:
        """Remember entries as first seen now."""
        skipped = len(entries) - self._rows
        if skipped > 0:
            self._settled = max(self._settled, entries[skipped - 1].id)
            entries = entries[skipped:]
        for entry in entries:
            self._recent.append((entry.id, now))
            self._ids.add(entry.id)

    def shrink(self, rows: int) -> None:
        """An answer holds only so many rows: read less again, or new rows would never come in it."""
        self._rows = max(1, min(self._rows, rows // 2))
