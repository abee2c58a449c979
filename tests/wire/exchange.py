"""One request as bytes and its answer, and what must hold after any refusal."""

from __future__ import annotations

import contextlib
import json
import re
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.server import REPO, Server

OPERATOR = "operator-token-5a1c"  # asks how the server is, as often as a test likes
READER = "reader-token-b7e2"
OTHER = "other-token-90dd"
SECRETS = (OPERATOR, READER, OTHER, "pos-token")
PLENTY = {"requests": "100000 per minute", "streams": 1000}
PAGE = "http://localhost:5173"  # an origin that is allowed by default
STREAM = "platformos.logs.stream"
LIVE = "platformos.logs.live"
FETCH = "platformos.logs.fetch"
ANSWER_S = 15.0


def clients(**more: Mapping[str, Any]) -> dict[str, Any]:
    """A clients.json with the operator, a reader with plenty of everything, and `more` by name."""
    return {
        "operator": {"token": OPERATOR, "limits": PLENTY},
        "reader": {"token": READER, "limits": PLENTY},
        **more,
    }


def asking(tool: str = STREAM, **more: Any) -> bytes:
    """The body that asks a tool for the environment `staging`."""
    return json.dumps({"tool": tool, "input": {"env": "staging", **more}}).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; of a stream the head alone."""

    status: int
    headers: dict[str, str]  # by their names in lower case
    body: bytes

    @property
    def is_stream(self) -> bool:
        """The answer is an event stream."""
        return self.headers.get("content-type", "").startswith("text/event-stream")

    @property
    def sentence(self) -> str:
        """The sentence of a refusal. AssertionError when the answer is not in the one shape of all refusals."""
        assert self.status >= 400, self
        assert self.headers["content-type"] == "application/json", self
        told = json.loads(self.body)
        assert list(told) == ["error"], self
        sentence = told["error"]
        assert isinstance(sentence, str), self
        assert re.fullmatch(r"[A-Za-z0-9`][^\n]{10,400}[.]", sentence), sentence
        for hidden in (*SECRETS, str(REPO), "Traceback", "site-packages"):
            assert hidden not in sentence, sentence
        return sentence


def request(
    path: str = "/call-stream",
    body: bytes = b"",
    *headers: str | bytes,
    method: str = "POST",
    token: str | None = READER,
    length: bool = True,
) -> bytes:
    """The bytes of a request; `headers` are whole lines. Without `length` the test frames the body itself."""
    lines: list[str | bytes] = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"Authorization: Bearer {token}"] if token is not None else []
    given = [line.encode("latin-1") if isinstance(line, str) else line for line in (*lines, *headers)]
    if not any(line.lower().startswith(b"content-type:") for line in given):
        given.append(b"Content-Type: application/json")
    if length and (body or method == "POST"):
        given.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(given) + b"\r\n\r\n" + body


@contextmanager
def connected(server: Server, source: str | None = None) -> Iterator[socket.socket]:
    """A connection to the server, from the address `source`."""
    origin = None if source is None else (source, 0)
    with socket.create_connection(("127.0.0.1", server.port), ANSWER_S, origin) as sock:
        yield sock


def answer(sock: socket.socket) -> Answer:
    """The next answer on a connection. ConnectionError when the server closes instead."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(sock)
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", 0))
    while len(body) < length:
        body += _more(sock)
    return Answer(int(first.split()[1]), headers, body[:length])


def ask(server: Server, data: bytes, source: str | None = None) -> Answer:
    """The answer to one request on a connection of its own, which is closed at once."""
    with connected(server, source) as sock:
        with contextlib.suppress(ConnectionError):  # a server may answer and close before it has read a long request
            sock.sendall(data)
        return answer(sock)


def get(server: Server, path: str, *headers: str | bytes, token: str | None = READER, **kw: Any) -> Answer:
    """The answer to a GET."""
    return ask(server, request(path, b"", *headers, method="GET", token=token), **kw)


def post(server: Server, body: bytes, *headers: str | bytes, token: str | None = READER, **kw: Any) -> Answer:
    """The answer to a POST; a stream that it opens is left at once."""
    return ask(server, request(kw.pop("path", "/call-stream"), body, *headers, token=token), **kw)


def preflight(server: Server, origin: str, path: str = "/call-stream") -> Answer:
    """The answer to what a browser asks before it POSTs from another origin."""
    asked = ("Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization,content-type")
    return ask(server, request(path, b"", f"Origin: {origin}", *asked, method="OPTIONS", token=None))


def reset(sock: socket.socket) -> None:
    """Leave with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def at_once(server: Server, count: int, data: bytes) -> tuple[list[Answer], list[socket.socket]]:
    """`count` requests whose last bytes leave together: their answers and their connections, still open."""
    socks = [socket.create_connection(("127.0.0.1", server.port), ANSWER_S) for _ in range(count)]
    for sock in socks:
        sock.sendall(data[:-1])
    for sock in socks:
        sock.sendall(data[-1:])
    return [answer(sock) for sock in socks], socks


def close_all(things: Sequence[socket.socket]) -> None:
    """Leave every connection."""
    for thing in things:
        thing.close()


def open_streams(server: Server) -> int:
    """How many streams the server says are open."""
    answered = get(server, "/health", token=OPERATOR)
    assert answered.status == 200, answered
    count = json.loads(answered.body)["streams"]
    assert isinstance(count, int)
    return count


def wait_for(what: Callable[[], bool], timeout: float = 10.0, *, every: float = 0.02) -> float:
    """Wait until `what`, which is looked at so often, holds; how long that took. AssertionError if not in time."""
    start = time.monotonic()
    while not what():
        assert time.monotonic() - start < timeout, f"not within {timeout} s"
        time.sleep(every)
    return time.monotonic() - start


def unharmed(server: Server, streams: int = 0) -> None:
    """No slot is lost, and the server has written neither a traceback nor a token."""
    wait_for(lambda: open_streams(server) == streams, timeout=10)
    assert "Traceback" not in server.output, server.output
    for token in SECRETS:
        assert token not in server.output, server.output
    server.get("/livez", token=None, headers={"Connection": "close"})  # an idle connection would delay its end


def _more(sock: socket.socket) -> bytes:
    data = sock.recv(65536)
    if not data:
        raise ConnectionError("the server closed the connection before its answer was over")
    return data


def is_readable(sock: socket.socket) -> bool:
    """Something has come from the server: bytes, or its end."""
    return bool(select.select([sock], [], [], 0)[0])
