"""The beginning of a stream that has to be looked for: by how many entries, or by a time."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Final, NamedTuple

from poslogs.platformos.gateway import GatewayError
from poslogs.streaming import frames
from poslogs.streaming.cursor import Cursor
from poslogs.streaming.feed import Feed
from poslogs.streaming.frames import Chunk
from poslogs.streaming.place import place, since
from poslogs.streaming.pulse import Pulse
from poslogs.streaming.replay import OWN_RETRY_SECONDS, Replay

DOUBT_SECONDS: Final = 15.0  # of waiting for a feed to see that its newest row is gone


class Begun(NamedTuple):
    """Where a stream begins."""

    position: int
    end: int  # of the log, or the newest id that was seen
    held: bool  # a window has all of it
    told: bool  # the reader gets the position at once, so that it comes back with it if it is cut before an entry


Find = Callable[[], Generator[Chunk | float, None, Begun]]  # raises GatewayError when the log changes meanwhile


class Beginning:
    """Has a beginning looked for, and the replay read on from it. Its generators yield what a `Pulse`'s yield."""

    __slots__ = ("_cursor", "_feed", "_pulse", "_replay")

    def __init__(self, feed: Feed, pulse: Pulse, cursor: Cursor, replay: Replay) -> None:
        self._feed = feed
        self._pulse = pulse
        self._cursor = cursor
        self._replay = replay

    def begin(self, find: Find) -> Generator[Chunk | float, None, int]:
        """Begin where `find` says; returns the generation that the entries are of.

        They are of one generation: what was found in a log whose ids are reset meanwhile is looked for again.
        """
        history, cursor = self._feed.history, self._cursor
        until = self._pulse.clock() + DOUBT_SECONDS
        while True:
            generation, high = history.generation, self._feed.high
            try:
                found = yield from find()
            except GatewayError:  # the log has changed meanwhile
                yield from self._pulse.rest(OWN_RETRY_SECONDS)
                continue
            if generation != history.generation:
                continue
            if not found.end or found.end >= high or self._pulse.clock() >= until:
                break
            # The newest row that the feed had is gone: its window may be of the log from before ids were reset.
            yield from self._pulse.rest(OWN_RETRY_SECONDS)
        cursor.restart(found.position)
        if found.told:
            yield self._pulse.sent(frames.position(found.position))
        before = -1
        while not found.held and before < cursor.position < found.end:  # a window may hold some of it as late rows only
            before = cursor.position
            yield from self._replay.catch_up(fresh=False)
        if found.end > self._feed.high:
            self._feed.hurry()
        return generation

    def since(self, moment: str) -> Generator[Chunk | float, None, Begun]:
        """Before the first entry at or after a time, or at the end of the log."""
        name = self._feed.upstream.environment.name
        found = yield from self._replay.search(place(since(moment), name, known=self._feed.high))
        return Begun(found.position, found.newest, self._feed.holds(found.position), told=True)
