"""A batch: a run of entries as frames, made once for all readers."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final

from poslogs.cooperation import breathe
from poslogs.platformos.entries import Entry, Kind
from poslogs.query.query import Query, subject_of
from poslogs.query.subject import Subject
from poslogs.streaming import frames
from poslogs.streaming.contents import Entries
from poslogs.streaming.frames import Chunk, together
from poslogs.streaming.selection import Selection

CHUNK_BYTES: Final = 64 * 1024  # a batch is closed once it holds this much; one entry may be larger
# What a batch holds of an entry beside its frame: its id, where it ends, and what filters look at.
ENTRY_BYTES: Final = 32
KIND_BYTES: Final = 200  # of a text that filters look at, beside four for each character
BATCH_BYTES: Final = 1000  # of a batch itself
MAX_MADE: Final = 64  # selections for which a batch keeps what was made, and queries that have looked at it

Key = Selection | tuple[str | frozenset[str] | None, Query | None]


class Batch:
    """A run of entries as frames, made once; `number` rises by one from batch to batch."""

    __slots__ = (
        "__weakref__", "_cut", "_ends", "_kinds", "_longest", "_looked", "_made", "data", "high", "ids", "late", "low",
        "notice", "number", "settled", "size",
    )  # fmt: skip

    def __init__(
        self,
        number: int,
        low: int,
        high: int,
        entries: Sequence[Entry],
        late: bool = False,
        notice: Chunk | None = None,
    ) -> None:
        self.number = number
        self.low = low  # a reader at this position or later has nothing to fetch before this batch
        self.high = high  # the position after it
        self.notice = notice  # an error for everyone, after the entries
        self.settled = 0  # the position up to which no row can become visible late any more
        self.late = late  # its rows became visible late: below the position, which they do not move
        ids, kinds, jsons = zip(*entries, strict=True) if entries else ((), (), ())
        self._kinds: Sequence[Kind] = kinds
        self.ids = array("q", ids)
        made = frames.data([high] * len(ids) if late else ids, jsons)
        self._ends = array("q", accumulate(map(len, made)))
        self._longest = max(map(len, made), default=0)
        self.data = b"".join(made)
        texts = {id(kind): len(kind.error_type) for kind in kinds}
        # What it takes in memory, about.
        self.size = BATCH_BYTES + len(self.data) + ENTRY_BYTES * len(ids) + (len(notice.plain) if notice else 0)
        self.size += sum(KIND_BYTES + 4 * length for length in texts.values())
        self._made: dict[Key, Chunk | None] = {}
        self._looked: dict[Query, bytes] = {}  # 1 for each entry that a query holds for, else 0
        self._cut: tuple[Selection, Chunk | None] | None = None

    @property
    def longest(self) -> int:
        """Bytes of its longest frame."""
        return self._longest

    def has_longer(self, most: int | None) -> bool:
        """Whether an entry may have a text of more than `most` bytes."""
        return most is not None and self._longest > most

    def chunk(self, selection: Selection) -> Chunk | None:
        """The whole batch for a selection, shared by all readers that have it; None when it has nothing for them.

        A batch with shortened texts is kept for one selection only: a copy for each would exceed the window's bound.
        """
        if self.has_longer(selection.max_message):
            cut, kind = self._cut, selection if self.late else selection._replace(late=False)
            if cut is None or cut[0] != kind:
                cut = self._cut = kind, self._make(selection, 0)
            return cut[1]
        key: Key = selection._replace(max_message=None) if self.late else (selection.filter, selection.query)
        try:
            return self._made[key]
        except KeyError:
            if len(self._made) >= MAX_MADE:
                self._made.clear()
            chunk = self._made[key] = self._make(selection, 0)
            return chunk

    def after(self, position: int, selection: Selection) -> Chunk | None:
        """What this batch holds past a position that lies inside or after it."""
        return self._make(selection, len(self.ids) if self.late else bisect_right(self.ids, position))

    def unless(self, had: Callable[[int], bool], position: int, selection: Selection) -> Chunk | None:
        """What a live reader at a position has not had. A frame with a lower id carries that position."""
        found = []
        for index, start, end in self._wanted(selection, 0):
            id_ = self.ids[index]
            if not had(id_):
                frame = frames.shortened(self.data[start:end], selection.max_message)
                found.append(frame if id_ > position else b"id: %d\n%s" % (position, frame.partition(b"\n")[2]))
        return self._with_notice(b"".join(found))

    def wanted_from(self, count: int, selection: Selection) -> tuple[int, int]:
        """How many entries the selection wants, `count` at most, and the position right before the oldest of them."""
        indexes = [index for index, _, _ in self._wanted(selection, 0)][-count:]
        return len(indexes), (self.ids[indexes[0] - 1] if indexes and indexes[0] else self.low)

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Its entries as JSON, each with its id."""
        for id_, (_, json) in zip(self.ids, Entries(self.data), strict=True):
            yield id_, json

    def subjects(self) -> Iterator[Subject]:
        """Its entries as queries look at them, each made when it is asked for."""
        for _, json in self.entries():
            yield subject_of(json)

    def looked(self, query: Query) -> bool:
        """Whether a query has looked at its entries, which takes a while: see `Looks`."""
        return query in self._looked or not self.ids

    def looking(self, query: Query, subjects: Iterable[Subject]) -> Iterator[None]:
        """Have a query look at its entries, one a step; for which it holds is kept once all were looked at."""
        held = bytearray(len(self.ids))
        for index, subject in enumerate(subjects):
            held[index] = query.holds_for(subject)
            yield
        while len(self._looked) >= MAX_MADE:
            self._looked.pop(next(iter(self._looked)), None)
        self._looked[query] = bytes(held)

    def forget(self) -> None:
        """Drop what was made for each selection; it is made again when asked for."""
        if self._made or self._cut:
            self._made, self._cut = {}, None

    def _make(self, selection: Selection, first: int) -> Chunk | None:
        if self.late and not selection.late:
            data = b""
        elif selection.filter is None and selection.query is None and not self.has_longer(selection.max_message):
            data = self.data[self._ends[first - 1] :] if first else self.data
        else:
            wanted = [self.data[start:end] for _, start, end in self._wanted(selection, first)]
            data = b"".join([frames.shortened(frame, selection.max_message) for frame in wanted])
        return self._with_notice(data)

    def _with_notice(self, data: bytes) -> Chunk | None:
        if self.notice is None:
            return Chunk(data) if data else None
        return together([Chunk(data), self.notice]) if data else self.notice

    def _held(self, query: Query) -> bytes:
        """1 for each entry that a query holds for, else 0; if it has not looked at them, it does so here."""
        held = self._looked.get(query)
        while held is None:
            for _ in self.looking(query, self.subjects()):
                breathe()
            held = self._looked.get(query)
        return held

    def _wanted(self, selection: Selection, first: int) -> Iterator[tuple[int, int, int]]:
        query = selection.query
        held = None if query is None else self._held(query)
        for index in range(first, len(self._ends)) if held is None else _places(held, first):
            if selection.filter is None or selection.wants(*self._kinds[index]):
                yield index, (self._ends[index - 1] if index else 0), self._ends[index]


def _places(held: bytes, first: int) -> Iterator[int]:
    """Where 1 stands, from a place on."""
    place = held.find(1, first)
    while place >= 0:
        yield place
        place = held.find(1, place + 1)


def batches(entries: Iterable[Entry], number: int, position: int, *, late: bool = False) -> Iterator[Batch]:
    """Entries in batches of about CHUNK_BYTES, numbered from `number`; `position` is where they begin.

    Late entries all carry `position`, which they do not move.
    """
    run: list[Entry] = []
    size = 0
    low = position
    for entry in entries:
        run.append(entry)
        size += len(entry.json)
        if size >= CHUNK_BYTES:
            high = position if late else entry.id
            yield Batch(number, low, high, run, late)
            number, low, run, size = number + 1, high, [], 0
    if run:
        yield Batch(number, low, position if late else run[-1].id, run, late)
