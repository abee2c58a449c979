"""The position of a stream of several environments, as text: `staging:123,production:456` (docs/reference.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, unquote

from poslogs.platformos.entries import MAX_ID
from poslogs.streaming.stream import Start

MAX_TAIL: Final = 10_000  # newest entries that a stream may begin with
MAX_CHARS: Final = 8000  # of one position; servers take about as much in a header
EPOCH: Final = datetime.fromtimestamp(0, UTC)
MILLISECOND: Final = timedelta(milliseconds=1)
_ONE: Final = r"[^:,\s]+:@?-?[0-9]{1,19}"
PATTERN: Final = rf"{_ONE}(?:,{_ONE})*"


def parsed(text: str) -> dict[str, Start]:
    """Where each environment begins, by name. Raises ValueError where the text is not such a position."""
    if len(text) > MAX_CHARS or not re.fullmatch(PATTERN, text):
        raise ValueError("not a position of several environments")
    starts = {}
    for part in text.split(","):
        name, _, number = part.rpartition(":")
        if abs(int(number.lstrip("@"))) > MAX_ID or (number.startswith("-") and int(number) < -MAX_TAIL):
            raise ValueError("not the id of an entry")
        starts[unquote(name)] = start_of(number)
    return starts


def spelt(numbers: Mapping[str, str]) -> str:
    """The position, from each environment's name and its number."""
    return ",".join(f"{spelt_name(name)}:{number}" for name, number in numbers.items())


def spelt_name(name: str) -> str:
    """A name as it stands in a position: percent-encoded but for ASCII letters, digits and `-._~`."""
    return quote(name, safe="")


def start_of(number: str) -> Start:
    """Where an environment begins, from its number in a position. Raises ValueError for a time that no calendar has."""
    if number.startswith("@"):
        return Start(since=_timestamp(int(number[1:])))
    return Start(tail=int(number[1:])) if number.startswith("-") else Start(position=int(number))


def number_of(start: Start) -> str:
    """Where an environment begins, as its number in a position.

    What is not found yet is no number of an entry: a tail stands below zero, a time in milliseconds since 1970 after
    an `@`.
    """
    if start.since is not None:
        return f"@{(datetime.fromisoformat(start.since) - EPOCH) // MILLISECOND}"
    return str(start.position or 0) if start.tail is None else f"-{start.tail}"


def _timestamp(milliseconds: int) -> str:
    try:
        moment = EPOCH + milliseconds * MILLISECOND
    except OverflowError:
        raise ValueError("not a time of the calendar") from None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
