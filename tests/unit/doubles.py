"""Small real things that unit tests put in the place of large ones: a log with gateways to it, clocks, readers."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from poslogs.platformos import answers, entries
from poslogs.platformos.entries import Entry, Page
from poslogs.platformos.environments import Environment
from poslogs.platformos.gateway import GatewayError, whole
from poslogs.streaming.answer import Answer
from poslogs.streaming.feed import Feed
from poslogs.streaming.frames import Chunk
from poslogs.streaming.publication import Publication
from poslogs.streaming.selection import Selection
from poslogs.streaming.stream import Start, Stream
from poslogs.streaming.upstream import Upstream

PATIENCE = 20.0  # seconds that a test waits for what must happen
STAGING = Environment("staging", "https://staging.example.com", "me@example.com", "secret-token")
PLAIN = Selection(None, late=False)
LIVE = Selection(None, late=True)
HOUR = 3600.0


class StandingClock:
    """A clock that stands until it is set, and that knows who waits by it."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self._waits: Counter[str] = Counter()  # by thread, since the beginning
        self._waiting: dict[str, threading.Event] = {}
        self._changed = threading.Condition()

    def __call__(self) -> float:
        return self.now

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set: time does not pass by itself."""
        name = threading.current_thread().name
        with self._changed:
            self._waits[name] += 1
            self._waiting[name] = event
            self._changed.notify_all()
        event.wait(PATIENCE)
        with self._changed:
            del self._waiting[name]
        return event.is_set()

    def turn(self, seconds: float, feed: Feed) -> None:
        """Let time pass; come back once the feed's poller has done all that is due then, and waits again."""
        self.now += seconds
        name = f"poller {feed.upstream.environment.name}"
        with self._changed:
            assert self._changed.wait_for(lambda: name in self._waiting, PATIENCE), "the poller does not wait"
            before = self._waits[name]
            self._waiting[name].set()
            assert self._changed.wait_for(lambda: self._waits[name] > before, PATIENCE), "the poller does not go on"


class RunningClock:
    """A clock that goes, and can be turned ahead."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self._ahead

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set, or until `seconds` have passed."""
        return event.wait(seconds)

    def turn(self, seconds: float) -> None:
        """Move the clock on by `seconds`."""
        self._ahead += seconds


@dataclass(frozen=True)
class Asked:
    """One question that was put to a log."""

    last_id: int
    poller: bool  # or a reader's own
    at: float


class Log:
    """What a pretended platformOS lists, and every question that it was asked.

    `page` is how many rows one answer holds. A test stops the answers with `hold`, and spoils them with `failure`.
    """

    def __init__(self, *ids: int, page: int = 1000, clock: Callable[[], float] = time.monotonic) -> None:
        self.rows: dict[int, object] = {}
        self.page = page
        self.asked: list[Asked] = []
        self.failure: Exception | None = None
        self.opened = 0  # gateways
        self.closed = 0
        self.busiest = 0  # questions under way at once, at most
        self._busy = 0
        self._clock = clock
        self._changed = threading.Condition()
        self._held: Callable[[Asked], bool] = lambda _: False
        self.add(*ids)

    def add(self, *ids: int, **fields: object) -> None:
        """List rows with these ids."""
        with self._changed:
            for number in ids:
                self.rows[number] = row(number, **fields)

    def put(self, number: int, anything: object) -> None:
        """List anything at all at the place of an id."""
        with self._changed:
            self.rows[number] = anything

    def open_gateway(self, environment: Environment) -> Door:
        """A gateway to this log."""
        with self._changed:
            self.opened += 1
        return Door(self, environment)

    def answer(self, last_id: int) -> Collection[object]:
        """The rows past an id, ascending, at most a page."""
        asked = Asked(last_id, threading.current_thread().name.startswith("poller "), self._clock())
        with self._changed:
            self.asked.append(asked)
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
            self._changed.notify_all()
            free = self._changed.wait_for(lambda: not self._held(asked), 60)
            self._busy -= 1
            assert free, "a held question was never let go"
            if self.failure is not None:
                raise self.failure
            ids = sorted(self.rows)
            first = bisect_right(ids, last_id)
            return [self.rows[number] for number in ids[first : first + self.page]]

    @contextlib.contextmanager
    def hold(self, which: Callable[[Asked], bool] = lambda _: True) -> Iterator[None]:
        """Let no such question be answered inside the `with`."""
        with self._changed:
            self._held = which
        try:
            yield
        finally:
            with self._changed:
                self._held = lambda _: False
                self._changed.notify_all()

    def wait(self, until: Callable[[Log], object]) -> None:
        """Wait until the questions so far make this true."""
        with self._changed:
            found = self._changed.wait_for(lambda: until(self), PATIENCE)
        assert found, f"asked: {self.asked}"

    @property
    def polls(self) -> list[int]:
        """The questions of the poller."""
        return [asked.last_id for asked in self.asked if asked.poller]

    @property
    def own(self) -> list[int]:
        """The questions of readers."""
        return [asked.last_id for asked in self.asked if not asked.poller]


class Odd(Log):
    """A log of which the nth answer, and only that, is a body without `logs`."""

    def __init__(self, *ids: int, nth: int, **kw: Any) -> None:
        super().__init__(*ids, **kw)
        self._nth = nth

    def answer(self, last_id: int) -> Collection[object]:
        rows = super().answer(last_id)
        return answers.rows(b"{}") if len(self.asked) == self._nth else rows


class Door:
    """A gateway to a log."""

    def __init__(self, log: Log, environment: Environment) -> None:
        self.environment = environment
        self._log = log

    def after(self, last_id: int, known: Container[int] = (), turn: Callable[[], None] = lambda: None) -> Page:
        return entries.read(self._log.answer(last_id), self.environment.name, known)

    def close(self) -> None:
        self._log.closed += 1


@dataclass(eq=False)
class Follower:
    """A reader as a feed knows it, that only counts what it takes."""

    interval: float = HOUR
    selection: Selection = PLAIN
    wake: threading.Event = field(default_factory=threading.Event)
    number: int | None = None

    def publish(self, publication: Publication) -> None:
        self.wake.set()

    def take(self, feed: Feed) -> bytes:
        """The next batch for it, waited for."""
        end = time.monotonic() + PATIENCE
        while True:
            self.wake.clear()
            batch = feed.take(self)
            if batch is not None:
                chunk = batch.chunk(self.selection)
                return chunk.plain if chunk else b""
            assert self.wake.wait(max(0.0, end - time.monotonic())), "no batch came"


class Reading:
    """A stream that the test reads itself, chunk by chunk, and that reads no faster than the test does."""

    def __init__(
        self,
        feed: Feed,
        *,
        selection: Selection = PLAIN,
        start: Start | None = None,
        interval: float = HOUR,
        heartbeat: float = PATIENCE,
        **kw: Any,
    ) -> None:
        self.stream = Stream(
            feed, selection=selection, start=start or Start(), interval=interval, heartbeat=heartbeat, **kw
        )
        self.chunks: Iterator[Chunk] = self.stream.chunks()
        self.got: list[bytes] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()

    def next(self) -> bytes:
        """The next chunk, whatever it is."""
        self.got.append(next(self.chunks).plain)
        return self.got[-1]

    def open(self) -> Self:
        """Read the first bytes."""
        assert self.next() == b": open\n\n"
        return self

    def until(self, *ids: int) -> list[int]:
        """Read until these ids came, and give the ids of all that came; a heartbeat means that they did not."""
        found: list[int] = []
        while not set(ids) <= set(found):
            chunk = self.next()
            assert chunk != b": heartbeat\n\n", f"a heartbeat came when {ids} were due, after {found}"
            found += ids_of(chunk)
        return found

    def quiet(self) -> None:
        """Assert that nothing is left to send: after a poke the next chunk is a heartbeat."""
        self.stream.poke()
        assert self.next() == b": heartbeat\n\n"

    def rest(self) -> list[bytes]:
        """All that comes until the stream ends by itself."""
        return [chunk.plain for chunk in self.chunks]


@contextlib.contextmanager
def hurry(feed: Feed) -> Iterator[None]:
    """Have the feed poll all the time inside the `with`, by a reader with a tiny interval."""
    reader = Follower(interval=0.002)
    feed.join(reader)
    try:
        yield
    finally:
        feed.leave(reader)


def feed_of(log: Log, *, window_bytes: int = 1 << 20, lookback: float = 30.0, **kw: Any) -> Feed:
    """A feed that polls a log."""
    return Feed(Upstream(STAGING, log.open_gateway, **kw), window_bytes=window_bytes, lookback=lookback)


def asking(log: Log) -> Callable[[int], Answer]:
    """A function that asks the questions of a search to a log."""
    gateway = log.open_gateway(STAGING)
    return lambda position: Answer(whole(gateway.after(position), STAGING.name), position)


def row(number: int, **fields: object) -> dict[str, object]:
    """A row as platformOS gives it."""
    given: dict[str, object] = {
        "id": number,
        "created_at": "2024-01-15T10:00:00Z",
        "error_type": "info",
        "message": f"row {number}",
        "data": {},
    }
    return {**given, **fields}


def entry(number: int, **fields: object) -> Entry:
    """The entry of such a row."""
    return Entry.from_row(row(number, **fields), "staging")


def down(sentence: str = "Connection failed: environment staging refused the connection.", **kw: Any) -> GatewayError:
    """What a gateway raises when a question was not answered."""
    return GatewayError(sentence, **kw)


def ids_of(stream: bytes) -> list[int]:
    """The ids inside the entries of a stretch of stream, in its order."""
    return [int(json.loads(json.loads(event.data)["text"])["id"]) for event in events(stream) if event.type == "data"]


@dataclass(frozen=True)
class Event:
    """What a browser hands to the page."""

    type: str
    data: str
    last_id: str


def events(stream: bytes) -> list[Event]:
    """The events of a stream, as the HTML standard interprets it ("Interpreting an event stream")."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    found: list[Event] = []
    data, type_, last_id = "", "", ""
    lines = re.split("\r\n|\n|\r", text)
    for line in lines[:-1]:  # what follows the last line end is not a line yet
        if not line:
            if data:
                found.append(Event(type_ or "message", data.removesuffix("\n"), last_id))
            data = type_ = ""
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            type_ = value
        elif name == "data":
            data += value + "\n"
        elif name == "id" and "\0" not in value:
            last_id = value
    return found


def eventually(true: Callable[[], object], what: str = "it did not happen") -> None:
    """Wait until something has become true that sets no event when it does."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.002)


def in_threads(*works: Callable[[], object]) -> list[object]:
    """Do all of these at the same instant, each in a thread, and give what they returned or raised."""
    results: list[object] = [None] * len(works)
    start = threading.Barrier(len(works))

    def run(index: int, work: Callable[[], object]) -> None:
        start.wait(PATIENCE)
        try:
            results[index] = work()
        except Exception as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads), "some did not come to an end"
    return results


def joined(chunks: Iterable[Chunk]) -> bytes:
    """The plain bytes of chunks."""
    return b"".join(chunk.plain for chunk in chunks)
