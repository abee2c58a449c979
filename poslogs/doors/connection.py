"""The connection under a request: what its socket tells that WSGI does not."""

from __future__ import annotations

import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakSet

log = logging.getLogger("poslogs.connection")

LOOK_SECONDS: Final = 0.5  # between two looks, where the kernel does not tell


class Connection:
    """The client's socket, where the server lends it (gunicorn, flask run); else nothing can be told."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self._lent = _lent(environ)
        self.socket: socket.socket | None = _real(self._lent)
        self._asked: Callable[[], bool] | None = environ.get("waitress.client_disconnected")

    def gone(self) -> bool | None:
        """Whether the client has closed its side; None when nobody can tell."""
        if self.socket is None:
            return self._asked() if self._asked else None
        try:
            return not self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            return False
        except ValueError:
            return None  # TLS sockets take no flags
        except OSError:
            return True

    def stop_reading(self) -> None:
        """Read no more from the client: whoever waits for its bytes goes on at once."""
        if self._lent is not None:
            _stop_reading(self._lent)


def _lent(environ: dict[str, Any]) -> Any:
    return environ.get("gunicorn.socket") or environ.get("werkzeug.socket")


def _real(lent: Any) -> Any:
    # gevent wraps the real socket; its own shutdown raises in whoever waits, and its own peek would wait.
    return getattr(lent, "_sock", lent)


def _stop_reading(lent: Any) -> None:
    _shut(_real(lent), socket.SHUT_RD)


def _shut(sock: socket.socket, how: int) -> None:
    try:
        sock.shutdown(how)
    except OSError:
        log.debug("The client had gone before.", exc_info=True)


class Departures:
    """Calls back when a client leaves, whatever its stream is doing; one thread for all connections.

    With epoll (Linux) the kernel tells, at no cost while nothing happens; elsewhere it looks every LOOK_SECONDS.
    gevent hides `epoll` from programs that it patches, so gunicorn.conf.py hands the class over.
    """

    def __init__(self) -> None:
        self.epoll: Any = getattr(select, "epoll", None)
        self._lock = threading.Lock()
        self._watched: dict[int, tuple[Connection, Callable[[], None]]] = {}
        self._poll: Any = None
        self._pid = 0
        self._met: WeakSet[Any] = WeakSet()

    def meet(self, environ: dict[str, Any]) -> None:
        """Know the connection of a request, which may be kept alive after it."""
        if lent := _lent(environ):
            self._met.add(lent)

    def hang_up(self) -> None:
        """Let go of what would hold up a stop: connections kept alive for nothing, and streams that nobody reads."""
        with self._lock:
            stuck = [connection.socket for connection, _ in self._watched.values()]
        for lent in list(self._met):
            _stop_reading(lent)
        for sock in stuck:
            if sock is not None:
                _shut(sock, socket.SHUT_RDWR)

    def watch(self, connection: Connection, left: Callable[[], None]) -> Callable[[], None]:
        """Have `left` called once when the client goes; what is returned stops watching, and may be called again."""
        if connection.socket is None:
            return lambda: None
        number = connection.socket.fileno()
        if number < 0:
            left()
            return lambda: None
        ours = (connection, left)
        with self._lock:
            if self._pid != os.getpid():
                self._start()
            self._watched[number] = ours
            if self._poll is not None:
                self._poll.register(number, select.POLLHUP | select.POLLERR | _RDHUP)

        def stop() -> None:
            with self._lock:
                if self._watched.get(number) is ours:
                    self._drop(number)

        return stop

    def _start(self) -> None:
        self._pid = os.getpid()
        self._watched = {}
        self._poll = self.epoll() if self.epoll is not None else None
        target = self._listen if self._poll is not None else self._look
        threading.Thread(target=target, name="departures", daemon=True).start()

    def _drop(self, number: int) -> tuple[Connection, Callable[[], None]] | None:
        found = self._watched.pop(number, None)
        if found is not None and self._poll is not None:
            try:
                self._poll.unregister(number)
            except OSError:
                pass  # closed already, and so forgotten by the kernel
        return found

    def _leave(self, number: int) -> None:
        with self._lock:
            found = self._drop(number)
        if found is not None:
            found[1]()

    def _listen(self) -> None:
        waiter = select.poll()  # waits in greenlets too, where epoll itself would stop them all
        waiter.register(self._poll.fileno(), select.POLLIN)
        while True:
            waiter.poll()
            for number, _ in self._poll.poll(0):
                self._leave(number)

    def _look(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            with self._lock:
                watched = list(self._watched.items())
            for number, (connection, _) in watched:
                if connection.gone():
                    self._leave(number)


_RDHUP: Final = 0x2000  # the other side has shut down writing (epoll_ctl(2)); select does not name it everywhere
