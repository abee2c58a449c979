"""Timestamps: the time of a row as readers get it, in UTC to the millisecond."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

NO_TIME: Final = "1970-01-01T00:00:00.000Z"  # of a row whose time cannot be read: the same at every delivery


def timestamp(created_at: object) -> str:
    """A row's `created_at` in UTC, as in 2024-01-15T10:00:00.000Z; NO_TIME when it cannot be read."""
    if not isinstance(created_at, str):
        return NO_TIME
    if len(created_at) == 24 and created_at[19:] in _MILLISECONDS and _is_second(created_at[:19]):
        return created_at  # as platformOS gives it
    try:
        if _UTC.fullmatch(created_at) and _is_second(created_at[:19]):
            return f"{created_at[:-1]}000"[:23] + "Z" if "." in created_at else f"{created_at[:-1]}.000Z"
        moment = datetime.fromisoformat(created_at.strip().replace(" UTC", "Z"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return NO_TIME


_SECOND: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII)
_MILLISECONDS: Final = frozenset(f".{count:03d}Z" for count in range(1000))
_UTC: Final = re.compile(_SECOND.pattern + r"(?:\.\d{1,9})?Z", re.ASCII)


@lru_cache(maxsize=1024)
def _is_second(text: str) -> bool:
    """Whether this is a second of the calendar, as in 2024-01-15T10:00:00."""
    try:
        return bool(_SECOND.fullmatch(text) and datetime.fromisoformat(text))
    except ValueError:
        return False
