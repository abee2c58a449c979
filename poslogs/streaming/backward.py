"""Reading backward: the newest entries first, from a platformOS that reads forward only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from poslogs.platformos import entries
from poslogs.platformos.entries import MAX_ID, Entry, Page
from poslogs.platformos.gateway import Gateway, GatewayError

STRIDE: Final = 16  # how much longer each step towards the end of a log is than the one before
SHORT_ANSWERS: Final = 2  # one after another, by which a log that grows all the time is known to be at its end


class Stretch(NamedTuple):
    """A part of a log: all rows past `first`, up to `last`. One answer was seen to hold so many `rows`."""

    first: int
    last: int
    rows: int


def stretch(
    gateway: Gateway, env: str, position: int, seconds: float, clock: Callable[[], float] = time.monotonic
) -> Stretch:
    """All rows that are listed now past a position: the end of a log is found without reading the log.

    Whether a row lies past an id is all that it asks, so gaps between ids do no harm.
    Raises GatewayError, also when it takes longer than so many seconds.
    """
    end = clock() + seconds
    rows, page = _ask(gateway, env, position)
    if page.last <= position:
        return Stretch(position, position, rows)
    first = max(position, page.entries[0].id - 1) if page.entries else position
    low, high = page.last, MAX_ID  # there are rows up to here; there are none past that
    step, shorts, at_end = rows, 0, True
    while low < high and shorts < SHORT_ANSWERS:
        if clock() > end:
            raise GatewayError(f"Environment {env} answers too slowly to find the end of its log; give lastId.")
        asked = low if at_end else low + step if high == MAX_ID and low + step < high else (low + high) // 2
        if not at_end:
            step *= STRIDE
        count, page = _ask(gateway, env, asked)
        if page.last <= asked:
            high, at_end = asked, False
            continue
        rows = max(rows, count)
        short = 2 * count < rows
        shorts = shorts + 1 if short and at_end else 0
        low, at_end = page.last, short
    return Stretch(first, low, rows)


def newest_first(gateway: Gateway, env: str, part: Stretch) -> Iterator[list[Entry]]:
    """The entries of a stretch by descending id, those of one question at a time. Raises GatewayError."""
    top, width = part.last, max(part.rows, 1)  # ids that one question is for
    while top > part.first:
        low = max(part.first, top - width)
        _, page = _ask(gateway, env, low)
        if page.last < top:  # more rows than one answer holds
            if page.last <= low or width == 1:
                raise GatewayError(f"The log of environment {env} has changed while it was read; ask again.")
            width //= 2
            continue
        found = [entry for entry in reversed(page.entries) if low < entry.id <= top]
        yield found
        if 4 * len(found) < part.rows:  # ids are far apart here
            width *= 2
        top = low


def _ask(gateway: Gateway, env: str, position: int) -> tuple[int, Page]:
    """How many rows came, and what they hold."""
    rows = gateway.after(position)
    return len(rows), entries.read(rows, env)
