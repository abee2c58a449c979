"""The window: the recent entries of an environment in order, and where a position lies in them."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, islice
from typing import Final, NamedTuple

from poslogs.platformos.entries import Entry, Kind
from poslogs.streaming import frames
from poslogs.streaming.frames import Chunk

CHUNK_BYTES: Final = 64 * 1024  # a batch is closed once it holds so much; one entry may be larger
PUBLICATION_BYTES: Final = 448 * 1024  # and so a publication, of which a reader that is slow holds back the rest
ENTRY_BYTES: Final = (
    32  # that a batch holds of an entry beside its frame: its id, where it ends, and what filters look at
)
KIND_BYTES: Final = 200  # of a text that filters look at, beside four for each character
BATCH_BYTES: Final = 1000  # of a batch itself
MAX_MADE: Final = 64  # kinds of readers for which a batch keeps what was made
FRESH_BATCHES: Final = 4  # the newest batches keep what was made for each filter
SWEEP_BATCHES: Final = 64  # between two times that the others are seen to


Key = tuple[str | None, int | None]  # filter, max_message


class Selection(NamedTuple):
    """What a reader wants of a batch."""

    filter: str | None  # casefolded; matches the whole of type or error_type
    late: bool  # rows that became visible late, under a lower id, too
    max_message: int | None = None  # bytes of a text in an entry; what is longer is cut

    def wants(self, kind: str, error_type: str) -> bool:
        """Whether an entry of this type and error_type passes the filter."""
        return self.filter is None or self.filter == kind or self.filter == error_type.casefold()


class Batch:
    """A run of entries as frames, made once; `number` rises by one from batch to batch."""

    __slots__ = (
        "_cut", "_ends", "_kinds", "_longest", "_made", "data", "high", "ids", "late", "low", "notice", "number", "size"
    )  # fmt: skip

    def __init__(self, number: int, low: int, high: int, entries: Sequence[Entry], late: bool, notice: bytes) -> None:
        self.number = number
        self.low = low  # a reader at this position or later has nothing to fetch before this batch
        self.high = high  # the position after it
        self.notice = notice  # error frames for everyone, behind the entries
        self.late = late  # rows that became visible late: behind the position, which they do not move
        ids, kinds, jsons = zip(*entries, strict=True) if entries else ((), (), ())
        self._kinds: Sequence[Kind] = kinds
        self.ids = array("q", ids)
        made = frames.data([high] * len(ids) if late else ids, jsons)
        self._ends = array("q", accumulate(map(len, made)))
        self._longest = max(map(len, made), default=0)
        self.data = b"".join(made)
        texts = {id(kind): len(kind.error_type) for kind in kinds}
        self.size = (
            BATCH_BYTES + len(self.data) + len(notice) + ENTRY_BYTES * len(ids)
        )  # what it takes in memory, about
        self.size += sum(KIND_BYTES + 4 * length for length in texts.values())
        self._made: dict[Selection | str | None, Chunk | None] = {}
        self._cut: tuple[Selection, Chunk | None] | None = None

    def has_longer(self, most: int | None) -> bool:
        """Whether an entry may have a text of more than `most` bytes."""
        return most is not None and self._longest > most

    def chunk(self, selection: Selection) -> Chunk | None:
        """The whole batch for a selection, shared by all readers that have it; None when nothing is in it for them.

        What was cut is kept for one selection alone: a copy for each would be more than the window is bounded to.
        """
        if self.has_longer(selection.max_message):
            cut, kind = self._cut, selection if self.late else selection._replace(late=False)
            if cut is None or cut[0] != kind:
                cut = self._cut = kind, self._make(selection, 0)
            return cut[1]
        key = selection._replace(max_message=None) if self.late else selection.filter
        try:
            return self._made[key]
        except KeyError:
            if len(self._made) >= MAX_MADE:
                self._made.clear()
            chunk = self._made[key] = self._make(selection, 0)
            return chunk

    def after(self, position: int, selection: Selection) -> Chunk | None:
        """What lies past a position that is inside this batch, or behind it."""
        return self._make(selection, len(self.ids) if self.late else bisect_right(self.ids, position))

    def unless(self, had: Callable[[int], bool], position: int, selection: Selection) -> Chunk | None:
        """What a live reader at a position has not had; a frame behind its position carries that position."""
        found = []
        for index, start, end in self._wanted(selection, 0):
            id_ = self.ids[index]
            if not had(id_):
                frame = frames.shortened(self.data[start:end], selection.max_message)
                found.append(frame if id_ > position else b"id: %d\n%s" % (position, frame.partition(b"\n")[2]))
        data = b"".join(found) + self.notice
        return Chunk(data) if data else None

    def wanted_from(self, count: int, selection: Selection) -> tuple[int, int]:
        """How many entries the selection wants, `count` at most, and the position right before the oldest of them."""
        indexes = [index for index, _, _ in self._wanted(selection, 0)][-count:]
        return len(indexes), (self.ids[indexes[0] - 1] if indexes and indexes[0] else self.low)

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Its entries as JSON, each with its id."""
        start = 0
        for id_, end in zip(self.ids, self._ends, strict=True):
            yield id_, frames.entry(self.data[start:end])
            start = end

    def forget(self) -> None:
        """Drop what was made for each selection; it is made again when asked for."""
        if self._made or self._cut:
            self._made, self._cut = {}, None

    def _make(self, selection: Selection, first: int) -> Chunk | None:
        if self.late and not selection.late:
            data = b""
        elif selection.filter is None and not self.has_longer(selection.max_message):
            data = self.data[self._ends[first - 1] :] if first else self.data
        else:
            wanted = [self.data[start:end] for _, start, end in self._wanted(selection, first)]
            data = b"".join([frames.shortened(frame, selection.max_message) for frame in wanted])
        data += self.notice
        return Chunk(data) if data else None

    def _wanted(self, selection: Selection, first: int) -> Iterator[tuple[int, int, int]]:
        for index in range(first, len(self._ends)):
            if selection.wants(*self._kinds[index]):
                yield index, (self._ends[index - 1] if index else 0), self._ends[index]


class Publication:
    """Batches that came in together, as one write for each selection; made while they are given to the readers."""

    __slots__ = ("_made", "batches", "first", "high", "late", "low", "number")

    def __init__(self, batches: Sequence[Batch]) -> None:
        self.batches = batches
        self.first = batches[0].number
        self.number = batches[-1].number
        self.low = batches[0].low  # a reader at this position or before it gets all of them
        self.high = batches[-1].high
        self.late = any(batch.late for batch in batches)
        self._made: dict[Key, Chunk | None] = {}

    @property
    def made(self) -> int:
        """For how many kinds of readers it was made."""
        return len(self._made)

    def chunk(self, selection: Selection) -> Chunk | None:
        """All of it for a selection; None when nothing is in it. Not for live readers of `late` rows: see `unless`."""
        most = selection.max_message
        key = selection.filter, (most if most is not None and any(b.has_longer(most) for b in self.batches) else None)
        try:
            return self._made[key]
        except KeyError:
            chunks = [chunk for batch in self.batches if (chunk := batch.chunk(selection))]
            whole = chunks[0] if len(chunks) == 1 else Chunk(b"".join(chunk.plain for chunk in chunks))
            return self._made.setdefault(key, whole if chunks else None)


def publications(page: Iterable[Batch]) -> Iterator[Publication]:
    """The batches of a page in runs of about PUBLICATION_BYTES."""
    run: list[Batch] = []
    size = 0
    for batch in page:
        run.append(batch)
        size += len(batch.data)
        if size >= PUBLICATION_BYTES:
            yield Publication(run)
            run, size = [], 0
    if run:
        yield Publication(run)


def batches(entries: Iterable[Entry], number: int, position: int, *, late: bool = False) -> Iterator[Batch]:
    """Entries in batches of about CHUNK_BYTES, numbered from `number`; `position` is where they begin.

    Late entries all stand at `position`, which they do not move.
    """
    run: list[Entry] = []
    size = 0
    low = position
    for entry in entries:
        run.append(entry)
        size += len(entry.json)
        if size >= CHUNK_BYTES:
            high = position if late else entry.id
            yield Batch(number, low, high, run, late, b"")
            number, low, run, size = number + 1, high, [], 0
    if run:
        yield Batch(number, low, position if late else run[-1].id, run, late, b"")


class Window:
    """Recent batches of one environment, bounded by bytes; the newest page always stays whole.

    Not locked: its feed is.
    """

    def __init__(self, max_bytes: int, position: int, number: int) -> None:
        self._max_bytes = max_bytes
        self._batches: deque[Batch] = deque()
        self._bytes = 0
        self.floor = position  # everything listed after this position is here
        self.high = position
        self.number = number  # of the newest batch

    @property
    def empty(self) -> bool:
        """Whether nothing has come since it began."""
        return not self._batches

    def admit(self, page: Iterable[Batch]) -> None:
        """Add the batches of one poll and let the oldest go, but none of this page."""
        fresh = len(self._batches)
        before = self.number
        for batch in page:
            self._batches.append(batch)
            self._bytes += batch.size
            self.number = batch.number
            self.high = max(self.high, batch.high)
        while fresh and self._bytes > self._max_bytes:
            gone = self._batches.popleft()
            fresh -= 1
            self._bytes -= gone.size
            self.floor = max(self.floor, gone.high)
        # All of a long window are looked through now and then only.
        reach = SWEEP_BATCHES if before // SWEEP_BATCHES == self.number // SWEEP_BATCHES else len(self._batches)
        for batch in islice(reversed(self._batches), FRESH_BATCHES, reach):
            batch.forget()

    def after(self, number: int) -> Batch | None:
        """The batch behind that number, None when there is none yet. Raises LookupError when it has left."""
        back = self.number - number
        if back <= 0:
            return None
        if back > len(self._batches):
            raise LookupError
        return self._batches[-back]

    def find(self, position: int) -> tuple[int, Batch | None]:
        """Where a reader at `position` continues: the number it has behind it, and the batch that it is inside of.

        Raises LookupError when the window does not reach back to it.
        """
        if position < self.floor:
            raise LookupError
        number = self.number
        for batch in reversed(self._batches):
            if batch.high <= position:
                break  # late rows at just this position count as delivered with it
            if batch.low < position:
                return batch.number, batch
            number = batch.number - 1
        return number, None

    def known(self) -> dict[int, bytes]:
        """The entries that it holds, as JSON, by id."""
        return {id_: entry for batch in self._batches for id_, entry in batch.entries()}

    def late_until(self, number: int) -> list[Batch]:
        """The batches of late rows up to a number."""
        return [batch for batch in self._batches if batch.late and batch.number <= number]

    def tail(self, count: int, selection: Selection) -> int | None:
        """A position with `count` entries for the selection behind it; None when the window may not hold so many.

        Nor is there one when rows behind it became visible late, since these stand elsewhere than in their place.
        """
        left = count
        position = self.high
        for batch in reversed(self._batches):
            if left <= 0:
                break
            if not batch.late:
                found, position = batch.wanted_from(left, selection)
                left -= found
        late = any(batch.ids[-1] > position for batch in self._batches if batch.late)
        return position if (left <= 0 or self.floor == 0) and not late else None
