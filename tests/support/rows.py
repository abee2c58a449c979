"""The rows that the stand-in has: in the order of their ids, with the moment each became visible."""

from __future__ import annotations

import time
from bisect import bisect_right, insort
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

MISSING: Any = object()  # as a field's value: the row goes without that field


@dataclass(frozen=True, slots=True)
class RawJson:
    """A row that is sent as exactly these bytes."""

    text: bytes


class Rows:
    """Rows by id. Not thread-safe: its owner holds a lock."""

    def __init__(self) -> None:
        self.by_id: dict[int, Any] = {}
        self.listed: list[tuple[float, Any]] = []
        self._ids: list[int] = []

    @property
    def last_id(self) -> int:
        """The highest id there is, 0 without any."""
        return self._ids[-1] if self._ids else 0

    @property
    def ids(self) -> list[int]:
        """All ids, ascending."""
        return list(self._ids)

    def put(self, fields: Mapping[str, Any]) -> int:
        """List a row made of `fields` and of defaults for what they lack; its id is the next when they name none."""
        given = fields.get("id")
        number = self.last_id + 1 if given is None else int(given)
        row = {
            "id": number,
            "created_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "error_type": "info",
            "message": f"row {number}",
            "data": {},
        }
        row |= {name: value for name, value in fields.items() if not (name == "id" and value is None)}
        return self.place(number, {name: value for name, value in row.items() if value is not MISSING})

    def place(self, number: int, row: Any) -> int:
        """List anything at all at the place of the id `number`."""
        if number in self.by_id:
            raise ValueError(f"there is a row {number} already")
        self.by_id[number] = row
        insort(self._ids, number)
        self.listed.append((time.monotonic(), row))
        return number

    def after(self, last_id: int, limit: int) -> list[Any]:
        """The rows above `last_id`, ascending, at most `limit`."""
        start = bisect_right(self._ids, last_id)
        return [self.by_id[number] for number in self._ids[start : start + limit]]

    def reset_ids(self, last_id: int) -> None:
        """Forget the rows above `last_id`, but not when they were listed."""
        for number in self._ids[bisect_right(self._ids, last_id) :]:
            del self.by_id[number]
        self._ids = self._ids[: bisect_right(self._ids, last_id)]
