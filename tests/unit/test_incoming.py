"""What a thread of gunicorn's waits for: its client, or its turn. Only the first is held against the client."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gunicorn import http
from gunicorn.config import Config
from gunicorn.glogging import Logger

from poslogs.servers.threads import Held, Threads
from poslogs.servers.visit import ANSWERING, READING, WORKING, Visit, reading, with_visits

HEAD = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n\r\n"
BODY = b"body"


class Told(Visit):
    """A visit that remembers its states, and since when it was in each."""

    def __init__(self, sock: socket.socket) -> None:
        self.states: list[str] = []
        super().__init__(lambda: sock, None)

    def enter(self, state: str) -> None:
        """Be in this state, and remember it."""
        self.states.append(state)
        super().enter(state)


class Pieces:
    """A client's socket, and what comes from it at each time that a thread waits."""

    def __init__(self, sock: socket.socket, pieces: list[bytes]) -> None:
        self._sock = sock
        self._pieces = deque(pieces)
        self.since: list[float] = []
        self.visit: Visit | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def recv(self, size: int) -> bytes:
        """The next piece."""
        assert self.visit is not None
        assert self.visit.state == READING
        self.since.append(self.visit.since)
        return self._pieces.popleft()


class Worker(Threads):
    """The part of a worker that a thread runs."""

    def __init__(self) -> None:
        self.cfg = Config()
        self.log = Logger(self.cfg)
        self.alive = True
        self.nr, self.max_requests, self.max_keepalived = 0, 100, 100
        self.keepalived_conns = deque()
        self.bodies: list[bytes] = []
        self.wsgi = with_visits(self.answer)

    def answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """Read the body, as poslogs does."""
        with reading(environ):
            self.bodies.append(environ["wsgi.input"].read())
        start_response("200 OK", [("Content-Length", "0")])
        return []


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The server's end of a connection, and the client's."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize(
    ("known", "pieces", "states"),
    [
        (HEAD + BODY, [], [WORKING, WORKING, WORKING, ANSWERING, WORKING]),
        (HEAD, [BODY], [WORKING, WORKING, READING, WORKING, ANSWERING, WORKING]),
        (HEAD, [b"b", b"o", b"dy"], [WORKING, WORKING, READING, WORKING, ANSWERING, WORKING]),
        (HEAD[:3], [HEAD[3:9], HEAD[9:] + BODY], [WORKING, READING, WORKING, WORKING, ANSWERING, WORKING]),
    ],
    ids=["all has come", "the body comes", "the body comes in pieces", "the head comes"],
)
def test_a_thread_waits_for_its_client_only_where_it_has_to_read(
    sockets: tuple[socket.socket, socket.socket], known: bytes, pieces: list[bytes], states: list[str]
) -> None:
    """What came before is not waited for, however long the thread takes; byte by byte is waiting once."""
    worker, sock = Worker(), Pieces(sockets[0], pieces)
    conn = Held(worker, sock, ("127.0.0.1", 1), ("127.0.0.1", 2))
    conn.visit = sock.visit = visit = Told(sockets[0])
    conn.parser = http.get_parser(worker.cfg, sock, conn.client)
    conn.parser.unreader.buf.write(known)
    conn.data_ready = True
    visit.states.clear()
    assert worker.handle(conn)
    assert worker.bodies == [BODY]
    assert visit.states == states
    assert len(set(sock.since)) == min(1, len(pieces))
