"""The replay: a reader's own questions to platformOS, where its feed's window does not reach back to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Final, TypeVar, cast
from weakref import ref

from poslogs.cooperation import let_others_run
from poslogs.platformos.gateway import Unclear
from poslogs.streaming import frames
from poslogs.streaming.answer import Answer
from poslogs.streaming.backfill import Backfill
from poslogs.streaming.backward import Search
from poslogs.streaming.batch import CHUNK_BYTES
from poslogs.streaming.cursor import Cursor
from poslogs.streaming.feed import Feed
from poslogs.streaming.frames import Chunk
from poslogs.streaming.notices import UNCLEAR_TRIES
from poslogs.streaming.outage import waiting
from poslogs.streaming.pulse import Pulse

OWN_RETRY_SECONDS: Final = 1.0

T = TypeVar("T")


class Replay:
    """A reader's own questions; clients take turns (`Backfills`). Its generators yield what a `Pulse`'s yield."""

    __slots__ = ("_asked", "_client", "_cursor", "_feed", "_interval", "_pulse", "left_behind")

    def __init__(self, feed: Feed, pulse: Pulse, cursor: Cursor, interval: float, client: str) -> None:
        """Questions are put in the turn of `client`; `interval`: seconds, as the reader wants it."""
        self.left_behind = False  # the window has moved past the reader, perhaps with late rows
        self._feed = feed
        self._pulse = pulse
        self._cursor = cursor
        self._interval = interval
        self._client = client
        self._asked: Backfill | None = None  # the last question that was answered

    def catch_up(self, *, fresh: bool) -> Iterator[Chunk | float]:
        """Send one answer, in pieces, up to what the feed has; stop when the answer is no longer kept.

        The feed sends what lies past that, so a reader never knows more than the window that it goes on with. A `fresh`
        reader has no position yet.
        """
        cursor, feed = self._cursor, self._feed
        reached = feed.high
        since = cursor.position
        if cursor.seen is not None and self.left_behind:
            since = cursor.seen.floor  # the window may have let go of rows that became visible late meanwhile
        self.left_behind = False
        generation = feed.history.generation
        kept = ref((yield from self.ask(since)))
        limit: float = feed.high
        if limit <= cursor.position:  # the feed does not run, or has not come that far: this reader will wait for it
            limit = math.inf
        after = since
        while (answer := kept()) is not None and feed.history.generation == generation:
            last = answer.last
            looked, after = answer.piece(after, cursor.weighs)
            query = cursor.selection.query
            marks = None if query is None else answer.marks(query)
            del answer  # a reader that stalls now holds this piece alone
            if after > limit:  # the window brings the rest, at its next poll
                looked = [entry for entry in looked if entry.id <= limit]
            held = None
            if query is not None and marks is not None:
                held = yield from feed.looks.at_entries(query, looked, marks, self._pulse)
            chunks = list(_cut(cursor.frames(looked, held)))  # a few large ones: many small ones would leave holes
            del looked
            for chunk in chunks:
                self._pulse.look()
                yield self._pulse.sent(chunk)
            if not chunks:
                let_others_run()
            cursor.position = max(cursor.position, int(min(after, limit)))
            if after >= min(last, limit):
                break
        else:
            self.left_behind = cursor.seen is not None  # it asks again, and knows what it had
            return
        if after > since:
            return
        if fresh:  # platformOS gives nothing for last_id=0: the reader gets what comes from now on
            cursor.position = max(cursor.position, reached)
        elif since == cursor.position:  # nothing is past it, yet the window does not reach back to it: wait
            yield from self._pulse.rest(self._interval, lambda: feed.high != reached)

    def search(
        self, search: Search[T], enough: Callable[[], bool] = lambda: False
    ) -> Generator[Chunk | float, None, T]:
        """Run a search by the reader's own questions, until `enough` returns True. Raises GatewayError.

        Of its answers only the last one that has rows is kept: a tail begins in it.
        """
        kept: Backfill | None = None
        with closing(search):
            try:
                position = next(search)
                while not enough():
                    answer = yield from self.ask(position)
                    kept, passed = (self._asked, kept) if answer.last > position else (kept, self._asked)
                    if passed is not None:
                        passed.let_go(self._feed.upstream.answers)
                    position = search.send(answer)
                    del answer
            except StopIteration as end:
                enough()
                return cast("T", end.value)
        return cast("T", None)

    def ask(self, position: int) -> Generator[Chunk | float, None, Answer]:
        """What came after a position, asked again until there is an answer, with heartbeats meanwhile.

        An answer that says nothing does not count as one.
        """
        upstream, pulse = self._feed.upstream, self._pulse
        unclear = 0
        while True:
            backfill = yield from self._put(position)
            if (answer := backfill.answer) is not None:
                if notice := upstream.notice(answer.page):
                    del answer
                    yield pulse.sent(notice)
                    answer = backfill.answer
                if answer is not None:
                    self._asked = backfill
                    return answer
            if isinstance(backfill.error, Unclear):
                if notice := upstream.notice(backfill.error.page):
                    yield pulse.sent(notice)
                unclear += 1
                if unclear >= UNCLEAR_TRIES and not pulse.reported.unclear:
                    pulse.reported.unclear = True
                    yield pulse.sent(frames.error(backfill.error.sentence))
                yield from pulse.rest(waiting(unclear - 1))
            elif backfill.error is not None:
                yield from pulse.rest(OWN_RETRY_SECONDS)

    def _put(self, position: int) -> Generator[Chunk | float, None, Backfill]:
        """Put one of this reader's questions; returns it once it is done."""
        upstream, pulse = self._feed.upstream, self._pulse
        while True:
            pulse.look()
            wake = pulse.wake
            if (backfill := upstream.backfill(position, wake, self._client)) is not None:
                break
            outage = upstream.outage
            yield from pulse.idle(outage.until if outage else 0.0)
        try:
            while not backfill.done:
                pulse.look()
                if not backfill.done:
                    yield from pulse.idle()
        finally:  # a reader that has gone does not wait for its turn
            upstream.leave(backfill, wake, self._client)
        return backfill


def _cut(whole: Iterable[bytes]) -> Iterator[Chunk]:
    """Frames in chunks of about CHUNK_BYTES."""
    run: list[bytes] = []
    size = 0
    for frame in whole:
        run.append(frame)
        size += len(frame)
        if size >= CHUNK_BYTES:
            yield Chunk(b"".join(run))
            run, size = [], 0
    if run:
        yield Chunk(b"".join(run))
