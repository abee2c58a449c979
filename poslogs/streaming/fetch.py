"""A fetch: one answer with the entries after a position, or the newest, read while it is written."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final
from weakref import ReferenceType, ref

from poslogs.platformos.entries import Entry
from poslogs.platformos.gateway import GatewayError
from poslogs.streaming import backward, place
from poslogs.streaming.answer import PIECE_BYTES, Answer
from poslogs.streaming.backward import Ask
from poslogs.streaming.found import Found
from poslogs.streaming.room import Room
from poslogs.streaming.selection import Selection

MAX_SECONDS: Final = 60.0  # spent asking for one answer; gunicorn and proxies give up later than that


def first(
    ask: Ask,
    position: int,
    limit: int,
    selection: Selection,
    clock: Callable[[], float] = time.monotonic,
    until: str = "",
) -> Found:
    """The first `limit` entries after a position, asking until there is nothing more, as pos-cli's fetch-logs does.

    `until` is a timestamp: what comes after it is left out. If the very first question fails, its error is raised. A
    later failure ends the answer, which is then truncated.
    """
    found = Found(last=position)
    found.pieces = read_on(found, ask, Room(limit, selection, until), clock)
    return found


def since(
    ask: Ask,
    env: str,
    moment: str,
    limit: int,
    selection: Selection,
    clock: Callable[[], float] = time.monotonic,
    until: str = "",
) -> Found:
    """The first `limit` entries from a time on, as `first`."""
    found = Found()
    found.pieces = _since(found, ask, env, moment, Room(limit, selection, until), clock)
    return found


def newest(
    ask: Ask,
    env: str,
    limit: int,
    selection: Selection,
    clock: Callable[[], float] = time.monotonic,
    until: str = "",
) -> Found:
    """The newest `limit` entries, oldest first; `last` is the end of the log, or what comes `until` a timestamp.

    If they exceed one piece, their beginning is found first, and then they are read from there.
    """
    found = Found()
    found.pieces = _newest(found, ask, env, Room(limit, selection, until), clock)
    return found


def latest(
    ask: Ask,
    env: str,
    limit: int,
    selection: Selection,
    clock: Callable[[], float] = time.monotonic,
    until: str = "",
) -> Found:
    """The newest `limit` entries, newest first, as `newest`."""
    found = Found()
    found.pieces = _latest(found, ask, env, Room(limit, selection, until), clock)
    return found


def _since(
    found: Found, ask: Ask, env: str, moment: str, room: Room, clock: Callable[[], float]
) -> Iterator[list[Entry]]:
    begun = clock()
    search = place.place(place.since(moment), env, is_late=lambda: clock() > begun + MAX_SECONDS)
    found.last = backward.run(search, ask).position
    yield from read_on(found, ask, room, clock, clock() - begun)


def read_on(
    found: Found, ask: Ask, room: Room, clock: Callable[[], float], spent: float = 0.0
) -> Iterator[list[Entry]]:
    """`spent`: seconds that platformOS and the query took, without those that the client takes."""
    begun = ended = False
    kept: ReferenceType[Answer] | None = None  # not held while a client reads
    while not ended:
        answer = None if kept is None else kept()
        if answer is None:
            asked = clock()
            try:
                answer = ask(found.last)
            except GatewayError:
                if not begun:
                    raise
                found.truncated = True
                return
            spent += clock() - asked
            begun, kept = True, ref(answer)
            if answer.last <= found.last:
                return
        looked, behind = answer.piece(found.last, room.weighs)
        if behind >= answer.last:
            kept = None
        del answer
        piece: list[Entry] = []
        full, looks = False, clock()
        for entry in looked:
            ended = room.ends(entry)
            wanted = not ended and room.wants(entry)
            full = wanted and not room.takes(entry)
            if ended or full:
                break
            if wanted:
                piece.append(entry)
            found.last = entry.id
        else:
            found.last = behind
        del looked
        spent += clock() - looks
        if piece:
            yield piece
        if not ended and (full or found.truncated or spent > MAX_SECONDS):
            found.truncated = True
            return


def _newest(found: Found, ask: Ask, env: str, room: Room, clock: Callable[[], float]) -> Iterator[list[Entry]]:
    back = latest(ask, env, room.limit, room.selection, clock, room.until)
    kept: deque[Entry] = deque()
    count = size = oldest = 0
    for entry in back.entries:
        count += 1
        size += len(entry.json)
        oldest = entry.id
        if size <= PIECE_BYTES or count == 1:
            kept.appendleft(entry)
        else:
            kept.clear()
    found.last, found.truncated = back.last, back.truncated
    if len(kept) == count:
        if kept:
            yield list(kept)
        return
    forward = first(ask, oldest - 1, count, room.selection, clock)
    yield from forward.pieces
    if forward.last < back.last:
        found.last, found.truncated = forward.last, True


def _latest(found: Found, ask: Ask, env: str, room: Room, clock: Callable[[], float]) -> Iterator[list[Entry]]:
    end = clock() + MAX_SECONDS
    part = backward.run(place.stretch(0, env, room.until, lambda: clock() > end), ask)
    found.last = part.last
    for page in backward.pages(part, env, ask):
        piece: list[Entry] = []
        for entry in page:
            if room.looks and clock() > end:
                found.truncated = True
                break
            if room.wants(entry):
                if not room.takes(entry):
                    found.truncated = True
                    break
                piece.append(entry)
        del page, entry
        if piece:
            yield piece
        del piece  # freed before the next one comes
        if found.truncated or clock() > end:
            found.truncated = True
            return
