"""Marks: for which entries of an answer a query holds, as far as it has looked at them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

from poslogs.platformos.entries import Entry
from poslogs.query.query import Query, subject_of

NOT_HELD: Final = 1
HELD: Final = 2


class Marks:
    """A mark for each entry of an answer, in its order; kept with the answer, for all readers with the query."""

    __slots__ = ("_ids", "_marks")

    def __init__(self, ids: Sequence[int]) -> None:
        """`ids` are those of the entries, ascending."""
        self._ids = ids
        self._marks = bytearray(len(ids))

    def complete(self, entries: Sequence[Entry]) -> bool:
        """Whether the query has looked at all of these, which stand one after another in the answer."""
        first = self._place(entries)
        return all(self._marks[first : first + len(entries)])

    def looking(self, query: Query, entries: Sequence[Entry]) -> Iterator[None]:
        """Have the query look at those that it has not looked at yet, one a step."""
        for place, entry in enumerate(entries, self._place(entries)):
            if not self._marks[place]:
                self._marks[place] = HELD if query.holds_for(subject_of(entry.json)) else NOT_HELD
                yield

    def held(self, entries: Sequence[Entry]) -> set[int]:
        """The ids of those that the query holds for."""
        return {entry.id for place, entry in enumerate(entries, self._place(entries)) if self._marks[place] == HELD}

    def _place(self, entries: Sequence[Entry]) -> int:
        return bisect_left(self._ids, entries[0].id) if entries else 0
