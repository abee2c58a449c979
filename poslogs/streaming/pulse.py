"""The pulse of a stream: when it waits, sends a heartbeat, reports trouble, or ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Protocol

from poslogs.streaming.cursor import Cursor
from poslogs.streaming.frames import DONE, HEARTBEAT, Chunk
from poslogs.streaming.reason import Reason
from poslogs.streaming.upstream import Upstream
from poslogs.streaming.wake import NOBODY, Wake


class Ended(Exception):
    """The stream is over; `last` are its last chunks."""

    def __init__(self, *last: Chunk, reason: Reason = Reason.DONE) -> None:
        super().__init__()
        self.last = last
        self.reason = reason


class Reporting(Protocol):
    """What tells a stream of trouble while it waits."""

    unclear: bool  # its reader was told that answers say nothing

    def next(self) -> Chunk | None:
        """The next notice for its reader. Raises Ended when the stream cannot go on."""


class Reported:
    """Which notices of its environment a reader has had."""

    __slots__ = ("_cursor", "_newest_first", "_outage", "_upstream", "unclear")

    def __init__(self, upstream: Upstream, cursor: Cursor) -> None:
        self._upstream = upstream
        self._cursor = cursor
        self._outage: object = None
        self.unclear = False
        self._newest_first = False

    def next(self) -> Chunk | None:
        """The next notice. That answers say nothing is for readers which have not begun.

        Raises Ended when platformOS refuses the environment's token.
        """
        if self._upstream.refusal is not None:
            raise Ended(self._upstream.refusal, DONE, reason=Reason.REFUSED)
        outage, notices = self._upstream.outage, self._upstream.notices
        if outage is not None and outage is not self._outage:
            self._outage = outage
            return outage.chunk
        if notices.unclear is not None and not self.unclear and self._cursor.position <= 0:
            self.unclear = True
            return notices.unclear
        if notices.newest_first is not None and not self._newest_first:
            self._newest_first = True
            return notices.newest_first
        return None


class Silent:
    """What a stream of several environments reports of its own: nothing, since its parts report."""

    unclear = False

    def next(self) -> None:
        """Nothing."""


class Pulse:
    """The time of one stream. Its generators yield chunks to send, or the time on the clock until which to wait.

    Times are seconds on the clock.
    """

    __slots__ = (
        "_deadline", "beat_due", "clock", "ending", "entries", "heartbeat", "poked", "reason", "reported", "rests",
        "wake",
    )  # fmt: skip

    def __init__(self, reported: Reporting, clock: Callable[[], float], heartbeat: float, duration: float) -> None:
        """`heartbeat` and `duration` are seconds; a stream ends after the latter."""
        self.clock = clock
        self.heartbeat = heartbeat
        self.beat_due = clock() + heartbeat  # on the clock: when a heartbeat is due, unless something is sent before
        self.wake: Wake = NOBODY  # until someone drives the stream
        self.rests = False  # it waits for the next publication, its end or a notice, and nothing else can come
        self.ending: tuple[Chunk, ...] | None = None
        self.reason: Reason | None = None  # of the end; None before it
        self.entries = 0  # that were sent
        self.reported = reported
        self._deadline = clock() + duration
        self.poked = False  # a heartbeat is to be sent now

    def end(self, *last: Chunk, reason: Reason = Reason.DONE) -> None:
        """Have the stream end with these chunks, at its next turn; the first call counts. Does not wait."""
        self.reason = self.reason or reason
        if self.ending is None:
            self.ending = last
        self.wake.set()

    def poke(self) -> None:
        """Have a heartbeat sent now. Does not wait."""
        self.poked = True
        self.wake.set()

    def look(self) -> None:
        """Begin to look for something to do: what comes from now on sets `wake`. Raises Ended at the stream's end."""
        self.wake.clear()
        if self.ending is not None:
            raise Ended(*self.ending, reason=self.reason or Reason.DONE)
        if self.clock() >= self._deadline:
            raise Ended(DONE, reason=Reason.DURATION)

    def sent(self, chunk: Chunk) -> Chunk:
        """Count a chunk as sent now; returns it."""
        self.beat_due = self.clock() + self.heartbeat
        self.entries += chunk.entries
        return chunk

    def beats(self, now: float) -> bool:
        """Count a heartbeat as sent if the stream rests; returns whether it does."""
        if self.rests:
            self.beat_due = now + self.heartbeat
        return self.rests

    def idle(self, until: float = math.inf, *, rests: bool = False) -> Iterator[Chunk | float]:
        """Yield a notice if there is one. Otherwise wait, then yield a heartbeat if one is due.

        `rests`: only the next publication can come, so that and heartbeats may be sent during the wait.
        """
        if (notice := self.reported.next()) is not None:
            yield self.sent(notice)
            return
        if not self.poked:
            self.rests = rests
            yield min(self._deadline, until)
            self.rests = False
        if self.poked or self.clock() >= self.beat_due:
            self.poked = False
            yield self.sent(HEARTBEAT)

    def rest(self, seconds: float, enough: Callable[[], bool] = lambda: False) -> Iterator[Chunk | float]:
        """Wait for `seconds`, with heartbeats; return early once `enough` returns True."""
        until = self.clock() + seconds
        while True:
            self.look()
            if self.clock() >= until or enough():
                return
            yield from self.idle(until)
