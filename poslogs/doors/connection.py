"""The connection under a request: what its socket tells that WSGI does not."""

from __future__ import annotations

import _socket
import logging
import math
import os
import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final, Protocol
from weakref import WeakSet

if sys.platform == "linux":
    import fcntl
    import termios

log = logging.getLogger("poslogs.connection")

LOOK_SECONDS: Final = 0.5  # between two looks for what the kernel does not tell
LOOKS: Final = 8  # in a heartbeat that is shorter than four seconds
ROUNDS: Final = 3  # in a heartbeat, at least: so often each is looked at, where the kernel tells of closed ones
PATIENCE: Final = 0.5  # of a heartbeat: for so long a reader may leave unanswered what the kernel sends again
SENDING_AGAIN_SECONDS: Final = 0.75  # until the kernel does so and that is seen
LEAST_PATIENCE_SECONDS: Final = 0.25
SETTLING_SECONDS: Final = 0.1  # at most, from the moment that a stream counts as sent what it hands over, until it is
GATHER_SECONDS: Final = 0.01  # after some have closed; each time that it waits again, the kernel goes through them all
GRACE_SECONDS: Final = 0.2  # for the request of a connection that is accepted as the server stops


class Connection:
    """The client's socket, where the server lends it (gunicorn, flask run); else what the server tells (waitress)."""

    __slots__ = ("_lent", "_unanswered", "asked", "quiet", "settled", "socket")

    def __init__(self, environ: dict[str, Any]) -> None:
        self._lent = _lent(environ)
        self.socket: _socket.socket | None = _real(self._lent)
        self.asked: Callable[[], bool] | None = environ.get("waitress.client_disconnected")
        self._unanswered: float | None = None
        self.quiet = False  # all that had been sent was acknowledged, at the last look
        self.settled = 0.0  # the sender's `beat_due` when it was quiet

    def gone(self) -> bool | None:
        """Whether the client has closed its side; None when nobody can tell."""
        if self.socket is None:
            return self.asked() if self.asked else None
        try:
            return not self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            return False
        except ValueError:
            return None  # TLS sockets take no flags
        except OSError:
            return True

    def unanswered(self, now: float) -> float | None:
        """Seconds, as far as earlier calls saw, for which the client has acknowledged nothing that was sent again.

        None while it answers, and where this cannot be told (elsewhere than on Linux). A client that is there but does
        not read answers: it says again and again that it has no room. `now` counts seconds, from anywhere.
        """
        if self.socket is None or sys.platform != "linux":
            return None
        try:
            self.quiet = fcntl.ioctl(self.socket.fileno(), termios.TIOCOUTQ, _NOTHING) == _NOTHING
            if self.quiet:
                self._unanswered = None
                return None
            info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
            sent_again, probes, since_ack = _TCP_INFO.unpack(info)
        except (OSError, ValueError, struct.error):
            return None  # closed, or no TCP
        # Of two probes within half a second one may go unanswered (tcp_invalid_ratelimit).
        if not sent_again and probes < 2:
            self._unanswered = None
        elif self._unanswered is None or self._unanswered < now - since_ack / 1000:
            self._unanswered = now
        return None if self._unanswered is None else now - self._unanswered

    @property
    def can_be_taken(self) -> bool:
        """Whether `take` may be called: the socket is lent, and no TLS is on it."""
        return self._lent is not None and not hasattr(self._lent, "do_handshake")

    def take(self) -> _socket.socket:
        """Take the socket from the server for good: it is ours to write to, without waiting, and to `close`."""
        old = self.socket
        assert old is not None
        # Not `socket.socket`, which gevent replaces by one that carries what it needs to wait.
        self.socket = taken = _socket.socket(old.family, old.type, old.proto, self._lent.detach())
        self._lent = None
        return taken

    def stop_reading(self) -> None:
        """Read no more from the client: whoever waits for its bytes goes on at once."""
        if self._lent is not None:
            _stop_reading(self._lent)

    def close(self) -> None:
        """Close a socket that was taken."""
        if self.socket is not None:
            self.socket.close()

    def cut(self) -> None:
        """End it at once, and whoever waits to write with it; what was not sent is not kept for a peer that is lost."""
        if self.socket is not None:
            try:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except OSError:
                pass  # closed already
            _shut(self.socket, socket.SHUT_RDWR)


# struct tcp_info (linux/tcp.h): tcpi_retransmits, tcpi_probes, tcpi_last_ack_recv in milliseconds.
_TCP_INFO: Final = struct.Struct("=2xBB52xI")
_NOTHING: Final = b"\0\0\0\0"  # bytes that are not acknowledged, as an int


def _lent(environ: dict[str, Any]) -> Any:
    return environ.get("gunicorn.socket") or environ.get("werkzeug.socket")


def _real(lent: Any) -> Any:
    # gevent wraps the real socket; its own shutdown raises in whoever waits, and its own peek would wait.
    return getattr(lent, "_sock", lent)


def _stop_reading(lent: Any) -> None:
    _shut(_real(lent), socket.SHUT_RD)


def _shut(sock: _socket.socket, how: int) -> None:
    try:
        sock.shutdown(how)
    except OSError:
        log.debug("The client had gone before.", exc_info=True)


class Sender(Protocol):
    """What sends on a connection."""

    beat_due: float  # monotonic; a heartbeat's length after something was sent


class Departures:
    """Calls back when a client leaves, whatever its stream is doing; two threads for all connections.

    With epoll (Linux) the kernel tells of those that close; elsewhere a look every LOOK_SECONDS does. One whose
    network is gone says nothing: it is found within two heartbeats, as the first goes unanswered
    (docs/decisions/0007-lost-and-stalled.md). gevent hides `epoll` from programs that it patches, so
    our worker hands it over.
    """

    def __init__(self, heartbeat: float = 15.0) -> None:
        self.epoll: Any = getattr(select, "epoll", None)
        self._pause = min(LOOK_SECONDS, heartbeat / LOOKS)
        self._patience = max(LEAST_PATIENCE_SECONDS, min(heartbeat * PATIENCE, heartbeat - SENDING_AGAIN_SECONDS))
        # A heartbeat, its being sent again, a round, patience and two looks are to fit into two heartbeats.
        spare = heartbeat - self._patience - SENDING_AGAIN_SECONDS - 2 * self._pause
        self._every = min(max(self._pause, spare), heartbeat / ROUNDS)
        self._lock = threading.Lock()
        self._watched: dict[object, tuple[Connection, Callable[[], None], Sender | None]] = {}  # by descriptor, or so
        self._settling = SETTLING_SECONDS - heartbeat
        self._poll: Any = None
        self._pid = 0
        self._met: WeakSet[Any] = WeakSet()
        self._hung_up = False
        self._asking = False  # each must be asked at every look whether it has closed
        self._round: list[object] = []  # who is still to be looked at in this round
        self._share = 1  # of it, at each look
        self._unanswered: set[object] = set()

    def meet(self, lent: Any) -> None:
        """Know a connection from its beginning on, whether or not it ever asks for anything."""
        with self._lock:
            self._met.add(lent)
        if self._hung_up:
            waiter = select.poll()
            waiter.register(lent.fileno(), select.POLLIN)
            waiter.poll(GRACE_SECONDS * 1000)
            _stop_reading(lent)

    def hang_up(self) -> None:
        """Let go of what would hold up a stop: connections that ask for nothing, and streams that nobody reads.

        What a connection sends within GRACE_SECONDS of its beginning is still read and answered.
        """
        self._hung_up = True
        time.sleep(GRACE_SECONDS)
        with self._lock:
            stuck = [connection.socket for connection, _, _ in self._watched.values()]
            met = list(self._met)
        for lent in met:
            _stop_reading(lent)
        for sock in stuck:
            if sock is not None:
                _shut(sock, socket.SHUT_RDWR)

    def watch(
        self, connection: Connection, left: Callable[[], None], sender: Sender | None = None
    ) -> Callable[[], None]:
        """Have `left` called once when the client goes; what is returned stops watching, and may be called again.

        Where a `sender` is given, the connection is not looked at while nothing new was sent on it.
        """
        key: object = connection if connection.socket is None else connection.socket.fileno()
        if connection.socket is None and connection.asked is None:
            return lambda: None
        if key == -1:
            left()
            return lambda: None
        ours = (connection, left, sender)
        with self._lock:
            if self._pid != os.getpid():
                self._start()
            self._watched[key] = ours
            self._asking = self._asking or self._poll is None or connection.socket is None
            if self._poll is not None and connection.socket is not None:
                self._poll.register(key, select.POLLHUP | select.POLLERR | _RDHUP)

        def stop() -> None:
            with self._lock:
                if self._watched.get(key) is ours:
                    self._drop(key)

        return stop

    def _start(self) -> None:
        self._pid = os.getpid()
        self._watched, self._round, self._unanswered = {}, [], set()
        self._poll = self.epoll() if self.epoll is not None else None
        for run in (self._look_about, self._listen) if self._poll is not None else (self._look_about,):
            threading.Thread(target=run, name="departures", daemon=True).start()

    def _drop(self, key: object) -> tuple[Connection, Callable[[], None], Sender | None] | None:
        found = self._watched.pop(key, None)
        if found is not None and self._poll is not None and found[0].socket is not None:
            try:
                self._poll.unregister(key)
            except OSError:
                pass  # closed already, and so forgotten by the kernel
        return found

    def _leave(self, key: object) -> None:
        with self._lock:
            found = self._drop(key)
        if found is not None:
            found[1]()

    def _listen(self) -> None:
        """Wait for the kernel to tell of connections that close."""
        waiter = select.poll()  # waits in greenlets too, where epoll itself would stop them all
        waiter.register(self._poll.fileno(), select.POLLIN)
        while True:
            waiter.poll()
            for number, _ in self._poll.poll(0):
                self._leave(number)
            time.sleep(GATHER_SECONDS)

    def _look_about(self) -> None:
        while True:
            time.sleep(self._pause)
            self._look(time.monotonic())

    def _look(self, now: float) -> None:
        """Find those of whom the kernel does not tell; a microsecond each.

        Where it tells of those that close, each is looked at ROUNDS times in a heartbeat or more, and at every look
        once it has left something unanswered.
        """
        with self._lock:
            keys = list(self._watched) if self._asking else [*self._unanswered, *self._next_of_round()]
            watched = [(key, *self._watched[key]) for key in keys if key in self._watched]
        self._unanswered = set()
        for key, connection, _, sender in watched:
            told = self._poll is not None and connection.socket is not None
            if not told and connection.gone():
                self._leave(key)
                continue
            due = sender.beat_due if sender is not None else 0.0
            if due and due == connection.settled:
                continue
            unanswered = connection.unanswered(now)
            if unanswered is None:
                if connection.quiet and due + self._settling < now:  # it had really been sent when we looked
                    connection.settled = due
                continue
            self._unanswered.add(key)
            if unanswered >= self._patience:
                connection.cut()
                self._leave(key)

    def _next_of_round(self) -> list[object]:
        if not self._round:
            self._round = list(self._watched)
            self._share = math.ceil(len(self._round) * self._pause / self._every)
        part = self._round[-self._share :]
        del self._round[-self._share :]
        return part


_RDHUP: Final = 0x2000  # the other side has shut down writing (epoll_ctl(2)); select does not name it everywhere
