"""An answer: what platformOS gave for one question, read in pieces by whoever asked, and kept for a while."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Final

from poslogs.platformos import entries
from poslogs.platformos.entries import Entry, Page

PIECE_BYTES: Final = 256 * 1024  # of entries that one reader holds at once; one entry may be larger
ENTRY_BYTES: Final = 200  # that an entry takes beside its JSON, about

Wants = Callable[[Entry], bool]


class Answer:
    """The entries past `position`, ascending; `last` is what to ask after next, `count` how many rows came.

    Answers are large, and a reader may stall at any moment. So a reader keeps a weak reference to an answer and its
    own position in it. `Answers` alone keeps it; once it is gone the reader asks again from where it is.
    """

    __slots__ = ("__weakref__", "count", "entries", "last", "page", "size")

    def __init__(self, page: Page, count: int, position: int) -> None:
        self.page = page
        self.count = count
        self.entries = [entry for entry in page.entries if entry.id > position]
        self.last = page.last
        self.size = sum(len(entry.json) + ENTRY_BYTES for entry in page.entries)  # bytes, about

    @classmethod
    def read(cls, rows: Iterable[object], env: str, position: int) -> Answer:
        """The answer that these rows are to a question for what comes after a position."""
        given = list(rows)
        return cls(entries.read(given, env), len(given), position)

    def piece(self, position: int, wants: Wants) -> tuple[list[Entry], int]:
        """The next entries past a position, and the position behind them; at the end of the answer that is `last`.

        Of those that are wanted there are about PIECE_BYTES.
        """
        start = bisect_right(self.entries, position, key=_id)
        size = 0
        for index in range(start, len(self.entries) - 1):
            entry = self.entries[index]
            if wants(entry):
                size += len(entry.json)
                if size >= PIECE_BYTES:
                    return self.entries[start : index + 1], entry.id
        return self.entries[start:], max(self.last, position)


class Answers:
    """The latest answers of all environments, `most_bytes` of them at most; the newest is kept however large it is."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._lock = threading.Lock()
        self._kept: deque[tuple[object, Answer]] = deque()
        self._bytes = 0

    def keep(self, owner: object, answer: Answer) -> None:
        """Keep an answer for now; `owner` may have its own forgotten."""
        with self._lock:
            self._kept.append((owner, answer))
            self._bytes += answer.size
            while self._bytes > self._most and len(self._kept) > 1:
                self._bytes -= self._kept.popleft()[1].size

    def forget(self, owner: object) -> None:
        """Keep those of this owner no longer."""
        with self._lock:
            self._kept = deque(pair for pair in self._kept if pair[0] is not owner)
            self._bytes = sum(answer.size for _, answer in self._kept)


_id: Final = itemgetter(0)
