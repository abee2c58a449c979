"""What the visitors of a storm notice (tests/storm), with a server that says what a test writes."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable

import pytest

from tests.storm.crowd import Crowd
from tests.storm.loop import Loop
from tests.storm.manners import Leaver, Staller, Witness
from tests.storm.side import Side
from tests.storm.tally import Tally
from tests.storm.visitor import Visitor
from tests.support.listener import Listener
from tests.support.platformos import PlatformOS

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n"
LONG_S = 10.0


def chunk(frames: bytes) -> bytes:
    """Frames in one chunk."""
    return b"%X\r\n%b\r\n" % (len(frames), frames)


def entry(name: str, number: int) -> bytes:
    """The chunk of an entry."""
    inner = rf"{{\"id\":\"{number}\",\"message\":\"{name} {number} \"}}"
    return chunk(f'id: {number}\nevent: data\ndata: {{"type":"text","text":"{inner}"}}\n\n'.encode())


OPEN = chunk(b": open\n\n")
BEAT = chunk(b": heartbeat\n\n")
LAST = b"0\r\n\r\n"


def greet(conn: socket.socket) -> None:
    """Open a stream and say nothing more."""
    conn.sendall(HEAD + OPEN)
    conn.recv(65536)
    conn.recv(1)


def visit(
    said: bytes, over: Callable[[Visitor], bool], manner: type[Visitor] = Witness, *, stays: bool = True
) -> Tally:
    """The tally of one visitor of `staging` that gets `said`. Then the server waits for its end, if it `stays`."""

    def serve(conn: socket.socket) -> None:
        conn.recv(65536)
        conn.sendall(said)
        while stays and conn.recv(65536):
            pass

    tally = Tally("unit")
    listener = Listener(serve)
    with PlatformOS() as platformos, Loop() as loop:
        side = Side("staging", "token", b"production ", 1, 100, platformos)
        visitor = manner(loop, tally, listener.port, side, 0, random.Random(1))
        assert loop.run(lambda: over(visitor), LONG_S), tally
        visitor.leave()
    listener.close()
    return tally


def test_a_stream_that_is_as_it_must_be_is_no_trouble() -> None:
    """Entries one after another, and heartbeats, are counted."""
    said = HEAD + OPEN + entry("staging", 1) + BEAT + entry("staging", 2)
    tally = visit(said, lambda one: one.came == 2)
    assert (tally.entries, tally.beats, tally.ended, tally.foreign, tally.troubles) == (2, 1, 0, 0, [])


def test_bytes_of_the_other_side_are_counted() -> None:
    """They are counted wherever they are."""
    tally = visit(HEAD + OPEN + entry("production", 1), lambda one: one.gone)
    assert tally.foreign == len(b"production ")
    assert "foreign bytes: witness of staging" in tally.troubles[0]


@pytest.mark.parametrize(
    ("said", "stays", "how"),
    [
        (HEAD + OPEN + LAST, True, "its last chunk"),
        (HEAD + OPEN, False, "EOF"),
        (b"", False, "EOF"),
    ],
)
def test_an_end_that_nobody_asked_for_is_counted(said: bytes, stays: bool, how: str) -> None:
    """It may come by the last chunk, in the middle, or before the answer."""
    tally = visit(said, lambda one: one.gone, stays=stays)
    assert tally.ended == 1
    assert f", by {how}" in tally.troubles[0]


@pytest.mark.parametrize(
    "said",
    [
        OPEN + entry("staging", 2),
        OPEN + entry("staging", 1) + entry("staging", 1),
        entry("staging", 1),
        OPEN + b"xyz\r\n",
        OPEN + chunk(b": op"),
    ],
)
def test_what_is_lost_doubled_or_broken_is_trouble(said: bytes) -> None:
    """These are a gap, an entry twice, no `: open`, a broken chunk, and half a frame."""
    tally = visit(HEAD + said, lambda one: one.gone)
    assert [trouble.split(":")[0].split(" after")[0] for trouble in tally.troubles] == ["witness of staging"], tally
    assert tally.ended == 0


@pytest.mark.parametrize("manner", [Leaver, Staller])
def test_who_leaves_by_itself_is_no_trouble(manner: type[Visitor]) -> None:
    """That holds even with bytes left to read."""
    said = HEAD + OPEN + entry("staging", 1) * (1 if manner is Leaver else 1000)
    assert not visit(said, lambda one: one.gone, manner).troubles


def test_a_crowd_replaces_who_has_gone_until_as_many_came_as_may() -> None:
    """Of ten in all, three are there at once."""
    tally = Tally("unit")
    listener = Listener(greet)
    with PlatformOS() as platformos, Loop() as loop:
        side = Side("staging", "token", b"production ", 1, 100, platformos)
        chance = random.Random(1)
        crowd = Crowd(3, 10, lambda: Leaver(loop, tally, listener.port, side, 0, chance))
        assert len(crowd.here) == 3
        assert loop.run(lambda: crowd.spent and not crowd.here, LONG_S), tally
    listener.close()
    assert tally.opened["leaver"] == 10


def test_tracebacks_in_a_log_are_counted_by_what_they_say() -> None:
    """They are counted by their last line."""
    tally = Tally("unit")
    tally.read_log('fine\nTraceback (most recent call last):\n  File "x"\n    code\nValueError: generator\nmore\n')
    assert tally.tracebacks == {"ValueError: generator": 1}
    assert len(tally.troubles) == 1
