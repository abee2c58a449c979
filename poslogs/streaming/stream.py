"""A stream: one reader's response, from its first byte to a proper end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from poslogs.platformos.environments import Environment
from poslogs.streaming import frames
from poslogs.streaming.batch import Batch
from poslogs.streaming.beginning import Beginning
from poslogs.streaming.cursor import Cursor
from poslogs.streaming.driven import Driven
from poslogs.streaming.feed import Feed
from poslogs.streaming.frames import DONE, OPEN, Chunk
from poslogs.streaming.id_history import Restart
from poslogs.streaming.publication import Publication
from poslogs.streaming.pulse import Ended, Pulse, Reported
from poslogs.streaming.readers import Attached
from poslogs.streaming.reason import Reason
from poslogs.streaming.replay import Replay
from poslogs.streaming.selection import Selection
from poslogs.streaming.tail import Tail
from poslogs.streaming.window import FRESH_BATCHES

DOUBT_SECONDS: Final = 15.0  # how long to wait for a position that some answer showed, though polls find nothing new
PAST_END_SECONDS: Final = 1.0  # between two looks whether the log has come to a position


@dataclass(frozen=True)
class Start:
    """Where a stream begins: after a position, with the newest entries, at a time, or (none) as `pos-cli logs` does."""

    position: int | None = None
    tail: int | None = None
    since: str | None = None  # a timestamp as entries have it


class Stream(Driven):
    """One reader of a feed: a position in its window, nothing more."""

    __slots__ = (
        "_cursor", "_feed", "_generation", "_replay", "_start", "environment", "interval", "number", "selection",
    )  # fmt: skip

    def __init__(
        self,
        feed: Feed,
        *,
        selection: Selection,
        start: Start,
        interval: float,
        heartbeat: float,
        duration: float = math.inf,
        client: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`interval`, `heartbeat` and `duration` are seconds; it asks platformOS in the turn of `client`."""
        self.environment = feed.upstream.environment
        self.selection = selection
        self.interval = interval
        self.number: int | None = None  # of the batch that it took last; None while it does not follow
        self._feed = feed
        self._start = start
        self._generation = feed.history.generation
        self._cursor = Cursor(start.position or 0, selection)
        super().__init__(Pulse(Reported(feed.upstream, self._cursor), clock, heartbeat, duration))
        self._replay = Replay(feed, self._pulse, self._cursor, interval, client)

    # What anyone may do

    @property
    def names(self) -> tuple[str, ...]:
        """The environment that it reads."""
        return (self.environment.name,)

    @property
    def environments(self) -> tuple[Environment, ...]:
        """What it reads and may be revoked."""
        return (self.environment,)

    @property
    def position(self) -> int | None:
        """Up to where its reader has had the log; None unless it follows the feed: what it sent last tells then."""
        return None if self.number is None else self._cursor.position

    @property
    def is_current(self) -> bool:
        """Whether what it sent last is among the newest batches, of which the window keeps what was made."""
        return self.number is not None and self._feed.window.number - self.number < FRESH_BATCHES

    def revoke(self, environment: Environment, reason: Chunk) -> None:
        """The environment may not be read any more. Does not wait."""
        if environment.name == self.environment.name:
            self._pulse.end(reason, DONE, reason=Reason.REVOKED)

    def offer(self, environments: Sequence[Environment]) -> None:
        """These may be read now: nothing to a stream that has its own."""

    def publish(self, publication: Publication) -> None:
        """Have a publication of the feed sent: by the driver at once, or in the stream's next turn."""
        if self.direct is None or not self.direct.publish(publication):
            self._pulse.wake.set()

    # What its driver does

    def close(self) -> None:
        """Leave the feed and give everything back."""
        give_back = self._closing.close()
        self._pulse.end(reason=Reason.LEFT)
        self._feed.leave(self)
        for function in give_back:
            function()

    def passes(self, publication: Publication, send: Callable[[Chunk], None]) -> bool:
        """Send a publication that comes while this stream rests; its next turn begins after it.

        False when not all of it is new to this reader, so that the stream must take it in its own turn.
        """
        pulse, cursor = self._pulse, self._cursor
        if not pulse.rests or self.number != publication.first - 1:
            return False
        seen = cursor.seen
        if seen is not None:
            if publication.late:
                return False
            for batch in publication.batches:
                seen.add(batch.ids, batch.settled)
        self.number = publication.number
        cursor.position = publication.high
        chunk = publication.chunk(self.selection)
        if chunk is not None:
            send(pulse.sent(chunk))
        return True

    def steps(self) -> Generator[Chunk | float, None, None]:
        """The whole response: something at once, batches as they come, a heartbeat when none did, a proper end.

        Yields chunks to send and, while there is nothing to send, the time on the clock until which to wait. The next
        step is due at that time, at `beat_due`, or as soon as `wake` is set.
        """
        try:
            yield OPEN
            self._feed.join(self)
            yield from self._begin()
            fresh = self._start == Start()
            while True:
                yield from self._see_resets()
                attached = self._feed.attach(self, self._cursor.position, fresh=fresh)
                if attached is None:
                    yield from self._replay.catch_up(fresh=fresh)
                elif attached.ahead:
                    yield from self._await_feed()
                else:
                    yield from self._enter(attached)
                    del attached  # batches
                    yield from self._follow()
                fresh = False
                if self._feed.upstream.refusal is not None:
                    raise Ended(self._feed.upstream.refusal, DONE, reason=Reason.REFUSED)
        except Ended as end:
            self._pulse.reason = self._pulse.reason or end.reason
            yield from end.last
        except Exception:
            self._pulse.reason = self._pulse.reason or Reason.FAILED
            raise
        finally:
            self.close()

    def _begin(self) -> Iterator[Chunk | float]:
        feed, cursor, pulse = self._feed, self._cursor, self._pulse
        beginning = Beginning(feed, pulse, cursor, self._replay)
        if (count := self._start.tail) is not None:
            tail = Tail(feed, pulse, cursor, self._replay)
            self._generation = yield from beginning.begin(lambda: tail.find(count))
        elif (moment := self._start.since) is not None:
            self._generation = yield from beginning.begin(lambda: beginning.since(moment))

    def _see_resets(self) -> Iterator[Chunk]:
        history = self._feed.history
        if history.generation != self._generation and history.restart is not None:
            self._generation = history.generation
            yield self._pulse.sent(self._restart(history.restart))

    def _restart(self, restart: Restart) -> Chunk:
        self._cursor.restart(min(self._cursor.position, restart.position))
        self._replay.left_behind = False
        # The position goes with the notice: the one that the reader has no longer counts.
        return frames.together([restart.notice, frames.position(self._cursor.position)])

    def _await_feed(self) -> Iterator[Chunk | float]:
        """Wait until the feed has come to this reader's position.

        Its next polls may reach it. But it may date from before ids were reset, or such an entry may never have
        existed: once two polls have found nothing new, the reader continues where the log ended at the first poll. In a
        log that never rests two polls must have reached its end, and DOUBT_SECONDS have passed.
        """
        feed, pulse, position = self._feed, self._pulse, self._cursor.position
        due, doubt = pulse.clock() + PAST_END_SECONDS, pulse.clock() + DOUBT_SECONDS
        rounds, ends, lowest = feed.progress.rounds + 2, feed.progress.ends + 2, position
        while True:
            pulse.look()
            if feed.is_blind(self):
                yield from pulse.idle()
                rounds, ends = feed.progress.rounds + 2, feed.progress.ends + 2
                continue
            if feed.progress.ends > ends - 2:
                lowest = min(lowest, feed.window.high)
            if not feed.awaits(position) or feed.history.generation != self._generation:
                return
            if feed.outdated(position):
                yield pulse.sent(self._restart(feed.end(position, lowest)))
                return
            if pulse.clock() >= due:
                due, doubted = pulse.clock() + PAST_END_SECONDS, pulse.clock() >= doubt
                unseen, rests = position > feed.history.top, feed.progress.rounds >= rounds
                if (rests and (unseen or doubted)) or (unseen and doubted and feed.progress.ends >= ends):
                    yield pulse.sent(self._restart(feed.end(position, lowest)))
                    return
            yield from pulse.idle(due)

    def _enter(self, attached: Attached) -> Iterator[Chunk | float]:
        """What the window holds for this reader before the batches that it follows."""
        cursor = self._cursor
        cursor.since = attached.since or 0
        for batch in attached.late:
            if cursor.seen is None:
                continue
            yield from self._looked_at(batch)
            # Rows that came while the reader waited count as if it had followed: it began before them.
            waited = attached.since is not None and batch.number > attached.since
            had = cursor.seen.given if waited else cursor.seen.had
            chunk = batch.unless(had, cursor.position, self.selection)
            cursor.seen.add(batch.ids)
            if chunk is not None:
                yield self._pulse.sent(chunk)
        if (inside := attached.inside) is not None:
            yield from self._looked_at(inside)
            chunk = cursor.rest_of(inside)
            cursor.passed(inside)
            if chunk is not None:
                yield self._pulse.sent(chunk)

    def _follow(self) -> Iterator[Chunk | float]:
        """Batches as the feed admits them, until the window has left this reader behind."""
        feed, pulse, cursor = self._feed, self._pulse, self._cursor
        while True:
            pulse.look()
            try:
                batch = feed.take(self)
            except LookupError:
                self._replay.left_behind = True
                return
            if batch is None:
                yield from pulse.idle(rests=True)
                continue
            yield from self._looked_at(batch)
            chunk = cursor.share(batch)
            cursor.passed(batch)
            if chunk is not None:
                yield pulse.sent(chunk)

    def _looked_at(self, batch: Batch) -> Iterator[Chunk | float]:
        """Wait until this reader's query, if it has one, has looked at a batch of which something may be for it."""
        query = self.selection.query
        if query is not None and (self.selection.late or not batch.late):
            yield from self._feed.looks.at_batch(query, batch, self._pulse)
