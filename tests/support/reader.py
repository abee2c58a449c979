"""A strict reader of event streams over a raw socket, which keeps what arrived as it arrived."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.support.transcript import HEAD_TIMEOUT_S, Transcript

TOKEN = "a-token-of-the-tests"


class Reader(Transcript):
    """Sends one POST at once and reads the answer on a thread of its own. A context manager; leaving it closes.

    What has arrived, and the ways to wait for it, are a Transcript's.
    """

    def __init__(
        self,
        base_url: str,
        body: Mapping[str, Any] | bytes | None,  # JSON, or as it is, or empty
        *,
        token: str | None = TOKEN,
        headers: Mapping[str, str] | None = None,
        gzip: bool = False,
        path: str = "/call-stream",
        receive_buffer: int | None = None,
        paused: bool = False,  # not even the head is received before `resume`
        version: str = "1.1",  # of HTTP
    ) -> None:
        address = urlsplit(base_url)
        super().__init__()
        self._reading = threading.Lock()
        self._paused = threading.Event()
        if paused:
            self._paused.set()
        self._leave: str | None = None
        self._bell, self._rope = socket.socketpair()
        self._socket = socket.socket()
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(HEAD_TIMEOUT_S)
        self._socket.connect((address.hostname or "", address.port or 80))
        with contextlib.suppress(ConnectionError):  # a server may answer and close before it has read a long body
            self._socket.sendall(_request(address.netloc, path, body, token, headers or {}, gzip, version))
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)
        self._thread.start()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def pause(self) -> None:
        """Stop receiving; when this returns nothing more is taken off the socket."""
        with self._reading:
            self._paused.set()
        self._ring()

    def resume(self) -> None:
        """Receive again."""
        self._paused.clear()
        self._ring()

    def close(self) -> None:
        """Leave as a client does that has read what came: with a FIN."""
        self._go("fin")

    def reset(self) -> None:
        """Leave with a RST."""
        self._go("rst")

    def vanish(self, how: str) -> None:
        """Leave with `how` (rst or fin) once what has just come is taken; for `take`, which cannot wait for itself."""
        self._leave = self._leave or how

    def _go(self, how: str) -> None:
        self._leave = self._leave or how
        self._ring()
        self._thread.join(HEAD_TIMEOUT_S)
        self._bell.close()
        self._rope.close()

    def _ring(self) -> None:
        with contextlib.suppress(OSError):
            self._rope.send(b".")

    def _run(self) -> None:
        poller = select.poll()
        poller.register(self._bell, select.POLLIN)
        try:
            self._read(poller)
        except ConnectionError:
            pass
        except BaseException as error:
            self.failure = error
        finally:
            self._hang_up()
            self.over()

    def _read(self, poller: select.poll) -> None:
        head, body = b"", None
        while self._leave is None and not (body is not None and body.complete):
            if self._paused.is_set():
                poller.poll()
                self._bell.recv(64)
                continue
            poller.register(self._socket, select.POLLIN)
            ready = dict(poller.poll())
            poller.unregister(self._socket)
            if self._bell.fileno() in ready:
                self._bell.recv(64)
                continue
            with self._reading:
                if self._paused.is_set():
                    continue
                data = self._socket.recv(262144)
            if not data:
                return
            if body is None:
                head, separator, data = (head + data).partition(b"\r\n\r\n")
                if not separator:
                    continue
                body = self.begin(head)
            self.take(body, data)
        self.ended_clean = self._leave is None

    def _hang_up(self) -> None:
        if self._leave == "rst":
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif self._leave == "fin":
            self._socket.setblocking(False)
            with contextlib.suppress(OSError):  # a close with bytes left to read would send a RST
                while self._socket.recv(262144):
                    pass
        self._socket.close()


def _request(
    host: str,
    path: str,
    body: Mapping[str, Any] | bytes | None,
    token: str | None,
    more: Mapping[str, str],
    gzip: bool,
    version: str,
) -> bytes:
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Host": host, "Content-Type": "application/json", "Content-Length": str(len(content))}
    headers |= {"Authorization": f"Bearer {token}"} if token is not None else {}
    headers |= {"Accept-Encoding": "gzip"} if gzip else {}
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers | dict(more)).items())
    return f"POST {path} HTTP/{version}\r\n{lines}\r\n".encode("latin-1") + content
