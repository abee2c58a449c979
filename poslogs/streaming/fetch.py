"""A fetch: one answer with the entries after a position, or the newest, read while it is written."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final
from weakref import ReferenceType, ref

from poslogs.platformos.entries import Entry
from poslogs.platformos.gateway import GatewayError
from poslogs.streaming import backward
from poslogs.streaming.answer import PIECE_BYTES, Answer
from poslogs.streaming.backward import Ask
from poslogs.streaming.selection import Selection

MAX_BYTES: Final = 32 * 1024 * 1024  # of entries in one answer
MAX_SECONDS: Final = 60.0  # spent asking for one answer; gunicorn and proxies give up later than that


class Found:
    """Entries in pieces of about PIECE_BYTES; each is read from platformOS when it is asked for.

    After the last piece, `last` is the position up to which rows were looked at. `truncated` says that more is known
    to exist: after `last`, or, for the newest, before the first of them. Asking for the first piece raises
    GatewayError when platformOS cannot be read.
    """

    def __init__(self, pieces: Iterator[list[Entry]] | None = None, last: int = 0, *, truncated: bool = False) -> None:
        self.pieces: Iterator[list[Entry]] = pieces or iter(())
        self.last = last
        self._truncated = truncated
        self.misses: Callable[[], bool] = lambda: False  # returns whether some rows could not be asked for

    @property
    def truncated(self) -> bool:
        """Whether more is known to exist, or may."""
        return self._truncated or self.misses()

    @truncated.setter
    def truncated(self, truncated: bool) -> None:
        self._truncated = truncated

    @property
    def entries(self) -> Iterator[Entry]:
        """All of them one by one."""
        return chain.from_iterable(self.pieces)


def first(
    ask: Ask, position: int, limit: int, selection: Selection, clock: Callable[[], float] = time.monotonic
) -> Found:
    """The first `limit` entries after a position, asking until there is nothing more, as pos-cli's fetch-logs does.

    If the very first question fails, its error is raised. A later failure ends the answer, which is then truncated.
    """
    found = Found(last=position)
    found.pieces = _first(found, ask, limit, selection, clock)
    return found


def newest(ask: Ask, env: str, limit: int, selection: Selection, clock: Callable[[], float] = time.monotonic) -> Found:
    """The newest `limit` entries, oldest first; `last` is the end of the log.

    If they exceed one piece, their beginning is found first, and then they are read from there.
    """
    found = Found()
    found.pieces = _newest(found, ask, env, limit, selection, clock)
    return found


def latest(ask: Ask, env: str, limit: int, selection: Selection, clock: Callable[[], float] = time.monotonic) -> Found:
    """The newest `limit` entries, newest first; `last` is the end of the log."""
    found = Found()
    found.pieces = _latest(found, ask, env, limit, selection, clock)
    return found


def _first(
    found: Found, ask: Ask, limit: int, selection: Selection, clock: Callable[[], float]
) -> Iterator[list[Entry]]:
    spent = 0.0  # seconds that platformOS and the query took, without those that the client takes
    count = size = 0
    begun = False
    kept: ReferenceType[Answer] | None = None  # not held while a client reads
    while True:
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
        looked, behind = answer.piece(found.last, lambda it: _weighs(it, selection))
        if behind >= answer.last:
            kept = None
        del answer
        piece: list[Entry] = []
        looks = 0.0 if selection.query is None else clock()
        for entry in looked:
            if selection.has(entry):
                if count == limit or (count and size + len(entry.json) > MAX_BYTES):
                    found.truncated = True
                    break
                piece.append(entry)
                count += 1
                size += len(entry.json)
            found.last = entry.id
        else:
            found.last = behind
        del looked
        spent += 0.0 if selection.query is None else clock() - looks
        if piece:
            yield piece
        if found.truncated or spent > MAX_SECONDS:
            found.truncated = True
            return


def _newest(
    found: Found, ask: Ask, env: str, limit: int, selection: Selection, clock: Callable[[], float]
) -> Iterator[list[Entry]]:
    back = latest(ask, env, limit, selection, clock)
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
    forward = first(ask, oldest - 1, count, selection, clock)
    yield from forward.pieces
    if forward.last < back.last:
        found.last, found.truncated = forward.last, True


def _latest(
    found: Found, ask: Ask, env: str, limit: int, selection: Selection, clock: Callable[[], float]
) -> Iterator[list[Entry]]:
    end = clock() + MAX_SECONDS
    part = backward.run(backward.stretch(0, env, is_late=lambda: clock() > end), ask)
    found.last = part.last
    count = size = 0
    for page in backward.pages(part, env, ask):
        piece: list[Entry] = []
        for entry in page:
            if selection.query is not None and clock() > end:
                found.truncated = True
                break
            if selection.has(entry):
                if count == limit or (count and size + len(entry.json) > MAX_BYTES):
                    found.truncated = True
                    break
                piece.append(entry)
                count += 1
                size += len(entry.json)
        del page, entry
        if piece:
            yield piece
        del piece  # freed before the next one comes
        if found.truncated or clock() > end:
            found.truncated = True
            return


def _weighs(entry: Entry, selection: Selection) -> bool:
    """Whether an entry counts for the size of a piece; all do where a query is to look at them, once."""
    return selection.query is not None or selection.wants(entry.type, entry.error_type)
