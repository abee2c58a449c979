"""What direct streams promise: each has one owner at a time, and only its owner iterates, waits or closes."""

from __future__ import annotations

import errno
import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from poslogs.servers.direct import SPARE_TURNS, DirectStreams
from poslogs.servers.direct_stream import OVER, OWNED, RESTING, DirectStream
from poslogs.servers.sockets import Connection
from poslogs.streaming.body import Body
from poslogs.streaming.feed import Feed
from poslogs.streaming.frames import DONE
from poslogs.streaming.reason import Reason
from poslogs.streaming.stream import Start, Stream
from poslogs.supervisor import Supervisor
from tests.unit.doubles import HOUR, PATIENCE, PLAIN, Log, eventually, feed_of, ids_of

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
SMALL = 4096  # bytes of a buffer


class Stage:
    """Direct streams whose owners run when the test lets them, one after another, in the test's own thread."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.supervisor = Supervisor()
        self.direct = DirectStreams(HOUR, self.supervisor)
        self.direct.start = self._start
        self.waiting: deque[Callable[[], None]] = deque()
        self.started = 0
        self.made: list[DirectStream] = []

    def _start(self, run: Callable[[], None]) -> None:
        self.started += 1
        self.waiting.append(run)

    def run(self) -> None:
        """Let all owners go on until they rest or are over."""
        while self.waiting:
            self.waiting.popleft()()

    @contextmanager
    def owners(self) -> Iterator[None]:
        """Let owners go on inside the `with`, and those that come after them, in a thread beside the test's."""
        over = threading.Event()

        def run() -> None:
            while not over.wait(0.002):
                self.run()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def open(self, *, heartbeat: float = HOUR, duration: float = 2 * HOUR) -> Reader:
        """A stream, begun but not yet driven, and its client."""
        stream = Stream(
            self.feed, selection=PLAIN, start=Start(position=0), interval=0.002, heartbeat=heartbeat, duration=duration
        )
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
            client.connect(listener.getsockname())
            ours, _ = listener.accept()
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
        connection = Connection({"gunicorn.socket": ours})
        self.direct.begin(Body(stream, gzip=False), connection, HEAD, chunked=False)
        made = stream.direct
        assert isinstance(made, DirectStream)
        self.made.append(made)
        return Reader(made, stream, client)


class Reader:
    """A direct stream, seen from both sides."""

    def __init__(self, direct: DirectStream, stream: Stream, client: socket.socket) -> None:
        self.direct = direct
        self.stream = stream
        self.client = client
        self.client.settimeout(PATIENCE)
        self.given_back = 0
        stream.on_close(self._give_back)

    def _give_back(self) -> None:
        self.given_back += 1

    def until(self, part: bytes) -> bytes:
        """Read until this is in what came; returns what came."""
        got = b""
        while part not in got:
            piece = self.client.recv(65536)
            assert piece, got[-200:]
            got += piece
        return got

    def to_the_end(self) -> bytes:
        got = b""
        while piece := self.client.recv(65536):
            got += piece
        return got

    def reset(self) -> None:
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.close()


@contextmanager
def stage(log: Log) -> Iterator[Stage]:
    made = Stage(feed_of(log))
    try:
        yield made
    finally:
        for direct in made.made:
            direct.stream.disconnected()
            direct._connection.shut()
        made.run()


def resting(on: Stage, **kw: object) -> Reader:
    """A stream that has had all there is, and rests."""
    reader = on.open(**kw)  # type: ignore[arg-type]
    on.run()
    eventually(lambda: (on.run(), reader.direct.state is RESTING)[1])
    return reader


def test_a_stream_is_owned_from_its_beginning_and_sends_its_head_with_its_first_bytes() -> None:
    """They leave in one write, and nothing before its owner runs."""
    with stage(Log(1)) as on:
        reader = on.open()
        assert reader.direct.state is OWNED
        assert not select.select([reader.client], [], [], 0)[0]
        on.waiting.popleft()()
        assert reader.client.recv(len(HEAD) + 8) == HEAD + b": open\n\n"


def test_what_comes_while_a_stream_rests_is_sent_at_once_and_it_rests_again() -> None:
    """The poller itself sends it; no owner is needed."""
    log = Log(1)
    with stage(log) as on:
        reader = resting(on)
        reader.until(b"row 1")
        started = on.started
        log.add(2)
        assert ids_of(reader.until(b"row 2")) == [2]
        eventually(lambda: reader.direct.state is RESTING)
        assert on.started == started


def test_a_second_call_leaves_a_note_and_starts_no_second_owner() -> None:
    """Ten calls at a stream that rests start one owner, which sees the note; ten at an owned stream start none."""
    with stage(Log(1)) as on:
        reader = resting(on)
        started = on.started
        for _ in range(10):
            reader.direct.set()
        assert on.started == started + 1
        on.run()
        assert reader.direct.state is RESTING
        assert on.started == started + 1


def test_a_note_that_is_left_while_the_owner_lets_go_is_not_lost() -> None:
    """The note to end comes after the owner's last look at the stream, and before the owner lets go."""

    class Late(DirectStreams):
        def plan(self, stream: DirectStream) -> None:
            super().plan(stream)
            stream.stream.end(DONE)

    with stage(Log(1)) as on:
        on.direct = Late(HOUR, on.supervisor)
        on.direct.start = on._start
        reader = on.open(duration=HOUR)  # so that there is something to plan
        on.waiting.popleft()()
        assert reader.direct.state is OVER
        assert reader.to_the_end().endswith(b"event: done\ndata: [DONE]\n\n")


def test_a_reader_that_has_left_is_closed_by_an_owner_and_not_where_that_is_seen() -> None:
    """`disconnected` leaves a note. Slot and feed are given back once, when the owner runs."""
    with stage(Log(1)) as on:
        reader = resting(on)
        reader.stream.disconnected()
        assert reader.given_back == 0
        assert reader.direct.state is OWNED
        reader.stream.disconnected()
        on.run()
        assert reader.given_back == 1
        assert reader.direct.state is OVER
        assert on.feed.readers == 0
        reader.direct.set()
        reader.direct.beat(float("inf"))
        assert not on.waiting


def test_a_send_that_fails_while_a_stream_rests_leaves_the_end_to_an_owner() -> None:
    """If the poller meets a reset connection, the others get their share, and its owner closes this one."""
    log = Log(1)
    with stage(log) as on:
        reader, other = resting(on), resting(on)
        reader.reset()
        for number in range(2, 30):
            log.add(number)
            other.until(b"row %d" % number)
            if reader.direct.state is not RESTING:
                break
        assert reader.direct.state is OWNED
        assert reader.given_back == 0
        on.run()
        assert (reader.given_back, other.given_back) == (1, 0)


def test_a_full_socket_is_waited_for_by_an_owner_and_nothing_is_lost() -> None:
    """The poller sends what there is room for. The owner waits, with a client that reads only then."""
    log = Log(1)
    with stage(log) as on:
        reader = resting(on)
        reader.until(b"row 1")
        for number in range(2, 200):
            log.add(number, message="x" * 1000)
        eventually(lambda: reader.direct.state is OWNED)
        with on.owners():
            got = b""
            while got.count(b"event: data") < 198 or not got.endswith(b"\n\n"):
                got += reader.client.recv(65536)
        assert ids_of(got) == list(range(2, 200))


def test_an_owner_that_waits_for_room_is_freed_when_its_client_leaves() -> None:
    """The client reads nothing and resets. The owner ends, and all is given back."""
    log = Log(*range(1, 400))
    for row in log.rows.values():
        row["message"] = "x" * 1000  # type: ignore[index]
    with stage(log) as on:
        reader = on.open()
        with on.owners():
            eventually(lambda: reader.direct.state is OWNED and reader.direct._rest is not None)  # the socket is full
            reader.reset()
            eventually(lambda: reader.direct.state is OVER)
        assert reader.given_back == 1


class Unread(Connection):
    """A connection whose client takes nothing."""

    __slots__ = ()

    def wait_for_room(self, seconds: float) -> None:
        raise TimeoutError


def test_it_is_noted_why_a_stream_ended() -> None:
    """A reader that stalls, one that holds too much, one that leaves; and how many entries were handed over."""
    log = Log(*range(1, 400))
    for row in log.rows.values():
        row["message"] = "x" * 1000  # type: ignore[index]
    with stage(log) as on:
        stalled = on.open()
        stalled.direct._connection.__class__ = Unread
        eventually(lambda: (on.run(), stalled.direct.state is OVER)[1])
        assert stalled.stream.reason is Reason.STALLED
        assert stalled.given_back == 1
    log = Log(1)
    with stage(log) as on:
        cut, left = resting(on), resting(on)
        cut.direct.cut_off()
        left.stream.disconnected()
        on.run()
        assert (cut.stream.reason, left.stream.reason) == (Reason.CUT, Reason.LEFT)
        other = resting(on)
        other.until(b"row 1")
        assert other.stream.entries == 1
        log.add(2)
        other.until(b"row 2")
        assert other.stream.entries == 2
        assert other.stream.reason is None


def test_a_fault_of_one_stream_is_counted_and_ends_that_one_alone() -> None:
    """Something in the stream raises while the poller gives it its share."""
    log = Log(1)
    with stage(log) as on:
        reader, other = resting(on), resting(on)

        def fail(*_: object) -> bool:
            raise ZeroDivisionError

        class Broken(Stream):
            __slots__ = ()
            passes = fail

        reader.stream.__class__ = Broken
        log.add(2)
        other.until(b"row 2")
        eventually(lambda: reader.direct.state is OWNED)
        on.run()
        assert +on.supervisor.faults == {"stream": 1}
        assert (reader.given_back, other.given_back) == (1, 0)
        assert reader.stream.reason is Reason.FAILED


@pytest.mark.parametrize("what", ["heartbeat", "deadline"])
def test_the_loop_sends_heartbeats_to_streams_that_rest_and_calls_those_that_are_due(what: str) -> None:
    """Owners run in threads of their own here, in place of greenlets."""
    log = Log(1)
    feed = feed_of(log)
    on = Stage(feed)
    on.direct = DirectStreams(0.1, on.supervisor)
    assert on.direct.serve(lambda run: threading.Thread(target=run, daemon=True).start())
    if what == "heartbeat":
        reader = on.open(heartbeat=0.1)
        got = reader.until(b": heartbeat\n\n: heartbeat\n\n: heartbeat\n\n")
        assert ids_of(got) == [1]
        reader.stream.disconnected()
    else:
        reader = on.open()
        reader.stream._pulse._deadline = time.monotonic() + 0.3
        reader.direct.set()
        assert reader.to_the_end().endswith(b"event: done\ndata: [DONE]\n\n")
    eventually(lambda: reader.given_back == 1)
    assert +on.supervisor.faults == {}


def test_direct_streams_may_be_off() -> None:
    """POSLOGS_DIRECT=off does it."""
    assert not DirectStreams(15.0, Supervisor(), allowed=False).serve(lambda run: None)


def test_a_stream_whose_owner_cannot_be_started_may_be_taken_up_by_the_next_note() -> None:
    """Memory may have run out. The stream rests without an owner."""
    with stage(Log(1)) as on:
        reader = resting(on)
        start = on.direct.start

        def none(_: Callable[[], None]) -> None:
            raise MemoryError

        on.direct.start = none
        with pytest.raises(MemoryError):
            reader.stream.disconnected()
        assert reader.direct.state is RESTING
        on.direct.start = start
        reader.direct.set()
        on.run()
        assert reader.direct.state is OVER
        assert reader.given_back == 1


def test_a_stream_that_cannot_begin_gives_everything_back() -> None:
    """No owner can be started for it."""
    with stage(Log(1)) as on:
        start = on.direct.start

        def none(_: Callable[[], None]) -> None:
            raise MemoryError

        on.direct.start = none
        stream = Stream(on.feed, selection=PLAIN, start=Start(position=0), interval=0.002, heartbeat=HOUR)
        back: list[str] = []
        stream.on_close(lambda: back.append("slot"))
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            body = Body(stream, gzip=False)
            with pytest.raises(MemoryError):
                on.direct.begin(body, Connection({"gunicorn.socket": ours}), HEAD, chunked=False)
            assert back == ["slot"]
            assert theirs.recv(10) == b""
        on.direct.start = start


def test_nothing_follows_a_send_that_failed_while_a_stream_rested() -> None:
    """Part of a frame may have left, so the client sees the connection end, but no end of the body."""
    log = Log(1)
    with stage(log) as on:
        reader = resting(on)
        reader.until(b"row 1")

        def fail(_: object) -> int:
            raise OSError(errno.ENOBUFS, "no buffer space")

        send, reader.direct._send = reader.direct._send, fail
        log.add(2)
        eventually(lambda: reader.direct.state is OWNED)
        reader.direct._send = send
        on.run()
        assert reader.to_the_end() == b""
        assert reader.given_back == 1


def test_streams_that_are_over_are_not_kept_until_they_would_have_been_due() -> None:
    """Two thousand streams with a deadline in an hour come and go, and the plan stays small."""
    on = Stage(feed_of(Log()))
    assert on.direct.serve(on._start)
    for _ in range(2000):
        stream = Stream(on.feed, selection=PLAIN, start=Start(), interval=HOUR, heartbeat=HOUR, duration=HOUR)
        ours, theirs = socket.socketpair()
        with theirs:
            on.direct.begin(Body(stream, gzip=False), Connection({"gunicorn.socket": ours}), HEAD, chunked=False)
            on.run()
            stream.disconnected()
            on.run()
    on.direct._some.set()
    eventually(lambda: len(on.direct._turns) <= SPARE_TURNS)
