"""Whatever callers send over a connection that is kept alive: an answer in shape, no slot lost, nothing given away."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Iterator

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from tests.fuzz import strategies
from tests.fuzz.budget import share
from tests.support.body import Body, Inflater
from tests.support.frame import FrameParser
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire.exchange import READER, SECRETS, Answer, answer, clients, request, reset, unharmed

PATHS = ("/call", "/call", "/call-stream", "/call-stream", "/mcp", "/tools", "/health", "/", "/nothing")
HEADERS = (
    "Last-Event-ID", "Accept", "Accept-Encoding", "Accept-Language", "Content-Type", "Origin", "Cookie", "Forwarded",
    "X-Forwarded-For", "X-Forwarded-Proto", "User-Agent", "Range", "If-None-Match", "Mcp-Session-Id",
    "MCP-Protocol-Version", "X-Odd", "Access-Control-Request-Method",
)  # fmt: skip
USUAL = (
    "gzip", "gzip;q=0", "*/*", "text/event-stream", "application/json", "text/plain", "http://localhost:5173", "null",
    "0", "17", "9" * 19, "9" * 20, "9" * 5000, "-1", "1.5", "١٢", "127.0.0.1", "for=127.0.0.1",
)  # fmt: skip
SOURCE = "127.0.0.3"  # wrong tokens are counted by address

visible = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=40)
headers = st.dictionaries(st.sampled_from(HEADERS), st.one_of(st.sampled_from(USUAL), visible), max_size=3)
tokens = st.one_of(visible, st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=50))


class Line:
    """A connection that is kept alive, and opened anew when the server or a stream has ended it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._sock: socket.socket | None = None

    def ask(self, data: bytes) -> Answer:
        """The answer to a request."""
        if self._sock is not None:
            with contextlib.suppress(ConnectionError):  # it had been closed since the answer before
                return self._once(self._sock, data)
            self._sock.close()
        self._sock = socket.create_connection(("127.0.0.1", self._server.port), 15.0, (SOURCE, 0))
        return self._once(self._sock, data)

    def close(self) -> None:
        """Leave."""
        if self._sock is not None:
            reset(self._sock)
        self._sock = None

    def close_socket(self, sock: socket.socket) -> None:
        """Leave the stream that this connection has become."""
        reset(sock)
        self._sock = None

    def _once(self, sock: socket.socket, data: bytes) -> Answer:
        with contextlib.suppress(BrokenPipeError):
            sock.sendall(data)
        head = _head(sock)
        if b"\r\ncontent-type: text/event-stream" in head.lower():
            found = _begun(sock, head)
            self.close_socket(sock)
            return found
        found = answer(sock)
        if found.is_stream or found.headers.get("connection", "").lower() == "close":
            self.close()
        return found


def _head(sock: socket.socket) -> bytes:
    """The head of the answer that comes next, which stays to be read."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = sock.recv(65536, socket.MSG_PEEK)
        if not more or len(more) == len(head):
            break  # over; or the rest is long in coming, and `answer` reads it
        head = more
    return head.partition(b"\r\n\r\n")[0]


def _begun(sock: socket.socket, head: bytes) -> Answer:
    """A stream up to its second chunk or its end: whole frames that parse, of the kinds that there are."""
    sock.recv(len(head) + 4)
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = Body(headers)
    inflater = Inflater() if headers.get("content-encoding") == "gzip" else None
    parser = FrameParser()
    plain = b""
    chunks = 0
    while chunks < 2 and not body.complete:
        data = sock.recv(262144)
        assert data, f"cut after {plain[-500:]!r}"
        for chunk in body.feed(data):
            chunks += 1
            fresh = chunk if inflater is None else inflater.feed(chunk)
            plain += fresh
            for frame in parser.feed(fresh, 0.0):
                assert frame.event in (None, "data", "error", "done"), frame
                if frame.event in ("data", "error"):
                    assert frame.inner, frame
            assert parser.rest == b"", "a chunk that does not end with a frame"
    return Answer(int(first.split()[1]), headers, plain)


@pytest.fixture(scope="module")
def line(started: Callable[..., Server]) -> Iterator[Line]:
    """A connection to a server; afterwards the server is unharmed, and has all its slots."""
    with PlatformOS() as platformos:
        platformos.add_many(20)
        env = {"POSLOGS_HEARTBEAT_SECONDS": "0.1"}  # what comes second, where no entry does
        with started("gevent", environments={"staging": platformos}, clients=clients(), env=env) as server:
            line = Line(server)
            yield line
            line.close()
            unharmed(server)


def in_shape(found: Answer) -> None:
    """Assert that the answer is what was asked for, or a refusal in the one shape, and reveals nothing."""
    event(str(found.status))
    told = json.dumps(found.headers).encode() + found.body
    for secret in SECRETS:
        assert secret.encode() not in told, found
    assert b"Traceback" not in told, found
    if found.status >= 400:
        assert found.status < 500, found
        if b'"jsonrpc"' not in found.body:
            assert found.sentence, found
            return
        refusal = json.loads(found.body)  # at /mcp
        assert set(refusal) == {"jsonrpc", "id", "error"}, found
        assert refusal["error"]["message"], found
    elif not found.is_stream and found.body and "json" in found.headers.get("content-type", ""):
        json.loads(found.body)


@share(0.2)
@given(st.sampled_from(PATHS), strategies.bodies)
def test_any_body_gets_an_answer_in_shape(line: Line, path: str, body: bytes) -> None:
    """Bodies range from almost right calls to anything at all."""
    in_shape(line.ask(request(path, body)))


@share(0.1)
@given(st.sampled_from(PATHS), headers, st.sampled_from(("POST", "POST", "GET", "PUT", "OPTIONS", "DELETE", "PATCH")))
def test_any_headers_get_an_answer_in_shape(line: Line, path: str, headers: dict[str, str], method: str) -> None:
    """Values are any that a header may have (RFC 9110, section 5.5)."""
    body = b'{"tool":"platformos.logs.stream","input":{"env":"staging"}}' if method == "POST" else b""
    lines = [f"{name}: {value}".encode() for name, value in headers.items()]  # many send UTF-8, though the RFC does not
    in_shape(line.ask(request(path, body, *lines, method=method)))


@share(0.03)
@given(st.binary(max_size=60), st.sampled_from((b"", b"X-Odd: ", b"Cookie: ", b"Transfer-", b"Host", b" ")))
def test_any_bytes_among_the_headers_get_an_answer_in_shape(line: Line, odd: bytes, before: bytes) -> None:
    """This includes what gunicorn itself refuses."""
    assume(b"\n\r\n" not in odd + b"\r\n" and b"\n\n" not in odd)  # there the head would end
    in_shape(line.ask(request("/tools", b"", before + odd, "Connection: close", method="GET")))


@share(0.02)
@given(st.sampled_from(("Bearer", "bearer", "Basic", "Bearer Bearer", "")), tokens)
def test_no_made_up_token_opens_anything(line: Line, scheme: str, token: str) -> None:
    """It gets 401, or 429 once there were too many, never the reader's own answer."""
    found = line.ask(request("/tools", b"", f"Authorization: {scheme} {token}", method="GET", token=None))
    in_shape(found)
    assert found.status in (401, 429), found


@share(0.02)
@given(st.sampled_from(("Bearer", "bearer", "BEARER")), st.integers(1, 3))
def test_a_right_token_is_let_in_from_where_wrong_ones_came(line: Line, scheme: str, spaces: int) -> None:
    """The token is taken however its scheme is written."""
    token = f"Authorization: {scheme}{' ' * spaces}{READER}"
    assert line.ask(request("/tools", b"", token, method="GET", token=None)).status == 200
