"""A fetch: the entries after a position, or the newest, as one answer that ends."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from poslogs.platformos import entries
from poslogs.platformos.entries import Entry
from poslogs.platformos.gateway import Gateway, GatewayError
from poslogs.streaming import backward
from poslogs.streaming.window import Taste

MAX_BYTES: Final = 32 * 1024 * 1024  # of entries in one answer
MAX_SECONDS: Final = 60.0  # of asking for one answer; gunicorn and proxies give up later than that


@dataclass(frozen=True)
class Found:
    """Entries oldest first; `last` is the position up to which rows were looked at.

    `truncated`: more is known to exist: after `last`, or, for the newest, before the first of them.
    """

    entries: list[Entry]
    last: int
    truncated: bool


def first(
    gateway: Gateway, env: str, position: int, limit: int, taste: Taste, clock: Callable[[], float] = time.monotonic
) -> Found:
    """The first `limit` entries after a position, asking until there is nothing more, as pos-cli's fetch-logs does.

    Raises GatewayError when the very first question fails; later ones end the answer, which says so.
    """
    end = clock() + MAX_SECONDS
    asked = position
    found: list[Entry] = []
    size = 0
    while True:
        try:
            page = entries.read(gateway.after(position), env)
        except GatewayError:
            if position == asked:
                raise
            return Found(found, position, True)
        if page.last <= position:
            return Found(found, position, False)
        for entry in page.entries:
            if entry.id <= position:
                continue
            if taste.wants(entry.type, entry.error_type):
                if len(found) == limit or (found and size + len(entry.json) > MAX_BYTES):
                    return Found(found, position, True)
                found.append(entry)
                size += len(entry.json)
            position = entry.id
        position = page.last
        if clock() > end:
            return Found(found, position, True)


def newest(gateway: Gateway, env: str, limit: int, taste: Taste, clock: Callable[[], float] = time.monotonic) -> Found:
    """The newest `limit` entries; `last` is the end of the log. Raises GatewayError."""
    end = clock() + MAX_SECONDS
    part = backward.stretch(gateway, env, 0, MAX_SECONDS, clock)
    kept: deque[Entry] = deque()
    size = 0
    for page in backward.newest_first(gateway, env, part):
        for entry in page:
            if taste.wants(entry.type, entry.error_type):
                size += len(entry.json)
                if len(kept) == limit or (kept and size > MAX_BYTES):
                    return Found(list(kept), part.last, True)
                kept.appendleft(entry)
        if clock() > end:
            return Found(list(kept), part.last, True)
    return Found(list(kept), part.last, False)
