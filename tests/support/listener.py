"""A listener on 127.0.0.1 that can refuse connects for a while and then listen on the same port again."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable


class Listener:
    """Hands each accepted connection to `serve`, on a thread of its own, and closes it afterwards."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self.accepted = 0
        self._serve = serve
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._socket = _bound(0)
        self.port: int = self._socket.getsockname()[1]
        self.listen()

    def listen(self) -> None:
        """Accept connects from now on."""
        self._socket.listen(1024)
        threading.Thread(target=self._accept, args=(self._socket,), name="stand-in", daemon=True).start()

    def refuse(self) -> None:
        """Refuse connects from now on and cut what is open. The port stays bound, so that nobody else gets it."""
        self.close()
        self._socket = _bound(self.port)

    def close(self) -> None:
        """Stop listening and cut every connection."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the accepting thread
        self._socket.close()
        with self._lock:
            for conn in self._open:
                with contextlib.suppress(OSError):
                    conn.shutdown(socket.SHUT_RDWR)

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                conn, _ = listening.accept()
            except OSError:
                return
            with self._lock:
                self.accepted += 1
                self._open.add(conn)
            threading.Thread(target=self._attend, args=(conn,), name="stand-in", daemon=True).start()

    def _attend(self, conn: socket.socket) -> None:
        try:
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(OSError):
                self._serve(conn)
        finally:
            with self._lock:
                self._open.discard(conn)
            conn.close()


def _bound(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock
