"""Lines: streams without a thread of their own, on sockets taken from gunicorn's gevent worker.

The way of every WSGI server has a thread or greenlet wait for each reader. On lines one thread drives all streams, and
the feed's poller sends a batch itself to those that rest. The same bytes leave (docs/decisions/0010-lines.md).
"""

from __future__ import annotations

import heapq
import logging
import math
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from poslogs.doors.connection import Connection
from poslogs.streaming.frames import HEARTBEAT, Chunk, Member, in_chunks
from poslogs.streaming.stream import Body
from poslogs.streaming.window import Arrival

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

log = logging.getLogger("poslogs.lines")

LOOK_SECONDS: Final = 0.5  # between two looks for heartbeats that are due; so much earlier than needed they may leave
LOOKS: Final = 10  # in a heartbeat that is shorter than five seconds
TURN: Final = 200  # streams that are seen to in one go
_LAST: Final = b"0\r\n\r\n"  # the chunk that ends a body (RFC 9112, section 7.1)


class Line:
    """One stream on its socket, in HTTP/1.1's chunked coding or as it is (HTTP/1.0); also the `wake` of its stream.

    Nothing here is locked: lines are for greenlets, which change places only where one waits, and no line ever waits.
    """

    __slots__ = (
        "_chunked",
        "_connection",
        "_ended",
        "_lines",
        "_member",
        "_parked",
        "_rest",
        "_rung",
        "_send",
        "_steps",
        "due",
        "planned",
        "request",
        "stream",
    )

    def __init__(
        self, lines: Lines, body: Body, connection: Connection, response: Any, environ: WSGIEnvironment
    ) -> None:
        self.stream = body.stream
        self.request: Any = response, environ  # gunicorn's, until `begin`
        self.due = math.inf  # when the stream wants its next turn
        self.planned = math.inf  # when it is looked at
        self._lines = lines
        self._connection = connection
        self._chunked = response.chunked
        self._member = Member() if body.gzip else None
        self._steps = body.stream.steps()
        self._send: Callable[[bytes | memoryview], int]
        self._rest: bytes | memoryview | None = None  # what there was no room for yet
        self._parked = False  # the stream waits, and nobody sees to it
        self._rung = False
        self._ended = False

    def begin(self) -> None:
        """Take the connection from gunicorn; send the head of the answer, and what comes first."""
        (response, _), self.request = self.request, None
        response.force_close()  # gunicorn no longer has the connection, so nothing can be asked on it after this
        head = "".join([*response.default_headers(), *(f"{name}: {value}\r\n" for name, value in response.headers)])
        self._send = self._connection.take().send
        self._rest = f"{head}\r\n".encode("latin-1")  # leaves with the first chunk
        self.stream.wake = self.stream.line = self
        self._lines.see_to(self)

    # As a wake

    def set(self) -> None:
        """The stream gets a turn soon."""
        self._rung = True
        if self._parked or self.abandoned:
            self._parked = False
            self._lines.ready(self)

    def clear(self) -> None:
        """The stream is about to look."""
        self._rung = False

    # What leaves while the stream rests

    def receive(self, arrival: Arrival) -> bool:
        """Send an arrival at once, if the stream rests; False when it must see to it in a turn of its own."""
        return self._parked and self.stream.passes(arrival, self._give)

    def beat(self, until: float) -> None:
        """Send a heartbeat that is due until then, or have the stream do so in a turn of its own."""
        stream = self.stream
        if not self._parked or stream.beat_due > until:
            return
        now = time.monotonic()
        if stream.beats(now):
            self._give(HEARTBEAT)
        elif stream.beat_due <= now:
            self.set()

    def _give(self, chunk: Chunk) -> None:
        try:
            if self._put(self._coded(chunk)):
                return
            self._parked = False
            self._lines.wait_for_room(self)
        except OSError:
            self.stream.close()  # which sets its wake

    # Turns

    def turn(self) -> None:
        """Let the stream say what it has to, until it waits, is over, or there is no room.

        Raises OSError when the reader has gone.
        """
        for step in self._steps:
            if isinstance(step, Chunk):
                if not self._put(self._coded(step)):
                    return
            elif not self._rung:
                self.due = step
                self._parked = True
                return
        if not self._ended:
            self._ended = True
            end = self._framed(self._member.end()) if self._member else b""
            if not self._put(end + _LAST if self._chunked else end):
                return
        self.close()

    def go_on(self) -> None:
        """There is room: send what is left, and let the stream go on. Raises OSError when the reader has gone."""
        rest, self._rest = self._rest, None
        if rest is None or self._put(rest):
            self.turn()

    @property
    def stuck(self) -> bool:
        """Whether something is left for which there is no room."""
        return self._rest is not None

    @property
    def abandoned(self) -> bool:
        """Whether the stream is over although something of it is left: nobody is there who would read it."""
        return self._rest is not None and self.stream.over and not self._ended

    @property
    def fileno(self) -> int:
        """The descriptor; -1 once it is closed."""
        return -1 if self._connection.socket is None else self._connection.socket.fileno()

    def close(self) -> None:
        """End the stream if it is not over yet, and close the connection."""
        self._steps.close()
        self.stream.close()  # a generator that was not begun does nothing at its end
        self._connection.close()

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

    def _put(self, data: bytes | memoryview) -> bool:
        """Send as far as there is room; False when some of it is left."""
        if self._rest is not None:
            data, self._rest = bytes(self._rest) + data, None
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        if sent == len(data):
            return True
        self._rest = memoryview(data)[sent:]
        return False


class Lines:
    """The lines of this process, and the threads that drive them; none are laid before `serve`."""

    def __init__(self, heartbeat: float, *, allowed: bool = True) -> None:
        self._allowed = allowed
        self._pause = min(LOOK_SECONDS, heartbeat / LOOKS)
        self._room: Any = None  # an epoll of those that are stuck
        self._stuck: dict[int, Line] = {}
        self._some = threading.Event()
        self._ready: deque[Line] = deque()
        self._turns: list[tuple[float, int, Line]] = []  # a heap, as the next
        self._beats: list[tuple[float, int, Line]] = []
        self._count = 0

    def serve(self, epoll: Any) -> bool:
        """Lay lines from now on; False where they are off, or `epoll` is missing (select's own, which gevent hides)."""
        if not self._allowed or epoll is None:
            return False
        self._room = epoll()
        for run in (self._drive, self._make_room):
            threading.Thread(target=run, name="lines", daemon=True).start()
        return True

    def begin(self, line: Line) -> None:
        """Take the connection from gunicorn, and let the stream begin."""
        try:
            line.begin()
        except BaseException:
            line.close()
            raise
        if line.fileno != -1:
            if not self._beats:
                self._some.set()
            self._plan(self._beats, line.stream.beat_due, line)

    def ready(self, line: Line) -> None:
        """A line wants a turn."""
        self._ready.append(line)
        self._some.set()

    def see_to(self, line: Line, *, room: bool = False) -> None:
        """A turn of a line, and what comes of it."""
        number = line.fileno
        if number == -1:
            return
        try:
            if line.abandoned:
                line.close()
            elif room:
                line.go_on()
            else:
                line.turn()
        except OSError:
            log.debug("The reader had gone before.", exc_info=True)
            line.close()
        except Exception:  # of one stream; the others go on
            log.exception("A stream failed.")
            line.close()
        if line.fileno == -1:
            if self._stuck.get(number) is line:
                del self._stuck[number]
        elif line.stuck:
            self.wait_for_room(line)
        elif line.due < line.planned:
            line.planned = line.due
            self._plan(self._turns, line.due, line)
            self._some.set()

    def wait_for_room(self, line: Line) -> None:
        """Have a line go on once its reader has read something."""
        self._stuck[line.fileno] = line
        self._room.register(line.fileno, select.POLLOUT)

    def _plan(self, heap: list[tuple[float, int, Line]], due: float, line: Line) -> None:
        self._count += 1
        heapq.heappush(heap, (due, self._count, line))

    def _make_room(self) -> None:
        waiter = select.poll()  # waits in greenlets, where epoll itself would stop them all
        waiter.register(self._room.fileno(), select.POLLIN)
        while True:
            waiter.poll()
            for number, _ in self._room.poll(0):
                try:
                    self._room.unregister(number)
                except OSError:
                    continue  # closed meanwhile
                if (line := self._stuck.pop(number, None)) is not None:
                    self.see_to(line, room=True)
            time.sleep(0)

    def _drive(self) -> None:
        look = 0.0
        while True:
            now = time.monotonic()
            if now >= look:
                look = now + self._pause
                self._beat(look)
            if not self._ready:
                due = min(look if self._beats else math.inf, self._turns[0][0] if self._turns else math.inf)
                self._some.wait(None if due == math.inf else max(0.0, due - time.monotonic()))
                self._some.clear()
            self._let_ready_go()
            self._let_due_go(time.monotonic())

    def _let_ready_go(self) -> None:
        for count in range(len(self._ready)):
            self.see_to(self._ready.popleft())
            if count % TURN == TURN - 1:
                time.sleep(0)  # other greenlets have their turn

    def _let_due_go(self, now: float) -> None:
        while self._turns and self._turns[0][0] <= now:
            _, _, line = heapq.heappop(self._turns)
            line.planned = math.inf
            if line.due <= now:
                line.set()
            elif line.fileno != -1:
                line.planned = line.due
                self._plan(self._turns, line.due, line)

    def _beat(self, until: float) -> None:
        """Send the heartbeats that are due before the look after this one."""
        count = 0
        while self._beats and self._beats[0][0] <= until:
            _, _, line = heapq.heappop(self._beats)
            if line.fileno != -1:
                line.beat(until)
                self._plan(self._beats, max(line.stream.beat_due, until + self._pause / 2), line)
                count += 1
                if not count % TURN:
                    time.sleep(0)
