"""Lines: the quick way to readers, straight to the sockets that gunicorn lends.

The way of every WSGI server wakes one greenlet or thread for each reader, which frames a batch once more and sets a
timer for the next heartbeat. On a line the feed's poller itself sends a batch to all, framed once, and one thread
sends all heartbeats. The same bytes leave either way (docs/decisions/0010-lines.md).
"""

from __future__ import annotations

import heapq
import os
import socket
import threading
import time
from typing import Any, Final

from poslogs.streaming.frames import Chunk, Member
from poslogs.streaming.stream import Body, Stream

LOOK_SECONDS: Final = 0.5  # between two looks for heartbeats that are due; so much earlier than needed they may leave
LOOKS: Final = 10  # in a heartbeat that is shorter than five seconds
TURN: Final = 200  # heartbeats in one go
_AT_ONCE: Final = int(socket.MSG_DONTWAIT)


class Line:
    """A reader's socket, written to while gunicorn waits for more of its stream; in HTTP/1.1's chunked coding."""

    __slots__ = ("_lent", "_member", "_rest", "_send")

    def __init__(self, lent: Any, member: Member | None) -> None:
        self._lent = lent  # as gunicorn writes to it, which waits
        self._send = getattr(lent, "_sock", lent).send  # gevent wraps the real socket
        self._member = member
        self._rest: memoryview | None = None  # of what all readers share

    def send(self, chunk: Chunk) -> bool:
        """Send as far as that needs no waiting; False when something is left, which `flush` sends."""
        if self._member is None:
            data = chunk.framed
        else:
            data = chunk.framed_packed
            self._member.add(chunk)
        try:
            sent = self._send(data, _AT_ONCE)
        except OSError:  # no room, or nobody there: then `flush` finds the same
            sent = 0
        if sent == len(data):
            return True
        self._rest = memoryview(data)[sent:]
        return False

    def flush(self) -> None:
        """Send what is left and wait for it, as gunicorn does. Raises OSError when the reader has gone."""
        if self._rest is not None:
            self._lent.sendall(self._rest)
            self._rest = None


class Lines:
    """Lays a line to each reader whose server allows it, and sends the heartbeats on all of them."""

    def __init__(self, heartbeat: float, *, on: bool = True) -> None:
        self._on = on
        self._pause = min(LOOK_SECONDS, heartbeat / LOOKS)
        self._lock = threading.Lock()
        self._pid = 0
        self._some = threading.Event()
        self._due: list[tuple[float, int, Stream]] = []  # a heap
        self._count = 0

    def lay(self, body: Body, start_response: object) -> None:
        """Give a stream a line, if gunicorn itself is about to send its body in chunks over a plain socket."""
        lent = _lent(start_response) if self._on else None
        if lent is None:
            return
        body.stream.line = Line(lent, body.member)
        with self._lock:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                self._due = []
                threading.Thread(target=self._run, name="lines", daemon=True).start()
            self._plan(0.0, body.stream)
        self._some.set()

    def _plan(self, due: float, stream: Stream) -> None:
        self._count += 1
        heapq.heappush(self._due, (due, self._count, stream))

    def _run(self) -> None:
        while True:
            self._some.wait()
            self._some.clear()
            while self._due:
                self._beat(time.monotonic() + self._pause)
                time.sleep(self._pause)

    def _beat(self, until: float) -> None:
        """Send the heartbeats that are due before the look after this one."""
        count = 0
        while self._due and self._due[0][0] <= until:
            with self._lock:
                _, _, stream = heapq.heappop(self._due)
            if stream.over:
                continue
            due = stream.beat(until)
            with self._lock:
                self._plan(max(due, until + self._pause / 2), stream)  # one that does not rest beats by itself
            count += 1
            if not count % TURN:
                time.sleep(0)  # other greenlets have their turn


def _lent(start_response: object) -> Any:
    """The socket that gunicorn answers on; None when that is not for us to write to.

    `start_response` tells: it is a method of gunicorn's own response. Whoever stands in between and changes the body
    (as middleware that compresses) hands us one of its own.
    """
    response = getattr(start_response, "__self__", None)
    if type(response).__module__ != "gunicorn.http.wsgi" or not getattr(response, "chunked", False):
        return None
    lent = getattr(response, "sock", None)
    return None if hasattr(lent, "do_handshake") else lent  # TLS takes no flags
