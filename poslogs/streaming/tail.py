"""The tail: the newest entries for a reader, from a platformOS that reads forward only."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from poslogs.platformos.entries import Entry
from poslogs.streaming import backward
from poslogs.streaming.beginning import Begun
from poslogs.streaming.cursor import Cursor
from poslogs.streaming.feed import Feed
from poslogs.streaming.frames import Chunk
from poslogs.streaming.pulse import Pulse
from poslogs.streaming.replay import Replay

TAIL_SECONDS: Final = 20.0  # spent looking back from the end of the log; a tail that takes longer starts later


class Tail:
    """Finds where a tail begins. Its generators yield what a `Pulse`'s yield."""

    __slots__ = ("_cursor", "_feed", "_pulse", "_replay")

    def __init__(self, feed: Feed, pulse: Pulse, cursor: Cursor, replay: Replay) -> None:
        self._feed = feed
        self._pulse = pulse
        self._cursor = cursor
        self._replay = replay

    def find(self, count: int) -> Generator[Chunk | float, None, Begun]:
        """Right before the newest `count` entries for the cursor's selection. Raises GatewayError."""
        name = self._feed.upstream.environment.name
        known = 0
        if high := self._feed.high:
            part = yield from self._replay.search(backward.stretch(high - 1, name))
            if part.last >= high:  # the feed's newest row is there still
                known = part.last
                position = known if not count else self._feed.tail(count, self._cursor.selection, known)
                if position is not None:
                    return Begun(position, known, held=True, told=position >= known)
        part = yield from self._replay.search(backward.stretch(0, name, known))
        if not count or not part.last:
            return Begun(part.last, part.last, held=False, told=True)
        position = yield from self._back_from(part, count)
        return Begun(position, part.last, held=False, told=position >= part.last)

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
