"""A selection: which entries a reader wants, and how much of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from poslogs.cooperation import breathe
from poslogs.platformos.entries import Entry
from poslogs.query.query import Query, subject_of


class Selection(NamedTuple):
    """What a reader wants of a batch."""

    filter: str | frozenset[str] | None  # casefolded, one or several; matches the whole of type or error_type
    late: bool  # rows that became visible late, under a lower id, too
    max_message: int | None = None  # bytes of a text in an entry; what is longer is cut
    query: Query | None = None  # holds for it too

    def wants(self, kind: str, error_type: str) -> bool:
        """Whether an entry of this type and error_type passes the filter."""
        if self.filter is None:
            return True
        if isinstance(self.filter, str):
            return self.filter == kind or self.filter == error_type.casefold()
        return kind in self.filter or error_type.casefold() in self.filter

    def has(self, entry: Entry) -> bool:
        """Whether it has an entry: the filter and the query hold. May let others run."""
        if not self.wants(entry.type, entry.error_type):
            return False
        if self.query is None:
            return True
        breathe()
        return self.query.holds_for(subject_of(entry.json))

    def has_fields(self, entry: Mapping[str, Any]) -> bool:
        """The same of an entry that was read from its JSON."""
        if not self.wants(entry["type"], entry["error_type"]):
            return False
        return self.query is None or self.query.holds(entry)
