"""The client's socket under a request, by server: what it tells that WSGI does not."""

from __future__ import annotations

import _socket
import logging
import socket
import ssl
import struct
import sys
from collections.abc import Callable
from typing import Any, Final

from poslogs.servers.readiness import WRITABLE, wait_for

if sys.platform == "linux":
    import fcntl
    import termios

log = logging.getLogger("poslogs.sockets")

STALL_SECONDS: Final = 120.0  # a reader that takes nothing for so long is cut (docs/decisions/0007-lost-and-stalled.md)


class Connection:
    """The client's socket, where the server lends it (gunicorn, flask run); else what the server tells (waitress).

    It is asked and shut by its socket, never by a descriptor's number, which may be another's by then.
    """

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

    def wait_for_room(self, seconds: float) -> None:
        """Wait until a socket that was taken has room or is shut. Raises TimeoutError after that many seconds."""
        assert self.socket is not None
        if not wait_for(self.socket.fileno(), WRITABLE, seconds):
            raise TimeoutError("the reader has read nothing for too long")

    def stop_reading(self) -> None:
        """Read no more from the client: whoever waits for its bytes goes on at once."""
        if self._lent is not None:
            stop_reading(self._lent)

    def close(self) -> None:
        """Close a socket that was taken."""
        if self.socket is not None and self._lent is None:
            self.socket.close()

    def shut(self) -> None:
        """End it both ways, so that whoever waits for it goes on at once; who owns it closes it."""
        if self.socket is not None:
            _shut(self.socket, socket.SHUT_RDWR)

    def cut(self) -> None:
        """`shut` it; what was not sent is not kept for a peer that is lost."""
        if self.socket is not None:
            _cut(self.socket)


# struct tcp_info (linux/tcp.h): tcpi_retransmits, tcpi_probes, tcpi_last_ack_recv in milliseconds.
_TCP_INFO: Final = struct.Struct("=2xBB52xI")
_NOTHING: Final = b"\0\0\0\0"  # bytes that are not acknowledged, as an int


def stop_reading(lent: Any) -> None:
    """Read no more from a socket that a server has."""
    _shut(_real(lent), socket.SHUT_RD)


def cut(lent: Any) -> None:
    """End a socket that a server has both ways, so that whoever waits for it goes on at once, and closes it.

    What was not sent is not kept for a client that does not read it.
    """
    _cut(_real(lent))


def turn_away(lent: Any, answer: bytes) -> None:
    """Say why to a client that was just accepted, as far as that needs no waiting; the server closes it."""
    real = _real(lent)
    try:
        real.setblocking(False)
        if not hasattr(lent, "do_handshake"):
            real.send(answer)
            real.shutdown(socket.SHUT_WR)
            real.recv(65536)  # what is unread as it closes would take the answer back
    except OSError:
        log.debug("The client had gone before.", exc_info=True)


def _lent(environ: dict[str, Any]) -> Any:
    return environ.get("gunicorn.socket") or environ.get("werkzeug.socket")


def _real(lent: Any) -> Any:
    # gevent wraps the real socket; its own shutdown raises in whoever waits, and its own peek would wait.
    return getattr(lent, "_sock", lent)


def _cut(sock: _socket.socket) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass  # closed already
    _shut(sock, socket.SHUT_RDWR)


def _shut(sock: _socket.socket, how: int) -> None:
    try:
        if isinstance(sock, ssl.SSLSocket):
            socket.socket.shutdown(sock, how)  # its own would let the rest of an answer go out unencrypted
        else:
            sock.shutdown(how)
    except OSError:
        log.debug("The client had gone before.", exc_info=True)
