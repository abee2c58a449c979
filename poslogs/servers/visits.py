"""Visits: the connections that a worker holds, how long each may wait for its client, and who goes when room runs out.

Anybody who reaches the port may open connections. What strangers hold never uses up what a worker has: a connection
that waits for its client goes when its time is over, and sooner where there is hardly room for others. Streams are not
cut, nor is a request whose client has shown a token that is known.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from poslogs.servers.chunks import is_stream
from poslogs.servers.sockets import cut, stop_reading

if TYPE_CHECKING:
    from poslogs.supervisor import Loop

log = logging.getLogger("poslogs.visits")

HEAD_SECONDS: Final = 10.0  # for the whole head of a request, from the beginning of a connection on
READING_SECONDS: Final = 15.0  # for a body: doors/body.py cuts it off after ten
CLOSING_SECONDS: Final = 2.0  # for a client to close what the server has closed
HEADS_BYTES: Final = 16 * 1024 * 1024  # of all heads that are not whole yet
FRESH_SECONDS: Final = 0.4  # so long nobody is cut for want of room
LOOK_SECONDS: Final = 0.2
PAUSE_SECONDS: Final = 0.05  # between two times that room is made, however many connect
QUEUED_SECONDS: Final = 0.1  # a request that waits longer for a thread shows that strangers hold too many
LEAST_ROOM: Final = 2
MOST_ROOM: Final = 64  # connections that are kept free, where there are enough
TELL_SECONDS: Final = 60.0  # between two log lines of the same kind

VISIT: Final = "poslogs.visit"  # in the environ

# What a connection does.
WAITING: Final = "waiting"  # for the head of a request
QUEUED: Final = "queued"  # for a thread
WORKING: Final = "working"  # the app has it
READING: Final = "reading"  # a thread or greenlet waits for what the client sends
ANSWERING: Final = "answering"  # the answer is on its way
STREAMING: Final = "streaming"  # and does not end
CLOSING: Final = "closing"  # until the client has closed, too

_BODY: Final = ("CONTENT-LENGTH", "TRANSFER-ENCODING")
_IN_MIDDLE: Final = (READING, ANSWERING)


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
        self.whose = whose  # an address as it is counted; None for one that is not
        self.state = WAITING
        self.since = time.monotonic()  # in this state
        self.served = False  # at least one request
        self.known = False  # this request carries a token that opens something
        self.in_thread = False  # it has a thread of its own, of which there are few
        self.size = 0  # bytes of a head that is not whole
        self.request: Any = None  # gunicorn's, as the next
        self.response: Any = None
        self.sent = 0  # bytes of an answer, at the last look
        self.cut = False
        self.cut_since = 0.0  # `since` as it was cut
        self.left = False

    def turns(self, state: str) -> None:
        """It does something else from now on."""
        self.state = state
        self.since = time.monotonic()

    def waits(self) -> None:
        """It is to send a head."""
        self.served = self.served or self.response is not None
        self.request, self.response, self.size = None, None, 0
        self.turns(WAITING)

    def asks(self, req: Any) -> None:
        """A request of gunicorn's has come: nobody knows yet whose.

        Where the next one has come with it, before this one's answer, the connection is closed after that: otherwise
        one packet has the server work for as long as it likes. Clients must be ready for it (RFC 9112, section 9.3.2).
        """
        self.known, self.size, self.sent = False, 0, 0
        self.turns(WORKING)
        self.request, req.visit = req, self
        if req.unreader.buf.getvalue() and not any(name in _BODY and value != "0" for name, value in req.headers):
            req.force_close()

    def answers(self, response: Any) -> None:
        """The app is done with a request; what is left is for gunicorn's response to send."""
        self.response = response
        self.turns(ANSWERING)

    def streams(self) -> bool:
        """Whether what it gets is a stream."""
        response = self.response  # another thread may be about to end it
        if self.state != ANSWERING or response is None:
            return self.state == STREAMING
        return is_stream(response)

    def is_late(self, now: float, answer: float, keepalive: float) -> bool:
        """Whether its client has had its time; `answer` seconds are those for an answer."""
        state, response = self.state, self.response
        if state == ANSWERING and response is not None:
            if self.streams():
                return False
            if not response.headers_sent or (self.known and response.sent > self.sent):
                self.since = now  # it is still made, or its client takes it
            self.sent = response.sent
        head = max(HEAD_SECONDS, keepalive) if self.served else HEAD_SECONDS
        bounds = {WAITING: head, READING: READING_SECONDS, ANSWERING: answer, CLOSING: CLOSING_SECONDS}
        return now - self.since > bounds.get(state, float("inf"))

    def rank(self, now: float, threads: bool = False) -> int | None:
        """How soon it goes when room runs out, or `threads`, 0 first; None for one that stays."""
        if self.cut or now - self.since < FRESH_SECONDS:
            return None
        if threads and self.state == READING and self.known:
            return 4  # after all strangers: a body that is not sent holds as much as theirs
        if self.state in (WAITING, CLOSING):
            return 3 if self.known else int(not self.served and self.state == WAITING)
        return 2 if self.state in _IN_MIDDLE and not self.known and not self.streams() else None


class Visits:
    """All visits of a worker's; `watch` is the loop that cuts.

    `most` is how many connections the worker holds, `each` how many of them one address may have (streams apart),
    `whose` tells as whose connection one from an address counts, None for those that do not, such as proxies'.
    `answer` and `keepalive` are seconds. One thread, or any greenlet, lets connections come and leave; `there` runs a
    function in it, so that nothing is cut that is being closed, whose descriptor may be another's by then.
    """

    def __init__(
        self,
        most: int,
        each: int,
        whose: Callable[[str], str | None],
        answer: float,
        keepalive: float,
        there: Callable[[Callable[[], None]], None],
    ) -> None:
        self._most = most
        self._room = max(LEAST_ROOM, min(MOST_ROOM, most // 8))
        self._each = each
        self._whose = whose
        self._answer = answer
        self._keepalive = keepalive
        self._there = there
        self._all: dict[object, Visit] = {}
        self._by_whose: dict[str, set[Visit]] = {}
        self._made_room = 0.0
        self._told: dict[str, float] = {}

    def come(self, key: object, address: Any, socket: Callable[[], Any]) -> Visit | None:
        """A connection is accepted, from what `accept` tells as its address. None when it is one too many."""
        whose = self._whose(address[0]) if isinstance(address, tuple) else None
        if whose is not None and not self._may_come(whose):
            self._tell("each", "More than %d connections at once from %s are refused (POSLOGS_ADDRESS_CONNECTIONS).",
                       self._each, whose)  # fmt: skip
            return None
        visit = self._all[key] = Visit(socket, whose)
        if whose is not None:
            self._by_whose.setdefault(whose, set()).add(visit)
        if self._most - len(self._all) < self._room:
            self.make_room()
        return visit

    def of(self, key: object) -> Visit | None:
        """The visit that came by this key, and has not left."""
        return self._all.get(key)

    def leave(self, key: object) -> None:
        """A connection is closed. May be called again."""
        visit = self._all.pop(key, None)
        if visit is None:
            return
        visit.left = True
        if visit.whose is None:
            return
        theirs = self._by_whose[visit.whose]
        theirs.discard(visit)
        if not theirs:
            del self._by_whose[visit.whose]

    def grew(self, key: object, size: int) -> None:
        """The head that a connection sends has so many bytes, and is not whole."""
        visit = self._all.get(key)
        if visit is not None:
            visit.size = size

    def make_room(self) -> None:
        """Cut those that wait for their clients where there is hardly room, until there is twice as much as needed."""
        now = time.monotonic()
        if now - self._made_room < PAUSE_SECONDS:
            return
        self._made_room = now
        visits = list(self._all.values())
        missing = 2 * self._room - (self._most - len(visits)) - sum(visit.cut for visit in visits)
        self._cut(_first_to_go(visits, now)[: max(0, missing)])

    def watch(self, loop: Loop) -> None:
        """Cut those whose time is over, and those that others need to go."""
        while True:
            loop.turn()
            time.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """One round of `watch`."""
        now = time.monotonic()
        visits = list(self._all.values())
        for visit in visits:
            if visit.cut:
                self._end(visit)  # again, where a TLS handshake has changed the socket meanwhile
            elif visit.is_late(now, self._answer, self._keepalive):
                self._let_go(visit) if visit.state == CLOSING else self._end(visit)
        if self._most - len(visits) < self._room:
            self.make_room()
        self._free_threads(visits, now)
        self._bound_heads(visits)

    def _may_come(self, whose: str) -> bool:
        theirs = self._by_whose.get(whose, ())
        if len(theirs) < self._each or sum(not visit.cut and not visit.streams() for visit in theirs) < self._each:
            return True
        idle = [visit for visit in theirs if visit.served and visit.state == WAITING]
        going = _first_to_go(idle, time.monotonic())[:1]
        for visit in going:
            self._end(visit)  # an idle one makes room for a new one of the same address
        return bool(going)

    def _free_threads(self, visits: list[Visit], now: float) -> None:
        """Cut strangers who hold threads, where requests wait for one."""
        queued = sum(visit.state == QUEUED and now - visit.since > QUEUED_SECONDS for visit in visits)
        if queued:
            self._cut(
                _first_to_go((visit for visit in visits if visit.state in _IN_MIDDLE), now, threads=True)[:queued]
            )

    def _bound_heads(self, visits: list[Visit]) -> None:
        if sum(visit.size for visit in visits) > HEADS_BYTES:
            heads = sorted((it for it in visits if it.size and not it.cut), key=lambda it: -it.size)
            self._cut(heads[: len(heads) // 2 + 1])

    def _cut(self, visits: list[Visit]) -> None:
        for visit in visits:
            self._end(visit)
        if visits:
            self._tell("room", "Connections run short: those of strangers that wait for their clients are closed.")

    def _end(self, visit: Visit) -> None:
        """Cut a connection, so that whoever waits for its client goes on at once, and closes it."""
        if not visit.cut:
            visit.cut, visit.cut_since = True, visit.since

        def end() -> None:
            if visit.left or not visit.cut:
                return
            if visit.since == visit.cut_since:
                cut(visit.socket())
            else:
                visit.cut = False  # it has gone on meanwhile

        self._there(end)

    def _let_go(self, visit: Visit) -> None:
        """Wait no longer for a client to close what is closed here; what is on its way to it is still sent."""

        def let_go() -> None:
            if not visit.left and visit.state == CLOSING:
                stop_reading(visit.socket())

        self._there(let_go)

    def _tell(self, kind: str, message: str, *args: object) -> None:
        now = time.monotonic()
        if now - self._told.get(kind, float("-inf")) >= TELL_SECONDS:
            self._told[kind] = now
            log.warning(message, *args)


@contextmanager
def reading(environ: Mapping[str, Any]) -> Iterator[None]:
    """Wait for what a request's client sends, in the body of the `with`."""
    visit: Visit | None = environ.get(VISIT)
    if visit is None:
        yield
        return
    visit.turns(READING)
    try:
        yield
    finally:
        visit.turns(WORKING)


def leaves_body(environ: Mapping[str, Any]) -> bool:
    """Whether a body that nobody wants is left to the end of its connection: it would hold a thread."""
    visit: Visit | None = environ.get(VISIT)
    return visit is not None and visit.in_thread and close_after(environ)


def close_after(environ: Mapping[str, Any]) -> bool:
    """Have a connection closed after the answer to this request; False where the server has no visits."""
    visit: Visit | None = environ.get(VISIT)
    if visit is None or visit.request is None:
        return False
    visit.request.force_close()
    return True


def known(environ: Mapping[str, Any]) -> None:
    """A request has shown a token that opens something."""
    visit: Visit | None = environ.get(VISIT)
    if visit is not None:
        visit.known = True


def _first_to_go(visits: Iterable[Visit], now: float, *, threads: bool = False) -> list[Visit]:
    ranked = [(rank, visit.since, visit) for visit in visits if (rank := visit.rank(now, threads)) is not None]
    return [visit for _, _, visit in sorted(ranked, key=lambda it: it[:2])]
