"""A way to Redis through a port of its own, which can be slow, or closed, for one process alone."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time

from tests.support.listener import Listener


class Way:
    """Hands each connection on to a port of this machine. A context manager."""

    def __init__(self, port: int) -> None:
        self.delay = 0.0  # seconds by which each answer is held back from now on
        self._to = port
        self._listener = Listener(self._serve)
        self.port = self._listener.port
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> Way:
        return self

    def __exit__(self, *exc: object) -> None:
        self._listener.close()

    @property
    def connections(self) -> int:
        """How many connections were accepted so far."""
        return self._listener.accepted

    def close(self) -> None:
        """Cut all connections, and refuse others until `open`."""
        self._listener.refuse()

    def open(self) -> None:
        """Accept connections again."""
        self._listener.listen()

    def _serve(self, conn: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self._to)) as onward:
            onward.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            due: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
            threads = [
                threading.Thread(target=self._hold, args=(onward, due), name="way", daemon=True),
                threading.Thread(target=_hand, args=(due, conn), name="way", daemon=True),
            ]
            for thread in threads:
                thread.start()
            with contextlib.suppress(OSError):
                while data := conn.recv(65536):
                    onward.sendall(data)
            _shut(onward)
            for thread in threads:
                thread.join()

    def _hold(self, onward: socket.socket, due: queue.SimpleQueue[tuple[float, bytes]]) -> None:
        with contextlib.suppress(OSError):
            while data := onward.recv(65536):
                due.put((time.monotonic() + self.delay, data))
        due.put((0.0, b""))


def _hand(due: queue.SimpleQueue[tuple[float, bytes]], conn: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            at, data = due.get()
            if not data:
                break
            time.sleep(max(0.0, at - time.monotonic()))
            conn.sendall(data)
    _shut(conn)


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
