"""The cursor of a stream: its position in the log, and what of a batch is new to its reader."""

from __future__ import annotations

from array import array
from collections.abc import Container

from poslogs.platformos.entries import Entry, shortened
from poslogs.streaming import frames
from poslogs.streaming.batch import Batch
from poslogs.streaming.frames import Chunk
from poslogs.streaming.seen_ids import SeenIds
from poslogs.streaming.selection import Selection


class Cursor:
    """A position, and for a reader that wants late rows the ids that it had lately.

    A reader that follows a feed is never past the feed's window, so each batch after its own is new to it as a whole.
    """

    __slots__ = ("position", "seen", "selection", "since")

    def __init__(self, position: int, selection: Selection) -> None:
        self.position = position
        self.selection = selection
        self.seen = SeenIds(position) if selection.late else None
        self.since = 0  # of batches up to this number the reader may have had late rows elsewhere

    def restart(self, position: int) -> None:
        """Continue after a position; what the reader had before no longer counts."""
        self.position = position
        if self.seen is not None:
            self.seen = SeenIds(position)

    def passed(self, batch: Batch) -> None:
        """Note that the reader has had a batch."""
        self.position = max(self.position, batch.high)
        if self.seen is not None:
            self.seen.add(batch.ids, batch.settled)

    def share(self, batch: Batch) -> Chunk | None:
        """The next batch as this reader gets it: nearly always the same chunk as for all others."""
        if batch.late and self.seen is not None:
            # Its rows were listed since this stream began, so they come even from before its start.
            had = self.seen.given if batch.number > self.since else self.seen.had
            return batch.unless(had, self.position, self.selection)
        return batch.chunk(self.selection)

    def rest_of(self, batch: Batch) -> Chunk | None:
        """What is left for this reader of a batch that its position lies in."""
        if self.seen is not None:
            return batch.unless(self.seen.had, self.position, self.selection)
        return batch.after(self.position, self.selection)

    def wants(self, entry: Entry) -> bool:
        """Whether the selection has this entry."""
        return self.selection.has(entry)

    def weighs(self, entry: Entry) -> bool:
        """Whether an entry counts for the size of a piece; all do where a query is to look at them first."""
        return self.selection.query is not None or self.wants(entry)

    def frames(self, entries: list[Entry], held: Container[int] | None = None) -> list[bytes]:
        """The frames of the entries that are wanted, as far as the reader has not had them; it counts all as had.

        `held` are the ids of those that its query holds for, where it has one.
        """
        if self.seen is not None:
            had, floor = self.seen.all(), self.seen.floor
            entries = [entry for entry in entries if entry.id > floor and entry.id not in had]
            self.seen.add(array("q", [entry.id for entry in entries]))
        wants = self.selection.wants
        wanted = [it for it in entries if wants(it.type, it.error_type) and (held is None or it.id in held)]
        positions = [max(entry.id, self.position) for entry in wanted]
        return frames.data(positions, [shortened(entry.json, self.selection.max_message) for entry in wanted])
