"""The loop: all connections of a storm on one thread, without waiting for any of them."""

from __future__ import annotations

import heapq
import selectors
import socket
import time
from collections.abc import Callable
from typing import Protocol

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE
LOOK_S = 0.05  # the longest wait between two looks at whether it is over


class Handler(Protocol):
    """An object whose socket is watched."""

    def ready(self) -> None:
        """Handle a socket that is ready. May be called once more after it was closed."""


class Loop:
    """Calls handlers when their sockets are ready, and functions when their time has come. A context manager."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._due: list[tuple[float, int, Callable[[], None]]] = []  # a heap by monotonic time
        self._count = 0

    def __enter__(self) -> Loop:
        return self

    def __exit__(self, *exc: object) -> None:
        self._selector.close()

    def watch(self, sock: socket.socket, events: int, handler: Handler) -> None:
        """Watch a socket for READ or WRITE, and for nothing else from now on; 0 ends it."""
        if sock in self._selector.get_map():
            self._selector.unregister(sock)
        if events:
            self._selector.register(sock, events, handler)

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call a function once, `seconds` from now."""
        self._count += 1
        heapq.heappush(self._due, (time.monotonic() + seconds, self._count, call))

    def run(self, over: Callable[[], bool], seconds: float) -> bool:
        """Run until `over` holds, for at most `seconds`; returns whether it held."""
        end = time.monotonic() + seconds
        while not over():
            now = time.monotonic()
            if now >= end:
                return False
            wait = min(LOOK_S, end - now, self._due[0][0] - now if self._due else LOOK_S)
            for key, _ in self._selector.select(max(0.0, wait)):
                key.data.ready()  # one that was closed meanwhile knows it; the number may be another's by now
            self._call_due(time.monotonic())
        return True

    def _call_due(self, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            heapq.heappop(self._due)[2]()
