"""The tail: the newest entries for a reader, from a platformOS that reads forward only."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final, NamedTuple

from poslogs.platformos.entries import Entry
from poslogs.platformos.gateway import GatewayError
from poslogs.streaming import backward, frames
from poslogs.streaming.cursor import Cursor
from poslogs.streaming.feed import Feed
from poslogs.streaming.frames import Chunk
from poslogs.streaming.pulse import Pulse
from poslogs.streaming.replay import OWN_RETRY_SECONDS, Replay

TAIL_SECONDS: Final = 20.0  # spent looking back from the end of the log; a tail that takes longer starts later
DOUBT_SECONDS: Final = 15.0  # spent waiting for a feed to see that its newest row is gone


class Place(NamedTuple):
    """Where a tail begins."""

    position: int
    end: int  # of the log
    held: bool  # a window has all of it


class Tail:
    """Finds where a tail begins, and has the replay read it. Its generators yield what a `Pulse`'s yield."""

    __slots__ = ("_cursor", "_feed", "_pulse", "_replay")

    def __init__(self, feed: Feed, pulse: Pulse, cursor: Cursor, replay: Replay) -> None:
        self._feed = feed
        self._pulse = pulse
        self._cursor = cursor
        self._replay = replay

    def begin(self, count: int) -> Generator[Chunk | float, None, int]:
        """Send the newest `count` entries for the cursor's selection; returns their generation.

        They are of one generation: if ids are reset meanwhile, the search begins again.
        """
        history, cursor = self._feed.history, self._cursor
        until = self._pulse.clock() + DOUBT_SECONDS
        while True:
            generation, high = history.generation, self._feed.high
            try:
                place = yield from self._find(count)
            except GatewayError:  # the log has changed meanwhile
                yield from self._pulse.rest(OWN_RETRY_SECONDS)
                continue
            if generation != history.generation:
                continue
            if not place.end or place.end >= high or self._pulse.clock() >= until:
                break
            # The newest row that the feed had is gone: its window may be of the log from before ids were reset.
            yield from self._pulse.rest(OWN_RETRY_SECONDS)
        cursor.restart(place.position)
        if place.position >= place.end:  # a reader that is cut before its first entry comes back with this
            yield self._pulse.sent(frames.position(place.position))
        before = -1
        while not place.held and before < cursor.position < place.end:  # a window may hold some of it as late rows only
            before = cursor.position
            yield from self._replay.catch_up(fresh=False)
        if place.end > self._feed.high:
            self._feed.hurry()
        return generation

    def _find(self, count: int) -> Generator[Chunk | float, None, Place]:
        name = self._feed.upstream.environment.name
        known = 0
        if high := self._feed.high:
            part = yield from self._replay.search(backward.stretch(high - 1, name))
            if part.last >= high:  # the feed's newest row is there still
                known = part.last
                position = known if not count else self._feed.tail(count, self._cursor.selection, known)
                if position is not None:
                    return Place(position, known, held=True)
        part = yield from self._replay.search(backward.stretch(0, name, known))
        if not count or not part.last:
            return Place(part.last, part.last, held=False)
        position = yield from self._back_from(part, count)
        return Place(position, part.last, held=False)

    def _back_from(self, part: backward.Stretch, count: int) -> Generator[Chunk | float, None, int]:
        """The position before the last `count` entries of a stretch for this reader, as far as TAIL_SECONDS reach."""
        found: list[Entry] = []
        wanted = 0
        position = part.first
        until = self._pulse.clock() + TAIL_SECONDS

        def enough() -> bool:
            nonlocal wanted, position
            for entry in found:
                if self._cursor.wants(entry):
                    wanted += 1
                    if wanted == count:
                        position = entry.id - 1
                        return True
            if found and self._pulse.clock() >= until:
                position = found[-1].id - 1
                return True
            found.clear()
            return False

        name = self._feed.upstream.environment.name
        yield from self._replay.search(backward.newest_first(part, name, found), enough)
        return position
