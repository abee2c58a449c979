"""A selection: which entries a reader wants, and how much of each."""

from __future__ import annotations

from typing import NamedTuple


class Selection(NamedTuple):
    """What a reader wants of a batch."""

    filter: str | None  # casefolded; matches the whole of type or error_type
    late: bool  # rows that became visible late, under a lower id, too
    max_message: int | None = None  # bytes of a text in an entry; what is longer is cut

    def wants(self, kind: str, error_type: str) -> bool:
        """Whether an entry of this type and error_type passes the filter."""
        return self.filter is None or self.filter == kind or self.filter == error_type.casefold()
