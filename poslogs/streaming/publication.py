"""A publication: batches that came in together, as one write for each selection."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Final, Protocol

from poslogs.cooperation import let_others_run
from poslogs.query.query import Query
from poslogs.streaming.batch import Batch
from poslogs.streaming.frames import Chunk, together
from poslogs.streaming.selection import Selection

PUBLICATION_BYTES: Final = 448 * 1024  # a publication is closed once it holds this much: a slow reader holds it whole

TURN_READERS: Final = 500  # readers that are given a page in one go


class Receiver(Protocol):
    """What a publication is given to."""

    def publish(self, publication: Publication) -> None:
        """Take a publication that is in the window now. Does not wait."""


Key = tuple[str | frozenset[str] | None, Query | None, int | None]  # filter, query, max_message


class Publication:
    """Batches that came in together, as one write for each selection; made while they are given to the readers."""

    __slots__ = ("batches", "first", "high", "late", "low", "made", "number")

    def __init__(self, batches: Sequence[Batch]) -> None:
        self.batches = batches
        self.first = batches[0].number
        self.number = batches[-1].number
        self.low = batches[0].low  # a reader at this position or before it gets all of them
        self.high = batches[-1].high
        self.late = any(batch.late for batch in batches)
        self.made: dict[Key, Chunk | None] = {}  # what was made of it so far, by what it was made for

    def chunk(self, selection: Selection) -> Chunk | None:
        """All of it for a selection; None when nothing is in it. Not for live readers of `late` rows: see `unless`."""
        most = selection.max_message
        most = most if most is not None and any(batch.has_longer(most) for batch in self.batches) else None
        key = selection.filter, selection.query, most
        try:
            return self.made[key]
        except KeyError:
            chunks = [chunk for batch in self.batches if (chunk := batch.chunk(selection))]
            return self.made.setdefault(key, together(chunks) if chunks else None)


def give(page: Sequence[Batch], readers: Collection[Receiver], failed: Callable[[Exception], None]) -> None:
    """Give the batches of a page to readers. If one reader fails, `failed` gets its error, and the others go on."""
    for turn, publication in enumerate(publications(page)):
        if turn:
            let_others_run()  # making and packing the chunks of each takes a while
        made = publication.made
        for count, reader in enumerate(readers, 1):
            before = len(made)
            try:
                reader.publish(publication)  # which does not wait
            except Exception as error:  # noqa: BLE001 - a fault of one reader must not reach the others
                failed(error)
            if len(made) > before or not count % TURN_READERS:
                let_others_run()  # a new chunk takes a while, and so do many readers


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
