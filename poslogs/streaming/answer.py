"""An answer: the rows that platformOS gave for one question. Askers read it in pieces; it is kept for a while."""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from itertools import accumulate
from typing import Final

from poslogs.platformos.entries import NO_TIME, Entry, Page
from poslogs.query.query import Query
from poslogs.streaming.batch import KIND_BYTES, MAX_MADE
from poslogs.streaming.marks import Marks

PIECE_BYTES: Final = 256 * 1024  # bytes of entries that one reader holds at once; one entry may be larger
PIECE_ENTRIES: Final = 2000  # most entries looked at for one piece, since a filter may pass over nearly all of them
ANSWER_BYTES: Final = 1000  # memory of an answer beside its entries, about
ENTRY_BYTES: Final = 40  # memory of an entry beside its JSON, about
REASON_BYTES: Final = 60  # memory of a reason why a row is not an entry beside its text, about

Wants = Callable[[Entry], bool]


class Answer:
    """The entries past `position`, ascending; `last` is the position to ask after next, `count` how many rows came.

    Its page is whole: a `last` that is not past the position means that nothing is there.

    Answers are large, and a reader may stall at any moment. So a reader keeps a weak reference to an answer and its
    own position in it. `Answers` alone keeps it; once it is gone the reader asks again from where it is. An answer is
    a few large objects: many small ones would prevent the memory between them from being given back.
    """

    __slots__ = ("__weakref__", "_data", "_ends", "_ids", "_kinds", "_marks", "count", "last", "more", "page", "size")

    def __init__(self, page: Page, position: int) -> None:
        """`page` answers the question for what came after a position."""
        found = [entry for entry in page.entries if entry.id > position]
        self._ids = array("q", [entry.id for entry in found])
        self._kinds = [entry.kind for entry in found]
        self._ends = array("q", accumulate(len(entry.json) for entry in found))
        self._data = b"".join([entry.json for entry in found])
        self._marks: dict[Query, Marks] = {}
        self.page = page._replace(entries=[])  # the reasons why rows are not entries
        self.count = page.rows
        self.last = page.last
        self.more = page.cut  # rows beyond these came, and were not taken
        texts = {id(kind): KIND_BYTES + 4 * len(kind.error_type) for kind in self._kinds}
        self.size = ANSWER_BYTES + len(self._data) + ENTRY_BYTES * len(found) + sum(texts.values())  # bytes, about
        self.size += sum(REASON_BYTES + len(reason) for reason in page.refused)

    @property
    def first(self) -> int:
        """The id of the first entry; 0 if there is none."""
        return self._ids[0] if self._ids else 0

    @property
    def final(self) -> int:
        """The id of the last entry; 0 without any."""
        return self._ids[-1] if self._ids else 0

    def split(self, position: int, is_past: Callable[[str], bool]) -> int | None:
        """The id of the last row past a position that comes before the first whose time `is_past`.

        The position itself where that row is the first past it; `last` where no row's time is past, as far as the last
        one tells. Rows without a time do not count: None where none past the position has one.
        """
        timed = range(bisect_right(self._ids, position), len(self._ids))
        first = next((index for index in timed if self._moment(index) != NO_TIME), None)
        if first is None:
            return None
        last = next(index for index in reversed(timed) if self._moment(index) != NO_TIME)
        if not is_past(self._moment(last)):
            return self.last
        if is_past(self._moment(first)):
            return position
        past = next(index for index in range(first, last + 1) if is_past(self._moment(index)))
        return self._ids[past - 1]

    def _moment(self, index: int) -> str:
        return self._entry(index).timestamp

    @property
    def entries(self) -> list[Entry]:
        """All its entries, made anew."""
        return self._entries(0, len(self._ids))

    def _entries(self, start: int, end: int) -> list[Entry]:
        return [self._entry(index) for index in range(start, end)]

    def _entry(self, index: int) -> Entry:
        begin = self._ends[index - 1] if index else 0
        return Entry(self._ids[index], self._kinds[index], self._data[begin : self._ends[index]])

    def marks(self, query: Query) -> Marks:
        """For which of its entries a query holds; the same for all readers that have it."""
        while query not in self._marks and len(self._marks) >= MAX_MADE:
            self._marks.pop(next(iter(self._marks)), None)
        return self._marks.setdefault(query, Marks(self._ids))

    def piece(self, position: int, wants: Wants) -> tuple[list[Entry], int]:
        """The next entries past a position, and the position after them: `last` at the end of the answer.

        The wanted ones among them have about PIECE_BYTES.
        """
        start = bisect_right(self._ids, position)
        looked: list[Entry] = []
        size = 0
        for index in range(start, len(self._ids)):
            entry = self._entry(index)
            looked.append(entry)
            if wants(entry):
                size += len(entry.json)
            if (size >= PIECE_BYTES or len(looked) == PIECE_ENTRIES) and index + 1 < len(self._ids):
                return looked, entry.id
        return looked, max(self.last, position)


class Answers:
    """The latest answers of all environments, `most_bytes` of them at most; the newest is kept however large it is."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._lock = threading.Lock()
        self._kept: deque[tuple[object, Answer]] = deque()
        self._bytes = 0

    def keep(self, owner: object, answer: Answer) -> None:
        """Keep an answer for now; `forget` drops all answers of its `owner`."""
        with self._lock:
            self._kept.append((owner, answer))
            self._bytes += answer.size
            while self._bytes > self._most and len(self._kept) > 1:
                self._bytes -= self._kept.popleft()[1].size

    def drop(self, answer: Answer) -> None:
        """Keep an answer no longer; harmless when it is kept no longer already."""
        with self._lock:
            pair = next((pair for pair in reversed(self._kept) if pair[1] is answer), None)
            if pair is not None:
                self._kept.remove(pair)
                self._bytes -= answer.size

    def forget(self, owner: object) -> None:
        """Drop the answers of this owner."""
        with self._lock:
            self._kept = deque(pair for pair in self._kept if pair[0] is not owner)
            self._bytes = sum(answer.size for _, answer in self._kept)
