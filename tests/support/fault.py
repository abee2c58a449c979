"""A fault of the stand-in: what it does with a request in place of the answer."""

from __future__ import annotations

import itertools
import json
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.platformos import Request

NONE: Mapping[str, str] = MappingProxyType({})
LOOK_S = 0.02  # how often a fault that waits looks whether the client has left


@dataclass(frozen=True, slots=True)
class Reply:
    """What is still to be sent when a fault has been played: None is the right answer. Then `keep` or close."""

    data: bytes | None
    keep: bool = True


ANSWER = Reply(None)
GONE = Reply(b"", keep=False)


@dataclass(slots=True)
class Fault:
    """One kind of fault with its options, until it is lifted or `left` requests have met it."""

    kind: str
    options: dict[str, Any]
    left: int | None = None
    lifted: threading.Event = field(default_factory=threading.Event)
    met: list[Request] = field(default_factory=list)  # the requests that met it

    def __post_init__(self) -> None:
        if self.kind != "refuse" and self.kind not in PLAYS:
            raise ValueError(f"no fault {self.kind!r}; there are refuse, {', '.join(PLAYS)}")
        if self.kind == "refuse" and (self.left is not None or self.options):
            raise ValueError("a refused connect is no request: refuse lasts until heal()")

    def play(self, conn: socket.socket) -> Reply:
        """Do to `conn` what this fault does. Raises OSError when the client leaves in the middle."""
        if self.kind == "refuse":
            return GONE  # a request that was under way when connects began to be refused
        return PLAYS[self.kind](conn, self.lifted, **self.options)


def response(status: int, body: bytes | str | dict[str, Any] | list[Any], headers: Mapping[str, str] = NONE) -> bytes:
    """A whole HTTP/1.1 response; `headers` win over the length and the type that it gets by itself."""
    if isinstance(body, dict | list):
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode()
    lines = {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(body)), **headers}
    head = f"HTTP/1.1 {status} {_phrase(status)}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items())
    return head.encode("latin-1") + b"\r\n" + body


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Odd"


def _idle(conn: socket.socket, seconds: float | None, lifted: threading.Event) -> None:
    """Wait for `seconds`, or until the fault is lifted. Raises ConnectionError as soon as the client has left."""
    end = None if seconds is None else time.monotonic() + seconds
    poller = select.poll()
    poller.register(conn, select.POLLIN | select.POLLHUP)
    while end is None or time.monotonic() < end:
        if lifted.wait(LOOK_S if end is None else max(0.0, min(LOOK_S, end - time.monotonic()))):
            return
        if poller.poll(0) and not conn.recv(1, socket.MSG_PEEK):
            raise ConnectionError("the client has left")


def _status(conn: socket.socket, lifted: threading.Event, status: int, headers: Any = NONE, body: Any = b"") -> Reply:
    return Reply(response(status, body, headers))


def _raw(
    conn: socket.socket, lifted: threading.Event, raw: bytes | None = None, body: Any = b"", headers: Any = NONE
) -> Reply:
    return Reply(response(200, body, headers)) if raw is None else Reply(raw, keep=False)


def _hang(conn: socket.socket, lifted: threading.Event) -> Reply:
    _idle(conn, None, lifted)
    return ANSWER


def _slow(conn: socket.socket, lifted: threading.Event, seconds: float) -> Reply:
    _idle(conn, seconds, lifted)
    return ANSWER


def _reset(conn: socket.socket, lifted: threading.Event) -> Reply:
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return GONE


def _trickle(conn: socket.socket, lifted: threading.Event, head: bytes, byte: bytes, seconds: float) -> Reply:
    conn.sendall(head)
    while not lifted.is_set():
        conn.sendall(byte)
        _idle(conn, seconds, lifted)
    return GONE


def _drip(conn: socket.socket, lifted: threading.Event, seconds: float = 0.1, packed: bool = False) -> Reply:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
    if packed:  # a gzip header whose file name never ends: bytes that never become any
        name = b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xff"
        return _trickle(conn, lifted, head + name, b"a", seconds)
    return _trickle(conn, lifted, head + b"\r\n", b" ", seconds)


def _drip_headers(conn: socket.socket, lifted: threading.Event, seconds: float = 0.1) -> Reply:
    return _trickle(conn, lifted, b"HTTP/1.1 200 OK\r\nX-Drip: ", b"a", seconds)


def _huge(conn: socket.socket, lifted: threading.Event, size: int | None = None) -> Reply:
    conn.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{"logs": [')
    block = b" " * 65536
    for sent in itertools.count(0, len(block)):
        if lifted.is_set() or (size is not None and sent >= size):
            return GONE
        conn.sendall(block)
    raise AssertionError("unreachable")


def _flood(conn: socket.socket, lifted: threading.Event, block: bytes, head: bytes = b"") -> Reply:
    conn.sendall(head)
    while not lifted.is_set():
        conn.sendall(block)
    return GONE


def _redirect(conn: socket.socket, lifted: threading.Event, location: str, status: int = 302) -> Reply:
    return Reply(response(status, b"", {"Location": location}))


PLAYS: dict[str, Callable[..., Reply]] = {
    "status": _status,
    "raw": _raw,
    "hang": _hang,
    "slow": _slow,
    "reset": _reset,
    "drip": _drip,
    "drip_headers": _drip_headers,
    "huge": _huge,
    "flood": _flood,
    "redirect": _redirect,
}
