"""Whatever platformOS sends, a stream outlives it: whole frames, nothing given away, and the next good row arrives."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Container, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from poslogs.platformos import answers, entries
from poslogs.platformos.entries import Page
from poslogs.platformos.environments import Environment
from poslogs.platformos.gateway import Gateway, HttpGateway
from poslogs.streaming.feed import Feed
from poslogs.streaming.outage import LONGEST_WAIT_SECONDS
from poslogs.streaming.selection import Selection
from poslogs.streaming.stream import Start, Stream
from poslogs.streaming.upstream import Upstream
from tests.fuzz import strategies
from tests.fuzz.budget import share
from tests.fuzz.conftest import SECRET
from tests.support.frame import Frame, FrameParser
from tests.support.platformos import PlatformOS
from tests.support.server import Server

PATIENCE_S = 20.0
HURRY_S = 0.002  # between two polls
HEARTBEAT_S = 0.01  # how often a stream without entries gives its reader a turn
GOOD = 10**9  # an id above all that the strategies usually make


class Answers:
    """A gateway that answers with given rows once, and with good rows afterwards."""

    def __init__(self, first: list[Any]) -> None:
        self._first: list[Any] | None = first
        self.good: list[Any] = []
        self.asked_again = threading.Event()

    def after(self, last_id: int, known: Container[int] = (), came: Callable[[], None] = lambda: None) -> Page:
        """The rows past an id, as far as they have one."""
        first, self._first = self._first, None
        if first is None:
            self.asked_again.set()
            first = [row for row in self.good if row["id"] > last_id]
        came()
        return entries.read(first, "staging", known)

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""


class Clock:
    """A clock that can be put forward, so that nobody waits here for what others test."""

    def __init__(self) -> None:
        self.ahead = 0.0  # seconds

    def __call__(self) -> float:
        """The time, monotonic."""
        return time.monotonic() + self.ahead

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set, or until `seconds` have passed."""
        return event.wait(seconds)


class Listener:
    """Reads a stream on this thread, strictly, and for PATIENCE_S seconds at most."""

    def __init__(self, feed: Feed, clock: Clock, *, late: bool, position: int) -> None:
        self.clock = clock
        self._until = time.monotonic() + PATIENCE_S
        self.stream = Stream(
            feed,
            selection=Selection(None, late),
            start=Start(position=position),
            interval=HURRY_S,
            heartbeat=HEARTBEAT_S,
            clock=clock,
        )
        self.ids: list[int] = []
        self._chunks = self.stream.chunks()
        self._parser = FrameParser()

    def frames(self) -> list[Frame]:
        """The frames of the next chunk, which holds whole ones only."""
        assert time.monotonic() < self._until, "the stream is dead"
        plain = next(self._chunks).plain
        assert SECRET.encode() not in plain
        found = self._parser.feed(plain, time.monotonic())
        assert self._parser.rest == b"", plain
        for frame in found:
            if frame.event == "data":
                self.ids.append(int(frame.inner["id"]))
            elif frame.event == "error":
                assert re.fullmatch(r"[^\n]{10,300}[.]", frame.inner["message"]), frame
            else:
                assert frame.event is None, f"it ended: {frame}"
        return found

    def read_to(self, number: int) -> None:
        """Read until an entry has come."""
        while number not in self.ids:
            self.frames()
        assert len(set(self.ids)) == len(self.ids), "an entry twice"


@contextmanager
def listening(gateway: Gateway, *, late: bool, position: int = 0) -> Iterator[tuple[Feed, Listener]]:
    """A stream of a feed that asks this gateway."""
    environment = Environment("staging", "http://127.0.0.1", "dev@example.com", SECRET)
    clock = Clock()
    upstream = Upstream(environment, lambda _: gateway, clock=clock)
    feed = Feed(upstream, window_bytes=1 << 20, lookback=30.0)
    listener = Listener(feed, clock, late=late, position=position)
    with closing(listener.stream):
        assert listener.frames()[0].comment == "open"
        yield feed, listener


def usable(rows: list[Any]) -> None:
    """Leave out answers after which no id is free for a good row."""
    assume(entries.read(rows, "staging").last < GOOD)


@share(0.06)
@given(st.lists(strategies.rows, max_size=5), st.booleans())
def test_a_stream_outlives_any_rows(rows: list[Any], late: bool) -> None:
    """After an answer with rows of any kind a good row arrives from a later one."""
    usable(rows)
    gateway = Answers(rows)
    with listening(gateway, late=late) as (_, listener):
        while not gateway.asked_again.is_set():
            listener.frames()
        gateway.good.append({"id": GOOD})
        listener.read_to(GOOD)


@share(0.06)
@given(strategies.answers, st.sampled_from(("body", "body", "status", "raw")), st.booleans())
def test_a_stream_outlives_any_bytes(platformos: PlatformOS, body: bytes, how: str, late: bool) -> None:
    """Any bytes come over the real gateway: as a body, under another status, or in place of the whole response."""
    try:
        usable(answers.rows(body))
    except answers.NotALog:
        event("no log")
    position = platformos.add({"id": GOOD})[0] if not platformos.ids else int(platformos.ids[-1])
    if how == "raw":
        platformos.fail("raw", times=1, raw=b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(body) + 1) + body)
    elif how == "body":
        platformos.fail("raw", times=1, body=body)
    else:
        platformos.fail("status", times=1, status=503, body=body)
    asked = len(platformos.requests)
    environment = Environment("staging", platformos.url, "dev@example.com", SECRET)
    gateway = HttpGateway(environment, seconds=5.0, max_bytes=1 << 20)
    with closing(gateway), listening(gateway, late=late, position=position) as (feed, listener):
        while len(platformos.requests) <= asked:
            listener.frames()
        good = platformos.add({})[0]
        while good not in listener.ids:
            if feed.upstream.outage is not None:
                listener.clock.ahead += LONGEST_WAIT_SECONDS
                feed.join(listener.stream)  # has the feed look at its clock
            listener.frames()
        listener.read_to(good)


@pytest.fixture(scope="module")
def served(started: Callable[..., Server]) -> Iterator[tuple[PlatformOS, Server]]:
    """A server in a process of its own."""
    with PlatformOS(token=SECRET) as stand_in, started("gevent", environments={"staging": stand_in}) as server:
        yield stand_in, server


@share(0.004)
@given(st.lists(strategies.rows_with(st.just(None)), min_size=1, max_size=20), st.booleans(), st.booleans())
def test_a_reader_of_a_server_outlives_any_rows(
    served: tuple[PlatformOS, Server], strays: list[Any], late: bool, gzip: bool
) -> None:
    """A good row arrives after many values that are not rows, over real sockets."""
    platformos, server = served
    tool = "platformos.logs.live" if late else "platformos.logs.stream"
    last = platformos.ids[-1] if platformos.ids else "0"
    with server.stream(tool, {"env": "staging", "interval": 250, "lastId": last}, gzip=gzip) as reader:
        for stray in strays:
            platformos.stray(stray)
        good = platformos.add({})[0]
        reader.wait_entries(1, PATIENCE_S)
        assert reader.entry_ids == [str(good)]
        assert not reader.done
        assert SECRET.encode() not in b"".join(frame.raw for frame in reader.frames)
    assert "Traceback" not in server.output, server.output
