"""A stream: one reader's response, from its first byte to a proper end."""

from __future__ import annotations

import math
import random
import threading
import time
from array import array
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeVar, cast
from weakref import ref

from poslogs.platformos.entries import Entry, shortened
from poslogs.platformos.gateway import GatewayError, Unclear
from poslogs.streaming import backward, frames
from poslogs.streaming.answer import Answer
from poslogs.streaming.backfill import NOBODY, Wake
from poslogs.streaming.backward import Search
from poslogs.streaming.batch import CHUNK_BYTES, Batch
from poslogs.streaming.feed import Attached, Feed
from poslogs.streaming.frames import DONE, HEARTBEAT, OPEN, Chunk
from poslogs.streaming.id_history import Restart
from poslogs.streaming.large import LARGE, LARGE_BYTES
from poslogs.streaming.notices import UNCLEAR_TRIES
from poslogs.streaming.outage import waiting
from poslogs.streaming.publication import Publication
from poslogs.streaming.seen_ids import SeenIds
from poslogs.streaming.selection import Selection

RETRY_MS: Final = (200, 3000)  # how far a closing server spreads its readers' return
OWN_RETRY_SECONDS: Final = 1.0
PAST_END_SECONDS: Final = 1.0
TAIL_SECONDS: Final = 20.0  # of looking back from the end of the log for a tail; one that takes longer starts later

T = TypeVar("T")


@dataclass(frozen=True)
class Start:
    """Where a stream begins: after a position, with the newest entries, or (neither) as `pos-cli logs` does."""

    position: int | None = None
    tail: int | None = None


class PastTheEnd(NamedTuple):
    """A position past the newest row: perhaps the next polls reach it, perhaps ids have been reset."""

    due: float  # on the clock: judged from then on
    rounds: int  # of the feed, which must have been by then


class Ended(Exception):
    """The stream is over; `last` are its last chunks."""

    def __init__(self, *last: Chunk) -> None:
        super().__init__()
        self.last = last


class Stream:
    """One reader of a feed: a position in its window, nothing more.

    `chunks` or `steps` may be iterated, once, by whoever drives the stream; it alone closes it, again and again if it
    likes. Anyone else leaves a note (`end`, `drain`, `disconnected`, `poke`), which never waits.
    """

    __slots__ = (
        "_client",
        "_clock",
        "_closed",
        "_closing",
        "_deadline",
        "_ending",
        "_feed",
        "_generation",
        "_heartbeat",
        "_left_behind",
        "_lock",
        "_newest_first",
        "_outage",
        "_past_end",
        "_poked",
        "_position",
        "_rests",
        "_seen",
        "_start",
        "_unclear",
        "beat_due",
        "cut_off",
        "direct",
        "environment",
        "interval",
        "number",
        "selection",
        "wake",
    )

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
        """`client` is whose turn it is when the stream asks platformOS by itself."""
        self.environment = feed.upstream.environment
        self.selection = selection
        self.interval = interval  # seconds
        self.wake: Wake = NOBODY  # until someone drives it
        self.cut_off: Callable[[], None] = lambda: None  # its connection, without waiting
        self.direct: Direct | None = None  # what drives it in place of a thread that waits for it
        self.number: int | None = None
        self._rests = False  # waiting for the next publication, its end or a notice
        self._feed = feed
        self._client = client
        self._start = start
        self._heartbeat = heartbeat
        self._clock = clock
        self._deadline = clock() + duration
        self.beat_due = clock() + heartbeat  # on the clock; when nothing was sent for too long
        self._position = start.position or 0
        self._seen = SeenIds(self._position) if selection.late else None
        self._left_behind = False
        self._past_end: PastTheEnd | None = None
        self._generation = feed.history.generation
        self._outage: object = None  # the one that was told
        self._unclear = False  # it was told that answers tell nothing
        self._newest_first = False  # it was told that answers come so
        self._poked = False
        self._ending: tuple[Chunk, ...] | None = None
        self._closing: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._closed = False

    def on_close(self, give_back: Callable[[], None]) -> None:
        """Have something given back when the stream is over, however it ends; at once if it is over already."""
        with self._lock:
            if not self._closed:
                self._closing.append(give_back)
                return
        give_back()

    def close(self) -> None:
        """Leave the feed and give everything back; by whoever drives the stream, at its end."""
        with self._lock:
            self._closed = True
            closing, self._closing = self._closing, []
        if self._ending is None:
            self._ending = ()
        self.wake.set()
        self._feed.leave(self)
        for give_back in reversed(closing):  # the slot, which was had first, tells that all else is given back
            give_back()

    def disconnected(self) -> None:
        """The reader has gone: whoever drives the stream ends it, and gives everything back. Does not wait."""
        self.end()

    def end(self, *last: Chunk) -> None:
        """Have the stream end with these chunks, at its next turn."""
        if self._ending is None:
            self._ending = last
        self.wake.set()

    def drain(self) -> None:
        """Have the stream end without `done`, because this server stops; its reader comes back after a while."""
        self.end(frames.farewell(random.randint(*RETRY_MS)))

    def publish(self, publication: Publication) -> None:
        """The feed has taken this in: whoever drives this stream sends it at once, or the stream's next turn does."""
        if self.direct is None or not self.direct.publish(publication):
            self.wake.set()

    def passes(self, publication: Publication, send: Callable[[Chunk], None]) -> bool:
        """Have a publication sent that comes while this stream rests: its next turn begins behind it.

        False when not all of it is new to this reader, so that its own turn must see to it.
        """
        if not self._rests or self.number != publication.first - 1:
            return False
        if self._position > publication.low or (publication.late and self._seen is not None):
            return False
        self.number = publication.number
        self._position = publication.high
        if self._seen is not None:
            for batch in publication.batches:
                self._seen.add(batch.ids)
        chunk = publication.chunk(self.selection)
        if chunk is not None:
            self.beat_due = self._clock() + self._heartbeat
            send(chunk)
        return True

    def beats(self, now: float) -> bool:
        """Count a heartbeat as sent, when it is to leave for a stream that rests; False when it does not rest."""
        if self._rests:
            self.beat_due = now + self._heartbeat
        return self._rests

    def poke(self) -> None:
        """Have a heartbeat written now: a write is how some servers find out that a reader has gone."""
        self._poked = True
        self.wake.set()

    def chunks(self) -> Iterator[Chunk]:
        """The whole response, for a server that has a thread wait for it."""
        self.wake = wake = threading.Event()
        with closing(self.steps()) as steps:
            for step in steps:
                if isinstance(step, Chunk):
                    yield step
                elif (left := min(step, self.beat_due) - self._clock()) > 0:
                    wake.wait(min(left, threading.TIMEOUT_MAX))

    def steps(self) -> Generator[Chunk | float, None, None]:
        """The whole response: something at once, batches as they come, a heartbeat when none did, a proper end.

        Chunks to send, and between them, where there is nothing to send, the time on the clock until which to wait:
        the next step is due when it comes, when `beat_due` has come, or as soon as `wake` is set.
        """
        try:
            yield OPEN
            self._feed.join(self)
            if self._start.tail is not None:
                yield from self._tail(self._start.tail)
            elif self._feed.outdated(self._position):
                yield self._sent(self._reset_ids(self._feed.end(self._position)))
            fresh = self._start == Start()
            while True:
                if self._feed.history.generation != self._generation and self._feed.history.restart is not None:
                    self._generation = self._feed.history.generation
                    yield self._sent(self._reset_ids(self._feed.history.restart))
                attached = self._feed.attach(self, self._position, fresh=fresh)
                if attached is None:
                    yield from self._catch_up(fresh=fresh)
                else:
                    yield from self._enter(attached)
                    del attached  # batches
                    yield from self._follow()
                fresh = False
                if self._feed.upstream.refusal is not None:
                    raise Ended(self._feed.upstream.refusal, DONE)
        except Ended as end:
            yield from end.last
        finally:
            self.close()

    def _reset_ids(self, restart: Restart) -> Chunk:
        self._position = min(self._position, restart.position)
        self._left_behind = False
        if self._seen is not None:
            self._seen = SeenIds(self._position)
        # The position goes with it: what the reader had came before, and counts no more.
        return Chunk(restart.notice.plain + frames.position(self._position).plain)

    def _is_past_end(self, ahead: PastTheEnd) -> bool:
        """Whether what looked like a position that was not reached yet is one that the log will not reach soon."""
        now = self._clock()
        if now < ahead.due:
            return False
        if self._position <= self._feed.high:
            self._past_end = None
            return False
        self._past_end = ahead._replace(due=now + PAST_END_SECONDS)
        return self._feed.rounds >= ahead.rounds and self._feed.past_the_end(self, self._position)

    def _enter(self, attached: Attached) -> Iterator[Chunk]:
        """What the window holds for this reader behind the batch that it follows from."""
        self._past_end = PastTheEnd(self._clock() + PAST_END_SECONDS, self._feed.rounds + 2) if attached.ahead else None
        for batch in attached.late:
            if self._seen is None:
                continue
            chunk = batch.unless(self._seen.had, self._position, self.selection)
            self._seen.add(batch.ids)
            if chunk is not None:
                yield self._sent(chunk)
        if (inside := attached.inside) is not None:
            chunk = self._of(inside) if self._seen else inside.after(self._position, self.selection)
            self._pass(inside)
            if chunk is not None:
                yield self._sent(chunk)

    def _follow(self) -> Iterator[Chunk | float]:
        """Batches as the feed admits them, until the window has left this reader behind."""
        while True:
            self.wake.clear()
            self._check()
            try:
                batch = self._feed.take(self)
            except LookupError:
                self._left_behind = True
                return
            if batch is None:
                if self._past_end is not None and self._is_past_end(self._past_end):
                    yield self._sent(self._reset_ids(self._feed.end(self._position)))
                    return  # to attach there
                yield from self._idle(rests=True) if self._past_end is None else self._idle(self._past_end.due)
                continue
            chunk = self._of(batch)
            self._pass(batch)
            if chunk is not None:
                yield self._sent(chunk)

    def _of(self, batch: Batch) -> Chunk | None:
        """This reader's share of a batch: nearly always the same chunk as everybody's."""
        if self._seen is None:
            ahead = batch.low < self._position  # it has asked by itself, and knows more than the feed
            return (
                batch.after(self._position, self.selection) if ahead and not batch.late else batch.chunk(self.selection)
            )
        if batch.late:  # listed since this stream began, so it comes even from before its start
            return batch.unless(self._seen.given, self._position, self.selection)
        if batch.low < self._position:
            return batch.unless(self._seen.had, self._position, self.selection)
        return batch.chunk(self.selection)

    def _pass(self, batch: Batch) -> None:
        self._position = max(self._position, batch.high)
        if self._seen is not None:
            self._seen.add(batch.ids)

    def _catch_up(self, *, fresh: bool) -> Iterator[Chunk | float]:
        """One answer to a question of our own, in pieces; one that is kept no longer is left where it is."""
        reached = self._feed.high
        since = self._position
        if self._seen is not None and self._left_behind:
            since = self._seen.floor  # what became visible late meanwhile, the window may have let go
        self._left_behind = False
        behind = since
        generation = self._feed.history.generation
        kept = ref((yield from self._ask(since)))
        while (answer := kept()) is not None and self._feed.history.generation == generation:
            last = answer.last
            looked, behind = answer.piece(behind, self._wants)
            del answer  # a reader that stalls now holds this piece alone
            chunks = list(self._cut(self._frames(looked)))  # a few large ones: many small ones would leave holes
            del looked
            for chunk in chunks:
                self._check()
                yield self._sent(chunk)
            if not chunks:
                time.sleep(0)  # others have their turn
            self._position = max(self._position, behind)
            if behind >= last:
                break
        else:
            self._left_behind = self._seen is not None  # it asks again; what it had it knows
            return
        if behind > since:
            return
        if fresh:  # platformOS gives nothing for last_id=0: what comes from now on
            self._position = max(self._position, reached)
        elif since == self._position:  # nothing past it, yet the window does not reach back to it: no reason to skip
            yield from self._rest(self._clock() + self.interval, reached)

    def _frames(self, looked: list[Entry]) -> list[bytes]:
        """The frames of the entries that are wanted, as far as the reader has not had them; it counts all as had."""
        if self._seen is not None:
            had, floor = self._seen.all(), self._seen.floor
            looked = [entry for entry in looked if entry.id > floor and entry.id not in had]
            self._seen.add(array("q", [entry.id for entry in looked]))
        wanted = [entry for entry in looked if self._wants(entry)]
        positions = [max(entry.id, self._position) for entry in wanted]
        return frames.data(positions, [shortened(entry.json, self.selection.max_message) for entry in wanted])

    def _tail(self, count: int) -> Iterator[Chunk | float]:
        """The newest entries: where they begin is found, and then read on from as from any position."""
        while True:
            self._generation = self._feed.history.generation
            try:
                position, end, held = yield from self._find_tail(count)
            except GatewayError:  # the log has changed meanwhile
                yield from self._rest(self._clock() + OWN_RETRY_SECONDS)
                continue
            if self._generation == self._feed.history.generation:
                break  # else what was found may be of the log from before ids were reset
        self._position = position
        if self._seen is not None:
            self._seen = SeenIds(position)
        if position >= end:  # else a reader that is cut before its first entry would have no position to come back with
            yield self._sent(frames.position(position))
        before = -1
        while not held and before < self._position < end:  # a window may hold some of it as late rows only
            before = self._position
            yield from self._catch_up(fresh=False)

    def _find_tail(self, count: int) -> Generator[Chunk | float, None, tuple[int, int, bool]]:
        """A position with `count` entries for this reader behind it, the log's end, and whether a window holds it."""
        name = self.environment.name
        known = 0
        if high := self._feed.high:
            part = yield from self._search(backward.stretch(high - 1, name))
            if part.last >= high:  # the feed's newest row is there still
                known = part.last
                position = known if not count else self._feed.tail(count, self.selection, known)
                if position is not None:
                    return position, known, True
        part = yield from self._search(backward.stretch(0, name, known))
        if not count or not part.last:
            return part.last, part.last, False
        found: list[Entry] = []
        wanted = 0
        position = part.first
        until = self._clock() + TAIL_SECONDS

        def enough() -> bool:
            nonlocal wanted, position
            for entry in found:
                if self._wants(entry):
                    wanted += 1
                    if wanted == count:
                        position = entry.id - 1
                        return True
            if found and self._clock() >= until:
                position = found[-1].id - 1
                return True
            found.clear()
            return False

        yield from self._search(backward.newest_first(part, name, found), enough)
        return position, part.last, False

    def _search(
        self, search: Search[T], enough: Callable[[], bool] = lambda: False
    ) -> Generator[Chunk | float, None, T]:
        """What a search finds by questions of our own; it is given up once there is `enough`. Raises GatewayError."""
        with closing(search):
            try:
                position = next(search)
                while not enough():
                    answer = yield from self._ask(position)
                    position = search.send(answer)
                    del answer
            except StopIteration as end:
                enough()
                return cast("T", end.value)
        return cast("T", None)

    def _ask(self, position: int) -> Generator[Chunk | float, None, Answer]:
        """What came after a position, asked again until there is an answer, with heartbeats meanwhile.

        An answer that tells nothing is none.
        """
        unclear = 0
        while True:
            while True:
                self.wake.clear()
                self._check()
                wake = self.wake
                if (backfill := self._feed.upstream.backfill(position, wake, self._client)) is not None:
                    break
                outage = self._feed.upstream.outage
                yield from self._idle(outage.until if outage else 0.0)
            try:
                while not backfill.done:
                    self.wake.clear()
                    self._check()
                    if not backfill.done:
                        yield from self._idle()
            finally:  # who has gone does not wait for its turn
                self._feed.upstream.leave(backfill, wake, self._client)
            if (answer := backfill.answer) is not None:
                if notice := self._feed.upstream.notice(answer.page):
                    del answer
                    yield self._sent(Chunk(notice))
                    answer = backfill.answer
                if answer is not None:
                    return answer
            if isinstance(backfill.error, Unclear):
                if notice := self._feed.upstream.notice(backfill.error.page):
                    yield self._sent(Chunk(notice))
                unclear += 1
                if unclear >= UNCLEAR_TRIES and not self._unclear:
                    self._unclear = True
                    yield self._sent(frames.error(backfill.error.sentence))
                yield from self._rest(self._clock() + waiting(unclear - 1))
            elif backfill.error is not None:
                yield from self._rest(self._clock() + OWN_RETRY_SECONDS)

    def _rest(self, until: float, reached: int | None = None) -> Iterator[Chunk | float]:
        """Wait, with heartbeats; no longer than until the feed has got past what it had `reached`."""
        while True:
            self.wake.clear()
            self._check()
            if self._clock() >= until or (reached is not None and self._feed.high != reached):
                return
            yield from self._idle(until)

    def _check(self) -> None:
        if self._ending is not None:
            raise Ended(*self._ending)
        if self._clock() >= self._deadline:
            raise Ended(DONE)

    def _idle(self, until: float = math.inf, *, rests: bool = False) -> Iterator[Chunk | float]:
        """Tell what is to be told while no entry is there, else wait; a heartbeat when its time has come.

        `rests`: all that can come is the next publication, so it may leave meanwhile, and heartbeats may.
        """
        if self._feed.upstream.refusal is not None:
            raise Ended(self._feed.upstream.refusal, DONE)
        outage = self._feed.upstream.outage
        if outage is not None and outage is not self._outage:
            self._outage = outage
            yield self._sent(outage.chunk)
            return
        unclear = self._feed.upstream.notices.unclear
        if unclear is not None and not self._unclear and not self._position:
            self._unclear = True
            yield self._sent(unclear)
            return
        if (backward := self._feed.upstream.notices.newest_first) is not None and not self._newest_first:
            self._newest_first = True
            yield self._sent(backward)
            return
        if not self._poked:
            self._rests = rests
            yield min(self._deadline, until)
            self._rests = False
        if self._poked or self._clock() >= self.beat_due:
            self._poked = False
            yield self._sent(HEARTBEAT)

    def _sent(self, chunk: Chunk) -> Chunk:
        self.beat_due = self._clock() + self._heartbeat
        return chunk

    def _wants(self, entry: Entry) -> bool:
        return self.selection.wants(entry.type, entry.error_type)

    def _cut(self, whole: Iterable[bytes]) -> Iterator[Chunk]:
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


class Direct(Protocol):
    """What drives a stream in place of a thread that waits for it."""

    def publish(self, publication: Publication) -> bool:
        """Send a publication at once, if the stream waits for it; False when it must see to it in a turn of its own."""


class Body:
    """A stream as the iterable that a WSGI server sends; closing it gives all back, begun or not."""

    def __init__(self, stream: Stream, *, gzip: bool) -> None:
        self.stream = stream
        self.gzip = gzip
        self._bytes: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        if self._bytes is None:
            chunks = self.stream.chunks()
            self._bytes = self._held(frames.gzipped(chunks) if self.gzip else frames.plain(chunks))
        return self._bytes

    def _held(self, parts: Generator[bytes, None, None]) -> Iterator[bytes]:
        with closing(parts):
            for part in parts:
                if len(part) <= LARGE_BYTES:
                    yield part
                    continue
                LARGE.hold(self, part, self.stream.cut_off)
                try:
                    yield part
                finally:
                    LARGE.let_go(self)

    def close(self) -> None:
        """The server is done with it (PEP 3333: called at the end, however it came)."""
        if self._bytes is not None:
            self._bytes.close()  # type: ignore[attr-defined]  # a generator
        self.stream.close()
