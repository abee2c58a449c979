"""The client's socket under a request, by server: what can be known of the client beside what WSGI says."""

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

if sys.platform != "win32":
    import fcntl
    import termios

log = logging.getLogger("poslogs.sockets")

STALL_SECONDS: Final = 120.0  # until a reader that takes nothing is cut (docs/decisions/0007-lost-and-stalled.md)


class Connection:
    """A client's connection, by its socket where the server lends that (gunicorn, flask run), else by a question.

    waitress answers whether the client has gone. Everything goes by the socket, never by the number of its descriptor,
    which may be another connection's by then.
    """

    __slots__ = ("_lent", "_unanswered", "asked", "quiet", "settled", "socket")

    def __init__(self, environ: dict[str, Any]) -> None:
        self._lent = _lent(environ)
        self.socket: _socket.socket | None = _real(self._lent)
        self.asked: Callable[[], bool] | None = environ.get("waitress.client_disconnected")
        self._unanswered: float | None = None
        self.quiet = False  # at the last look, everything that had been sent was acknowledged
        self.settled = 0.0  # the sender's `beat_due` at the last look that found it quiet

    def gone(self) -> bool | None:
        """Whether the client has closed its side; None when that cannot be known."""
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
        """Seconds since the first call that found bytes sent again and not acknowledged.

        None while the client acknowledges, and where the kernel does not report it (any but Linux). A client that is
        there but does not read does acknowledge: it says again and again that it has no room. `now` is monotonic.
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
            return None  # closed, or not TCP
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
        """Take the socket from the server for good; from then on it never blocks, and is ours to `close`."""
        old = self.socket
        assert old is not None
        # Not `socket.socket`: gevent puts a larger one in its place, which can wait.
        self.socket = taken = _socket.socket(old.family, old.type, old.proto, self._lent.detach())
        self._lent = None
        return taken

    def wait_for_room(self, seconds: float) -> None:
        """Wait until a socket that was taken has room or is shut. Raises TimeoutError after that many seconds."""
        assert self.socket is not None
        if not wait_for(self.socket.fileno(), WRITABLE, seconds):
            raise TimeoutError("the reader has read nothing for too long")

    def stop_reading(self) -> None:
        """Read no more from the client: a thread or greenlet that waits for its bytes goes on at once."""
        if self._lent is not None:
            stop_reading(self._lent)

    def close(self) -> None:
        """Close a socket that was taken."""
        if self.socket is not None and self._lent is None:
            self.socket.close()

    def shut(self) -> None:
        """End it both ways: a thread or greenlet that waits for it goes on at once. Its owner closes it."""
        if self.socket is not None:
            _shut(self.socket, socket.SHUT_RDWR)

    def cut(self) -> None:
        """`shut` it, and drop what was not sent yet: its client is lost."""
        if self.socket is not None:
            _cut(self.socket)


# struct tcp_info (linux/tcp.h): tcpi_retransmits, tcpi_probes, tcpi_last_ack_recv in milliseconds.
_TCP_INFO: Final = struct.Struct("=2xBB52xI")
_NOTHING: Final = b"\0\0\0\0"  # 0 as an int: how many bytes are not acknowledged


def stop_reading(lent: Any) -> None:
    """Read no more from a socket of the server's."""
    _shut(_real(lent), socket.SHUT_RD)


def cut(lent: Any) -> None:
    """End a socket of the server's both ways: a thread or greenlet that waits for it goes on at once, and closes it.

    What was not sent yet is dropped.
    """
    _cut(_real(lent))


def has_unread(lent: Any) -> bool:
    """Whether a client has sent something that the server has not read from its socket yet; never waits."""
    try:
        return fcntl.ioctl(_real(lent).fileno(), termios.FIONREAD, _NOTHING) != _NOTHING
    except (OSError, ValueError):
        return False  # closed


def turn_away(lent: Any, answer: bytes) -> None:
    """Send `answer` to a client that was just accepted, as far as that needs no waiting; the caller closes it."""
    real = _real(lent)
    try:
        real.setblocking(False)
        if not hasattr(lent, "do_handshake"):
            real.send(answer)
            real.shutdown(socket.SHUT_WR)
            real.recv(65536)  # unread bytes at the close would reset the connection, and the answer with it
    except OSError:
        log.debug("The client had already gone.", exc_info=True)


def _lent(environ: dict[str, Any]) -> Any:
    return environ.get("gunicorn.socket") or environ.get("werkzeug.socket")


def _real(lent: Any) -> Any:
    # gevent wraps the real socket: its shutdown raises in the greenlet that waits, and its peek would wait.
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
            socket.socket.shutdown(sock, how)  # SSLSocket's own would let the rest of an answer leave unencrypted
        else:
            sock.shutdown(how)
    except OSError:
        log.debug("The client had already gone.", exc_info=True)
