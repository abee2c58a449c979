"""The room of an answer: which entries it is to hold, and how many."""

from __future__ import annotations

from typing import Final

from poslogs.platformos.entries import Entry
from poslogs.streaming.selection import Selection

MAX_BYTES: Final = 32 * 1024 * 1024  # of entries in one answer


class Room:
    """Room for `limit` entries of a selection, MAX_BYTES of them, up to a timestamp.

    The entry `always` counts as selected.
    """

    def __init__(self, limit: int, selection: Selection, until: str = "", *, always: int = 0) -> None:
        self.limit = limit
        self.selection = selection
        self.until = until
        self._always = always
        self._count = self._size = 0

    @property
    def looks(self) -> bool:
        """Whether a query looks at each entry, which may take a while."""
        return self.selection.query is not None

    def of(self, limit: int) -> Room:
        """The same for so many entries."""
        return Room(limit, self.selection, self.until, always=self._always)

    def wants(self, entry: Entry) -> bool:
        """Whether an entry is one of these. May let others run."""
        return entry.id == self._always or self.selection.has(entry)

    def weighs(self, entry: Entry) -> bool:
        """Whether an entry counts for the size of a piece; all do where a query is to look at them, once."""
        return self.looks or self.wants(entry)

    def ends(self, entry: Entry) -> bool:
        """Whether an entry and what follows it come too late."""
        return bool(self.until) and entry.timestamp > self.until

    def takes(self, entry: Entry, most: int = MAX_BYTES) -> bool:
        """Count an entry; False where `most` bytes have no room for it, as they always have for a first one."""
        if self._count == self.limit or (self._count and self._size + len(entry.json) > most):
            return False
        self._count += 1
        self._size += len(entry.json)
        return True
