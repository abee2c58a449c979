"""Times as people write them: ISO 8601, or how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

FIRST: Final = datetime.min.replace(tzinfo=UTC)
LAST: Final = datetime.max.replace(tzinfo=UTC)
SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

_AGO: Final = re.compile(r"([0-9]{1,9}) ?([smhd])", re.IGNORECASE | re.ASCII)
_ISO: Final = re.compile(r"[0-9W-]{7,10}(?:[T ][0-9:]{2,8}(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9:]{2,8})?)?", re.ASCII)
_MIDNIGHT: Final = re.compile(r"(?<=[T ])24(?=(?::?00){0,2}(?:[.,]0+)?(?:$|[Z+-]))")  # the end of a day


def read(text: str, now: datetime) -> str | None:
    """The time that a text names, as entries have theirs: in UTC, cut to milliseconds; None where it names none.

    Without a zone it is UTC. `90s`, `10m`, `2h` and `1d` are before `now`. A time that no calendar has becomes the
    first or the last that there is.
    """
    moment = _moment(text, now)
    return None if moment is None else _timestamp(moment)


def before(timestamp: str, seconds: int) -> str:
    """The timestamp so many seconds before one."""
    return _timestamp(_before(datetime.fromisoformat(timestamp), seconds))


def _moment(text: str, now: datetime) -> datetime | None:
    text = text.strip()
    if ago := _AGO.fullmatch(text):
        return _before(now, int(ago[1]) * SECONDS[ago[2].lower()])
    text = text.upper().replace(" UTC", "Z")
    if not _ISO.fullmatch(text):
        return None
    text, ends = _MIDNIGHT.subn("00", text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC) + timedelta(days=ends)
    except OverflowError:
        return FIRST if moment.year == FIRST.year else LAST


def _before(now: datetime, seconds: int) -> datetime:
    try:
        return now - timedelta(seconds=seconds)
    except OverflowError:
        return FIRST


def _timestamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
