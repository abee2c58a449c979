"""Direct streams: streams that no greenlet waits for, on sockets taken from gunicorn's gevent worker.

The way of every WSGI server has a thread or greenlet wait for each reader. A direct stream that waits is a record: the
feed's poller sends it a batch, one loop its heartbeats. Whatever takes longer is done by a greenlet of its own. The
bytes are the same (docs/decisions/0010-direct-streams.md).
"""

from __future__ import annotations

import heapq
import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Final

from poslogs.cooperation import let_others_run
from poslogs.servers.sockets import STALL_SECONDS, Connection
from poslogs.streaming.body import Body
from poslogs.streaming.frames import HEARTBEAT, Chunk, Member, in_chunks
from poslogs.streaming.large import LARGE, LARGE_BYTES
from poslogs.streaming.publication import Publication
from poslogs.supervisor import IDLE_SECONDS, Loop, Supervisor

log = logging.getLogger("poslogs.direct")

LOOK_SECONDS: Final = 0.5  # between two looks for heartbeats that are due; so much earlier than needed they may leave
LOOKS: Final = 10  # in a heartbeat that is shorter than five seconds
TURN: Final = 200  # heartbeats in one go
SPARE_TURNS: Final = 1000  # that are planned beyond two for each stream, until those that are over are thrown out
_LAST: Final = b"0\r\n\r\n"  # the chunk that ends a body (RFC 9112, section 7.1)

# Who may do what to a stream, and who moves it on: docs/decisions/0013-one-owner.md.
RESTING: Final = "resting"  # nobody's: it may be taken up, or sent to by who makes it SENDING for that long
SENDING: Final = "sending"  # of who is in the middle of one send that cannot wait
OWNED: Final = "owned"  # of the greenlet that drives it
OVER: Final = "over"  # closed; nobody touches it any more

Start = Callable[[Callable[[], None]], object]


class DirectStream:
    """One stream on its socket, in HTTP/1.1's chunked coding or as it is (HTTP/1.0); also the `wake` of its stream.

    At any moment it has one owner, or none and rests (`state`). Who comes second leaves a note (`set`), which the
    owner sees before it lets go. Taking up and letting go are one assignment each, with nothing between it and what
    was looked at that could change greenlets. Only the owner iterates, closes, or waits.
    """

    __slots__ = (
        "_called",
        "_chunked",
        "_connection",
        "_direct",
        "_is_large",
        "_member",
        "_rest",
        "_send",
        "_steps",
        "due",
        "planned",
        "state",
        "stream",
    )

    def __init__(self, direct: DirectStreams, body: Body, connection: Connection, head: bytes, chunked: bool) -> None:
        self.stream = body.stream
        self.state = OWNED
        self.due = math.inf  # when the stream wants its next turn
        self.planned = math.inf  # when it is looked at
        self._direct = direct
        self._connection = connection
        self._chunked = chunked
        self._member = Member() if body.gzip else None
        self._steps = body.stream.steps()
        self._send: Callable[[bytes | memoryview], int] = connection.take().send
        self._rest: bytes | memoryview | None = None  # what there was no room for yet
        self._is_large = False  # and it is known to LARGE
        self._called = False  # the note: there may be something to do
        self.stream.wake = self.stream.direct = self
        first = next(self._steps)
        assert isinstance(first, Chunk)
        self._rest = head + self._coded(first)  # they leave in one write

    # What anyone may do: leave a note

    def set(self) -> None:
        """There may be something to do: the owner sees it, or the stream gets one."""
        self._called = True
        if self.state is RESTING:
            self._take_up()

    def clear(self) -> None:
        """The stream is about to look."""
        self._called = False

    # What may be sent while it rests, and cannot wait

    def publish(self, publication: Publication) -> bool:
        """Send a publication at once, if the stream rests; False when it must see to it in a turn of its own."""
        if self.state is not RESTING:
            return False
        self.state = SENDING
        try:
            return self.stream.passes(publication, self._give)
        except Exception as error:  # noqa: BLE001 - of one stream; the others get theirs
            self._spoil(error)
            return True
        finally:
            self._let_go()

    def beat(self, until: float) -> None:
        """Send a heartbeat that is due until then, or have the stream do so in a turn of its own."""
        stream = self.stream
        if self.state is not RESTING or stream.beat_due > until:
            return
        now = time.monotonic()
        self.state = SENDING
        try:
            if stream.beats(now):
                self._give(HEARTBEAT)
            elif stream.beat_due <= now:
                self._called = True
        except Exception as error:  # noqa: BLE001 - as above
            self._spoil(error)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        """The sender is done: the stream rests again, or gets an owner for what is left to do."""
        assert self.state is SENDING
        if self._called or self._rest is not None:
            self._take_up()
        else:
            self.state = RESTING

    def _take_up(self) -> None:
        """Start an owner for a stream that has none."""
        assert self.state in (RESTING, SENDING)
        self.state = OWNED
        try:
            self._direct.start(self.drive)
        except BaseException:  # as where memory has run out: the next note tries again
            self.state = RESTING
            raise

    def _give(self, chunk: Chunk) -> None:
        try:
            self._put(self._coded(chunk))
        except OSError:
            self._connection.shut()  # nothing may follow what may have left in part
            self.stream.disconnected()

    def _spoil(self, error: Exception) -> None:
        self._direct.failed(error)
        self._connection.shut()  # its gzip member may count what never left, and a wrong trailer is worse than none
        self.stream.disconnected()

    # What its owner does

    def drive(self) -> None:
        """Let the stream say what it has to, until it rests or is over; runs in a greenlet of its own."""
        assert self.state is OWNED
        rests = False
        try:
            while not rests and (due := self._advance()) is not None:
                self.due = due
                if due < self.planned:
                    self._direct.plan(self)
                if not self._called:
                    assert self.state is OWNED
                    rests = True
                    self.state = RESTING
        except OSError:
            log.debug("The reader had gone before.", exc_info=True)
        except Exception as error:  # noqa: BLE001 - of one stream; the others go on
            self._direct.failed(error)
        finally:
            if not rests:
                self.close()

    def _advance(self) -> float | None:
        """Send what there is. Returns the time on the clock until which to wait for more; None at the end.

        Raises OSError when the reader has gone, or has read nothing for STALL_SECONDS.
        """
        if self._rest is not None:
            self._write(b"")
        for step in self._steps:
            if isinstance(step, Chunk):
                self._write(self._coded(step))
            elif not self._called:
                return step
        end = self._framed(self._member.end()) if self._member else b""
        self._write(end + _LAST if self._chunked else end)
        return None

    def _write(self, data: bytes) -> None:
        """Send all of it, and wait for room where there is none, each time for STALL_SECONDS at most."""
        self._put(data)
        while self._rest is not None:
            self._connection.wait_for_room(STALL_SECONDS)
            self._put(b"")

    def close(self) -> None:
        """End the stream and close its connection; by its owner."""
        assert self.state is OWNED
        self.state = OVER
        self._direct.closed()
        try:
            self._steps.close()
        except Exception as error:  # noqa: BLE001 - what follows must be given back all the same
            self._direct.failed(error)
        finally:
            self.stream.close()  # a generator that was not begun does nothing at its end
            self._connection.close()
            self._rest = None
            self._weigh()

    def _coded(self, chunk: Chunk) -> bytes:
        member = self._member
        if member is None:
            return chunk.framed if self._chunked else chunk.plain
        if not member.begun:
            return self._framed(member.segment(chunk))
        member.add(chunk)
        return chunk.framed_packed if self._chunked else chunk.packed

    def _framed(self, data: bytes) -> bytes:
        return in_chunks(data) if self._chunked else data

    def _put(self, data: bytes | memoryview) -> None:
        """Send as far as there is room; what is left of it is kept."""
        if self._rest is not None:
            data, self._rest = (bytes(self._rest) + data if data else self._rest), None
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        if sent != len(data):
            self._rest = memoryview(data)[sent:]
        self._weigh()

    def _weigh(self) -> None:
        rest = self._rest
        if isinstance(rest, memoryview) and len(rest) > LARGE_BYTES:
            self._is_large = True
            LARGE.hold(self, rest.obj, self._cut_off)  # type: ignore[arg-type]  # bytes, as chunks are
        elif self._is_large:
            self._is_large = False
            LARGE.let_go(self)

    def _cut_off(self) -> None:
        self._connection.shut()
        self.stream.disconnected()


class DirectStreams:
    """The direct streams of this process, and the loop that keeps their time; there are none before `serve`."""

    def __init__(self, heartbeat: float, supervisor: Supervisor, *, allowed: bool = True) -> None:
        self.start: Start  # from `serve` on
        self._allowed = allowed
        self._supervisor = supervisor
        self._pause = min(LOOK_SECONDS, heartbeat / LOOKS)
        self._some = threading.Event()
        self._turns: list[tuple[float, int, DirectStream]] = []  # a heap, as the next
        self._beats: list[tuple[float, int, DirectStream]] = []
        self._count = 0
        self._open = 0

    def serve(self, start: Start) -> bool:
        """Take streams from now on; False where POSLOGS_DIRECT is off.

        `start` runs a function in a greenlet of its own and does not wait for it. It must be greenlets: with threads
        the steps that are taken here without a lock would not be whole.
        """
        if self._allowed:
            self.start = start
            self._supervisor.ensure("direct", self._keep_time)
        return self._allowed

    def begin(self, body: Body, connection: Connection, head: bytes, *, chunked: bool) -> None:
        """Take a connection from its server, and let the stream begin with `head`, the bytes before the body.

        The connection must be one that `can_be_taken`; it is closed with the stream.
        """
        try:
            stream = DirectStream(self, body, connection, head, chunked)
        except BaseException:
            body.close()
            connection.close()
            raise
        self._open += 1
        try:
            if not self._beats:
                self._some.set()
            self._plan(self._beats, stream.stream.beat_due, stream)
            self.start(stream.drive)
        except BaseException:
            stream.close()
            raise

    def closed(self) -> None:
        """One of the streams is over."""
        self._open -= 1

    def plan(self, stream: DirectStream) -> None:
        """Look at a stream when it is due."""
        stream.planned = stream.due
        self._plan(self._turns, stream.due, stream)
        self._some.set()

    def failed(self, error: Exception) -> None:
        """Count and log a fault of one stream."""
        self._supervisor.failed("stream", "", error)

    def _plan(self, heap: list[tuple[float, int, DirectStream]], due: float, stream: DirectStream) -> None:
        self._count += 1
        heapq.heappush(heap, (due, self._count, stream))

    def _keep_time(self, loop: Loop) -> None:
        look = 0.0
        while True:
            loop.turn()
            now = time.monotonic()
            if now >= look:
                look = now + self._pause
                self._beat(look)
            self._call_due(time.monotonic())
            self._forget_over()
            due = min(look if self._beats else math.inf, self._turns[0][0] if self._turns else math.inf)
            self._some.wait(min(IDLE_SECONDS, max(0.0, due - time.monotonic())))
            self._some.clear()

    def _call_due(self, now: float) -> None:
        while self._turns and self._turns[0][0] <= now:
            _, _, stream = heapq.heappop(self._turns)
            stream.planned = math.inf
            if stream.due <= now:
                stream.set()
            elif stream.due < math.inf and stream.state is not OVER:
                self.plan(stream)

    def _forget_over(self) -> None:
        # A stream that is over may have been due in a day, and one that goes on may be planned more than once.
        if len(self._turns) > 2 * self._open + SPARE_TURNS:
            self._turns = [it for it in self._turns if it[0] == it[2].planned and it[2].state is not OVER]
            heapq.heapify(self._turns)

    def _beat(self, until: float) -> None:
        """Send the heartbeats that are due before the look after this one."""
        count = 0
        while self._beats and self._beats[0][0] <= until:
            _, _, stream = heapq.heappop(self._beats)
            stream.beat(until)
            if stream.state is OVER:
                continue
            self._plan(self._beats, max(stream.stream.beat_due, until + self._pause / 2), stream)
            count += 1
            if not count % TURN:
                let_others_run()
