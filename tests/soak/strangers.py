"""Strangers: callers that ask wrongly, stop in mid-request, or come in crowds. None may harm the readers."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.soak.clients import NAMES, token
from tests.support.server import Server
from tests.wire.exchange import LIVE, STREAM, Answer, answer, asking, request, reset

CROWD = 8  # connections at once
GAP_SECONDS = (0.05, 1.0)
HELD_SECONDS = 0.5
OTHER_ADDRESS = "127.0.0.3"  # wrong tokens are counted by address
BODIES = (
    b"", b"[]", b"17", b"null", b"{", b'{"tool":', b"\xff\xfe", b"[" * 5000, b'{"tool":1,"tool":2}',
    b'{"tool":"platformos.logs.nothing"}', b'{"tool":"platformos.logs.stream","input":{"env":"nowhere"}}',
    asking(STREAM, interval=0), asking(STREAM, interval=1e308), asking(LIVE, maxDuration="x"), asking(odd=1),
    asking(STREAM, lastId="-1"), asking(STREAM, lastId="9" * 100), asking(STREAM, lastId="1' or 1=1"),
)  # fmt: skip
POSITIONS = ("-1", "abc", "9" * 40, "1.5", "9" * 7000, "\xb2", "0x10", "1\t2")
TOKENS = ("Bearer wrong", "Basic abc", "Bearer", "bearer  ", "Bearer " + "x" * 6000)
REFUSALS = (400, 401, 403, 404, 408, 413, 415, 429, 431, 503)


class Strangers(threading.Thread):
    """Bothers the server until it is stopped. What it gets instead of a refusal in the one shape is in `wrong`."""

    def __init__(self, server: Server, seed: str) -> None:
        super().__init__(name="strangers", daemon=True)
        self.count: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._server = server
        self._environment, self._token = NAMES[0], token(NAMES[0])  # that it comes for, another time by time
        self._random = random.Random(seed)
        self._stop_it = threading.Event()

    def run(self) -> None:
        kinds: dict[str, Callable[[], None]] = {
            "bad body": self._bad_body,
            "bad position": self._bad_position,
            "bad token": self._bad_token,
            "crowd of readers": self._crowd,
            "half a request": self._half,
            "reader that never reads": self._never_reads,
        }
        while not self._stop_it.wait(self._random.uniform(*GAP_SECONDS)):
            kind = self._random.choice(list(kinds))
            self._environment = self._random.choice(NAMES)
            self._token = token(self._environment)
            try:
                with contextlib.suppress(OSError):  # the server is away
                    kinds[kind]()
            except AssertionError as error:
                self.wrong.append(f"{kind}: {str(error)[:300]}")
            self.count[kind] += 1

    def stop(self) -> None:
        """Leave for good."""
        self._stop_it.set()
        self.join()

    def _bad_body(self) -> None:
        self._refused(
            request(self._random.choice(("/call", "/call-stream")), self._random.choice(BODIES), token=self._token)
        )

    def _bad_position(self) -> None:
        position = self._random.choice(POSITIONS)
        self._refused(request("/call-stream", self._asking(), f"Last-Event-ID: {position}", token=self._token))

    def _bad_token(self) -> None:
        line = f"Authorization: {self._random.choice(TOKENS)}"
        self._refused(request("/call-stream", self._asking(), line, token=None), OTHER_ADDRESS)

    def _refused(self, data: bytes, source: str = "127.0.0.1") -> None:
        with self._connected(source) as sock:
            sock.sendall(data)
            found: Answer = answer(sock)
        assert found.status in REFUSALS, (data[:300], found)
        assert found.sentence, found

    def _crowd(self) -> None:
        """Open many streams at one moment; leave each at once, or in the middle of its first entries."""
        tool = self._random.choice((STREAM, LIVE))
        data = request("/call-stream", self._asking(tool, tail=self._random.choice((0, 50))), token=self._token)
        with contextlib.ExitStack() as stack:
            socks = [stack.enter_context(self._connected()) for _ in range(CROWD)]
            for sock in socks:
                sock.sendall(data)
            for sock in socks:
                if self._random.random() < 0.5:
                    found = answer(sock)
                    assert found.is_stream or found.status in (429, 503), found
                if self._random.random() < 0.5:
                    reset(sock)

    def _half(self) -> None:
        """Leave in the middle of the head, or of the body."""
        data = request("/call-stream", self._asking(), token=self._token)
        with self._connected() as sock:
            sock.sendall(data[: self._random.randrange(1, len(data))])
            self._stop_it.wait(self._random.uniform(0, HELD_SECONDS))
            if self._random.random() < 0.5:
                reset(sock)

    def _never_reads(self) -> None:
        """Open a stream from the very beginning, whose bytes fill all buffers, and leave."""
        data = request("/call-stream", self._asking(lastId="0"), token=self._token)
        with self._connected() as sock:
            sock.sendall(data)
            self._stop_it.wait(self._random.uniform(0, 4 * HELD_SECONDS))

    def _asking(self, tool: str = STREAM, **more: Any) -> bytes:
        return asking(tool, env=self._environment, **more)

    def _connected(self, source: str = "127.0.0.1") -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._server.port), 15.0, (source, 0))
