"""An id reset: ids of an environment that were reset, as after its instance was restored from a backup."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from poslogs.platformos import entries
from poslogs.platformos.cut import MOST_BYTES
from poslogs.platformos.entries import Entry, Page
from poslogs.platformos.gateway import Gateway, whole

MAX_PAGES: Final = 100  # that are read for what is new after an id reset


class IdReset(NamedTuple):
    """Where the log ends now, and what is new in it."""

    position: int  # what readers continue from; `new` comes after it
    new: list[Entry]
    had: Sequence[int] = ()  # the ids after it that readers know: a new one became visible late among them


def look(
    gateway: Gateway, env: str, high: int, floor: int, newest: str, known: Callable[[], Mapping[int, bytes]]
) -> IdReset | None:
    """Whether the row `high` is gone while earlier ones are there; None when it is not so.

    A position of `high` itself means that nothing is there at all, as after old rows were thrown away.
    `known` gives the entries past `floor` by id, as JSON: a row that differs from what was known under its id is
    new. Below `floor`, and there only, a row's time tells: what is later than `newest` (a timestamp; "" when there
    is none) is new. Asks about twice as often as `high` has binary digits, and MAX_PAGES times. Raises GatewayError;
    Unclear where an answer tells nothing.
    """
    step = 1
    while True:
        since = max(0, high - step)
        page = _after(gateway, since, env)
        if page.last >= high:
            return None  # it is there after all
        if since == 0 or (page.last and not _is_new(page.entries, newest)):
            break
        step *= 2
    if not page.last:
        return IdReset(high, [])
    position = min(floor, since)
    had, ids = known(), array("q")
    new: list[Entry] = []
    size, last = 0, page.last
    for _ in range(MAX_PAGES):
        page = _after(gateway, position, env)
        if page.last <= position:
            break
        ids.extend(entry.id for entry in page.entries)
        found = [
            entry
            for entry in page.entries
            if (_later(entry, newest) if entry.id <= floor else had.get(entry.id) != entry.json)
        ]
        new += found
        size += sum(len(entry.json) for entry in found)
        position = last = page.last
        del page, found
        if size > MOST_BYTES:
            break  # what comes after them is asked for as ever
    if last >= high and all(entry.id > high for entry in new):
        return None  # the answers before were short for another reason
    if not new:
        return IdReset(min(last, high - 1), [])
    fresh = {entry.id for entry in new}
    return IdReset(new[0].id - 1, new, [id_ for id_ in ids if id_ > new[0].id and id_ not in fresh])


def _after(gateway: Gateway, position: int, env: str) -> Page:
    return whole(entries.read(gateway.after(position), env), env)


def _is_new(page: list[Entry], newest: str) -> bool:
    """Whether a page begins with what is new, so that there may be more of it before."""
    return bool(page) and _later(page[0], newest)


def _later(entry: Entry, newest: str) -> bool:
    return bool(newest) and entry.timestamp > newest
