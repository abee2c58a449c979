"""A throng: thousands of readers on one thread, each of which comes back at the next server as soon as it is cut."""

from __future__ import annotations

import contextlib
import heapq
import json
import random
import re
import selectors
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from tests.support.server import TOKEN
from tests.wire.exchange import STREAM, request, wait_for

FRAME_ID = re.compile(rb"^id: (\d+)$", re.MULTILINE)
AWAY_S = (0.05, 0.6)  # until one that was cut comes back
CONNECT_S = 5.0


@dataclass(slots=True)
class Member:
    """One reader: the id of its last entry, and what was wrong."""

    at: int  # the server that it is at, or comes back to
    last: int
    sock: socket.socket | None = None
    rest: bytes = b""
    connections: int = 0
    lost: list[int] = field(default_factory=list)  # ids that it had not when it was given a higher one
    doubled: list[int] = field(default_factory=list)  # ids that it had


class Throng:
    """Readers of rows whose ids have no gaps, from behind `last` on. A context manager, which has all of them leave."""

    def __init__(self, ports: Sequence[int], size: int, last: int, *, interval: int = 500, token: str = TOKEN) -> None:
        self.members = [Member(number % len(ports), last) for number in range(size)]
        self._ports = list(ports)
        self._body = json.dumps({"tool": STREAM, "input": {"env": "staging", "interval": interval}}).encode()
        self._token = token
        self._random = random.Random(7)
        self._due: list[tuple[float, int]] = [(0.0, number) for number in range(size)]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="throng", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join(60)

    @property
    def connections(self) -> int:
        """How many were opened by all."""
        return sum(member.connections for member in self.members)

    @property
    def wrong(self) -> list[Member]:
        """Those that missed something, or were given something twice."""
        return [member for member in self.members if member.lost or member.doubled]

    def wait(self, last: int, timeout: float) -> None:
        """Wait until each was given the row with this id."""
        try:
            wait_for(lambda: all(member.last >= last for member in self.members), timeout)
        except AssertionError as late:
            behind = sorted(member.last for member in self.members if member.last < last)
            raise AssertionError(f"{len(behind)} are not at {last} after {timeout} s: {behind[:20]}") from late

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            while not self._over.is_set():
                now = time.monotonic()
                while self._due and self._due[0][0] <= now:
                    self._come(heapq.heappop(self._due)[1], selector)
                for key, _ in selector.select(0.05):
                    self._read(key.data, selector)
            for member in self.members:
                if member.sock is not None:
                    member.sock.close()

    def _come(self, number: int, selector: selectors.BaseSelector) -> None:
        member = self.members[number]
        try:
            sock = socket.create_connection(("127.0.0.1", self._ports[member.at]), CONNECT_S)
            sock.sendall(request("/call-stream", self._body, f"Last-Event-ID: {member.last}", token=self._token))
        except OSError:
            self._goes(number)
            return
        member.sock, member.rest = sock, b""
        member.connections += 1
        selector.register(sock, selectors.EVENT_READ, number)

    def _read(self, number: int, selector: selectors.BaseSelector) -> None:
        member = self.members[number]
        assert member.sock is not None
        data = b""
        with contextlib.suppress(OSError):
            data = member.sock.recv(1 << 18)
        whole, _, member.rest = (member.rest + data).rpartition(b"\n\n")
        for found in FRAME_ID.findall(whole):
            self._take(member, int(found))
        if not data or member.rest.endswith(b"\r\n0\r\n\r\n"):
            selector.unregister(member.sock)
            member.sock.close()
            member.sock = None
            self._goes(number)

    def _take(self, member: Member, number: int) -> None:
        if number <= member.last:
            member.doubled.append(number)
            return
        member.lost += range(member.last + 1, number)
        member.last = number

    def _goes(self, number: int) -> None:
        member = self.members[number]
        member.at = (member.at + 1) % len(self._ports)
        heapq.heappush(self._due, (time.monotonic() + self._random.uniform(*AWAY_S), number))
