"""The surroundings of an entry: what came before it and after it, as one answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from poslogs.platformos.entries import Entry
from poslogs.streaming import backward
from poslogs.streaming.backward import Ask
from poslogs.streaming.fetch import MAX_SECONDS, read_on
from poslogs.streaming.found import Found
from poslogs.streaming.room import MAX_BYTES, Room
from poslogs.streaming.selection import Selection

LOOK_SECONDS: Final = 15.0  # of looking for how far they reach, to each side


def around(
    ask: Ask, env: str, id_: int, limit: int, selection: Selection, clock: Callable[[], float] = time.monotonic
) -> Found:
    """The entry of an id, selected or not, among `limit` entries: half of them before it, more where fewer follow.

    They come oldest first. Without such an entry its place is in the middle.
    """
    found = Found(last=max(0, id_ - 1))
    found.pieces = _around(found, ask, env, Room(limit, selection, always=id_), clock)
    return found


def _around(found: Found, ask: Ask, env: str, room: Room, clock: Callable[[], float]) -> Iterator[list[Entry]]:
    begun = clock()
    before = room.limit // 2
    after, follow = Found(last=found.last), 0
    for piece in read_on(after, ask, room.of(room.limit - before), clock, MAX_SECONDS - LOOK_SECONDS):
        follow += len(piece)
        if follow == room.limit - before:
            break
    else:
        before = before if after.truncated else room.limit - follow
    found.last = _back(ask, env, found.last, room.of(before), clock)
    yield from read_on(found, ask, room, clock, clock() - begun)


def _back(ask: Ask, env: str, position: int, room: Room, clock: Callable[[], float]) -> int:
    """A position with so many entries between it and a later one, or the end of the log where that comes first."""
    end = clock() + LOOK_SECONDS
    part = backward.run(_up_to(position, env, lambda: clock() > end), ask)
    position = part.last
    for page in backward.pages(part, env, ask):
        for entry in page:
            if room.looks and clock() > end:
                return position
            if room.wants(entry):
                if not room.takes(entry, MAX_BYTES // 2):
                    return position
                position = entry.id - 1
        if clock() > end or room.limit == 0:
            break
    return position


def _up_to(position: int, env: str, is_late: Callable[[], bool]) -> backward.Search[backward.Stretch]:
    """All rows up to a position."""
    answer = yield position
    follows = answer.last > position
    del answer
    if not follows:
        return (yield from backward.stretch(0, env, is_late=is_late))
    answer = yield 0
    first = min(position, max(0, answer.first - 1))
    return backward.Stretch(first, position, 0, 0, lambda: None)
