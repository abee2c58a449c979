"""Direct streams: streams that no greenlet waits for, on sockets taken from gunicorn's gevent worker.

Under other WSGI servers a thread or greenlet waits for each reader. A direct stream that waits is a record: the feed's
poller sends it a batch, and one loop sends its heartbeats. What takes longer is done by a greenlet of its own. The
bytes are the same (docs/decisions/0010-direct-streams.md).
"""

from __future__ import annotations

import heapq
import math
import threading
import time
from collections.abc import Callable
from typing import Final

from poslogs.cooperation import let_others_run
from poslogs.servers.direct_stream import OVER, DirectStream
from poslogs.servers.sockets import Connection
from poslogs.streaming.body import Body
from poslogs.supervisor import IDLE_SECONDS, Loop, Supervisor

LOOK_SECONDS: Final = 0.5  # how often due heartbeats are sent, so how much early one may be
LOOKS: Final = 10  # looks in a heartbeat that is shorter than five seconds
TURN: Final = 200  # heartbeats that are sent before other greenlets have their turn
SPARE_TURNS: Final = 1000  # planned turns beyond two for each stream, at which those of ended streams are dropped

Start = Callable[[Callable[[], None]], object]


class DirectStreams:
    """The direct streams of this process, and the loop that keeps their time; there are none before `serve`.

    `heartbeat` is in seconds.
    """

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

        `start` runs a function in a greenlet of its own and does not wait for it. With threads in place of greenlets
        streams would be wrong: their state is changed without a lock.
        """
        if self._allowed:
            self.start = start
            self._supervisor.ensure("direct", self._keep_time)
        return self._allowed

    def begin(self, body: Body, connection: Connection, head: bytes, *, chunked: bool) -> None:
        """Take a connection from its server and begin the stream on it, with `head`, the bytes before the body.

        `connection.can_be_taken` must be true. The connection is closed with the stream, and where this raises.
        `chunked`: in HTTP/1.1's chunked coding.
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
        """Forget a stream that is over."""
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
