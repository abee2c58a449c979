"""A fallback: ids of an environment that fell back, as after its instance was restored from a backup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from poslogs.platformos import entries
from poslogs.platformos.entries import Entry
from poslogs.platformos.gateway import Gateway

MAX_PAGES: Final = 100  # that are read for what is new after a fallback


class Fallback(NamedTuple):
    """Where the log ends now, and what is new in it."""

    position: int  # what readers continue from; `new` comes after it
    new: list[Entry]


def look(gateway: Gateway, env: str, high: int, floor: int, known: Mapping[int, bytes]) -> Fallback | None:
    """Whether the row `high`, which was once listed, is gone while earlier ones are there; None when it is not so.

    A position of `high` itself means that nothing is there at all, as after old rows were thrown away.
    `known` are the entries past `floor` by id, as JSON: a row that differs from what was known under its id is
    new. Rows that are new below `floor` cannot be told from old ones, and are passed over.
    Asks about twice as often as `high` has binary digits at most. Raises GatewayError.
    """
    step = 1
    while True:
        since = max(0, high - step)
        page = entries.read(gateway.after(since), env)
        if page.last >= high:
            return None  # it is there after all
        if page.last:
            break
        if since == 0:
            return Fallback(high, [])
        step *= 2
    found: list[Entry] = []
    position, last = floor, page.last
    for _ in range(MAX_PAGES):
        page = entries.read(gateway.after(position), env)
        if page.last <= position:
            break
        found += page.entries
        position = last = page.last
    new = [entry for entry in found if known.get(entry.id) != entry.json]
    return Fallback(new[0].id - 1 if new else min(last, high - 1), new)
