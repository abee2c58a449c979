"""A visit: one connection of a worker's, what it waits for, and for how long it may.

What a visit may hold, and which of them go when room runs out, is docs/decisions/0015-visits.md.
gunicorn's master imports this module: standard library only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from poslogs.servers.unchunked import is_event_stream

HEAD_SECONDS: Final = 10.0  # for the whole head of a request, from the beginning of a connection on
READING_SECONDS: Final = 15.0  # for a body, which doors/body.py cuts off after ten
CLOSING_SECONDS: Final = 2.0  # for a client to close what the server has closed
FRESH_SECONDS: Final = 0.4  # a visit that changed its state less than this ago is not cut for want of room

VISIT: Final = "poslogs.visit"  # the key in the environ

# What a connection does.
WAITING: Final = "waiting"  # for the head of a request
QUEUED: Final = "queued"  # for a thread
WORKING: Final = "working"  # the server has what it needs of the client, and goes on as soon as it has its turn
READING: Final = "reading"  # a thread or greenlet waits for what the client sends
ANSWERING: Final = "answering"  # the answer is on its way
STREAMING: Final = "streaming"  # the answer is one that does not end
CLOSING: Final = "closing"  # closed here, and not yet by the client

IN_THREAD: Final = (WORKING, READING, ANSWERING, STREAMING)  # under threads, each of these holds one
_BODY: Final = ("CONTENT-LENGTH", "TRANSFER-ENCODING")
MIDDLE: Final = (READING, ANSWERING)  # of a request that waits for its client


@dataclass(frozen=True)
class Bounds:
    """What a worker allows: `connections` in all, `each` of them from one address (streams apart), and times."""

    connections: int
    each: int
    answer: float  # seconds for an answer that is not a stream
    keepalive: float  # seconds for the next head on a connection that is kept
    threads: int | None = None  # that serve; None where greenlets do


class Visit:
    """One connection, from when it is accepted until it is closed."""

    __slots__ = (
        "cut",
        "cut_since",
        "in_thread",
        "known",
        "left",
        "request",
        "response",
        "sent",
        "served",
        "since",
        "size",
        "socket",
        "state",
        "whose",
    )

    def __init__(self, socket: Callable[[], Any], whose: str | None) -> None:
        self.socket = socket
        self.whose = whose  # the address that it is counted for; None when it is not counted
        self.state = WAITING
        self.since = time.monotonic()  # when this state began
        self.served = False  # at least one request was answered
        self.known = False  # this request has a valid token
        self.in_thread = False  # it holds one of the worker's threads
        self.size = 0  # bytes of a head that is not whole yet
        self.request: Any = None  # gunicorn's, as the next
        self.response: Any = None
        self.sent = 0  # bytes of an answer, at the last look
        self.cut = False
        self.cut_since = 0.0  # `since` as it was chosen to be cut
        self.left = False

    def enter(self, state: str) -> None:
        """Be in this state from now on."""
        # In this order: who reads `since`, then the state, and later finds the same `since`, has read a pair.
        self.since = time.monotonic()
        self.state = state

    def wait_for_head(self) -> None:
        """Wait for the head of its next request."""
        self.served = self.served or self.response is not None
        self.request, self.response, self.size = None, None, 0
        self.enter(WAITING)

    def begin(self, req: Any) -> None:
        """Begin a request: `req` is gunicorn's, and its client is not known yet.

        Where the next request has come with it, the connection is closed after this answer: otherwise one packet could
        keep the server busy with many requests. Clients must be ready for that (RFC 9112, section 9.3.2).
        """
        self.known, self.size, self.sent = False, 0, 0
        self.enter(WORKING)
        self.request, req.visit = req, self
        if req.unreader.buf.getvalue() and not any(name in _BODY and value != "0" for name, value in req.headers):
            req.force_close()

    def answer(self, response: Any) -> None:
        """Begin to answer: the app has returned, and `response`, gunicorn's, sends the body."""
        self.response = response
        self.enter(ANSWERING)

    def is_streaming(self) -> bool:
        """Whether its answer is a stream."""
        response = self.response  # another thread may be about to end it
        if self.state != ANSWERING or response is None:
            return self.state == STREAMING
        return is_event_stream(response)

    def is_late(self, now: float, bounds: Bounds) -> bool:
        """Whether its client has had its time; `now` is monotonic."""
        state, response = self.state, self.response
        if state == ANSWERING and response is not None:
            if self.is_streaming():
                return False
            if not response.headers_sent or (self.known and response.sent > self.sent):
                self.since = now  # the answer is being made, or its client reads it
            self.sent = response.sent
        head = max(HEAD_SECONDS, bounds.keepalive) if self.served else HEAD_SECONDS
        seconds = {WAITING: head, READING: READING_SECONDS, ANSWERING: bounds.answer, CLOSING: CLOSING_SECONDS}
        return now - self.since > seconds.get(state, float("inf"))

    def rank(self, now: float, threads: bool = False) -> int | None:
        """How soon it goes when room runs out, or threads do (`threads`): 0 first, None never. `now` is monotonic."""
        if self.cut or now - self.since < FRESH_SECONDS:
            return None
        if threads and self.state == READING and self.known:
            return 4  # after all strangers: a client that does not send its body holds a thread as they do
        if self.state in (WAITING, CLOSING):
            return 3 if self.known else int(not self.served and self.state == WAITING)
        return 2 if self.state in MIDDLE and not self.known and not self.is_streaming() else None


def with_visits(app: Callable[..., Any]) -> Callable[..., Any]:
    """The WSGI app under gunicorn, with the visit in each environ as VISIT; HTTP/2 has none there."""

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        response = getattr(start_response, "__self__", None)  # gunicorn calls with a method of its response
        visit: Visit | None = getattr(getattr(response, "req", None), "visit", None)
        if visit is None:
            return app(environ, start_response)
        environ[VISIT] = visit
        body = app(environ, start_response)
        visit.answer(response)
        return body

    return answer


@contextmanager
def reading(environ: Mapping[str, Any]) -> Iterator[None]:
    """Wait for bytes of the request's client in the body of the `with`; its visit is READING meanwhile.

    Under threads it is READING only from where a thread has to wait (servers/incoming.py).
    """
    visit: Visit | None = environ.get(VISIT)
    if visit is None:
        yield
        return
    if not visit.in_thread:
        visit.enter(READING)
    try:
        yield
    finally:
        visit.enter(WORKING)


def leaves_body(environ: Mapping[str, Any]) -> bool:
    """Whether to leave a body unread that nobody wants, and close the connection: reading it would hold a thread."""
    visit: Visit | None = environ.get(VISIT)
    return visit is not None and visit.in_thread and close_after(environ)


def close_after(environ: Mapping[str, Any]) -> bool:
    """Have a connection closed after the answer to this request; False where the server has no visits."""
    visit: Visit | None = environ.get(VISIT)
    if visit is None or visit.request is None:
        return False
    visit.request.force_close()
    return True


def mark_known(environ: Mapping[str, Any]) -> None:
    """Note that a request has a valid token."""
    visit: Visit | None = environ.get(VISIT)
    if visit is not None:
        visit.known = True
