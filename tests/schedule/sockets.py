"""Sockets for the scheduler: real pairs with small buffers, at whose sends another may go on; real poll and epoll.

They are Unix sockets, since what one end does the other sees at once: the same seed meets the same kernel.
"""

from __future__ import annotations

import _socket
import os
import select
import socket
import struct
import time
from typing import Any, Final

from tests.schedule.scheduler import Scheduler, active

BUFFER_BYTES: Final = 4096  # the kernel makes it a little more
real_poll, _epoll = select.poll, select.epoll  # as they are before anything takes their place
_RDHUP: Final = 0x2000  # the other side has shut down writing; select does not name it everywhere
_TCP_INFO: Final = struct.Struct("=2xBB52xI")  # retransmits, probes, milliseconds since the last acknowledgement
_lost: dict[int, float] = {}  # inodes of sockets whose other end acknowledges nothing any more, and since when
_open: list[Any] = []  # to be closed after the run


def _point(kind: str) -> None:
    if (scheduler := active()) is not None:
        scheduler.point(kind)


def _running() -> Scheduler | None:
    scheduler = active()
    return scheduler if scheduler is not None and scheduler.current is not None and not scheduler.dying else None


class Raw(_socket.socket):
    """The kernel's socket; `send` never waits, but another may go on before it and after."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        _open.append(self)

    def send(self, data: Any, flags: int = 0) -> int:  # type: ignore[override]
        """Send as much as there is room for."""
        _point("send")
        try:
            return super().send(data, flags)
        finally:
            _point("send")

    def getsockopt(self, level: int, option: int, size: int = 0) -> Any:  # type: ignore[override]
        """An option of the socket. For TCP it is what the kernel would report of a peer that is lost."""
        if level != socket.IPPROTO_TCP:
            return super().getsockopt(level, option, size)
        since = _lost.get(os.fstat(self.fileno()).st_ino)
        if since is None:
            return _TCP_INFO.pack(0, 0, 0)
        return _TCP_INFO.pack(3, 0, int((time.monotonic() - since) * 1000))

    def close(self) -> None:
        """Close the socket; its number is free for the next that is opened."""
        if self.fileno() != -1:
            super().close()
            _point("close")


class Lent:
    """The server's end as a WSGI server has it: sends that wait, and the kernel's socket as `_sock`, as in gevent."""

    def __init__(self, raw: Raw, number: int) -> None:
        self._sock = raw
        self._number = number

    def __hash__(self) -> int:
        return self._number

    def fileno(self) -> int:
        """The descriptor."""
        return self._sock.fileno()

    def detach(self) -> int:
        """Give the descriptor away, and return it."""
        return self._sock.detach()

    def sendall(self, data: bytes) -> None:
        """Send all the data. Raises OSError."""
        left = memoryview(data)
        while left:
            try:
                left = left[self._sock.send(left) :]
            except BlockingIOError:
                _wait_for(self._sock, select.POLLOUT)

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()


class Peer:
    """The client's end."""

    def __init__(self, raw: _socket.socket, other: int) -> None:
        self._sock = raw
        self._other = other  # inode of the server's end

    def lose(self) -> None:
        """Let the network be gone: nothing is acknowledged from now on."""
        _lost[self._other] = time.monotonic()

    def read(self, most: int) -> bytes | None:
        """What is there, b"" at the end, None when nothing is there yet."""
        try:
            return self._sock.recv(most, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except ConnectionResetError:
            return b""

    def ended(self) -> bool:
        """Whether the other end has ended the connection, even if not all that it had sent was read."""
        waiter = real_poll()
        waiter.register(self._sock.fileno(), _RDHUP)
        return bool(waiter.poll(0))

    def leave(self, *, reset: bool) -> None:
        """Close the connection: by RST, for which something must be left unread, else by FIN."""
        while not reset and self.read(65536):
            pass
        self._sock.close()


def pair(number: int) -> tuple[Lent, Peer]:
    """A connection."""
    server, client = _socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
    raw = Raw(server.family, server.type, server.proto, server.detach())
    raw.setblocking(False)
    _open.append(client)
    return Lent(raw, number), Peer(client, os.fstat(raw.fileno()).st_ino)


def _wait_for(raw: _socket.socket, what: int) -> None:
    waiter = real_poll()
    waiter.register(raw.fileno(), what)
    if (scheduler := _running()) is not None:
        scheduler.wait_for_kernel("send", lambda: waiter.poll(0))


class Poll:
    """`select.poll`, in which tasks wait."""

    def __init__(self) -> None:
        self._real = real_poll()
        self.register, self.unregister, self.modify = self._real.register, self._real.unregister, self._real.modify

    def poll(self, timeout: float | None = None) -> list[tuple[int, int]]:
        """Wait for up to some milliseconds; returns what is ready."""
        scheduler = _running()
        if scheduler is None:
            return self._real.poll(0)
        end = None if timeout is None or timeout < 0 else scheduler.now + timeout / 1000
        scheduler.point("poll")
        while not (found := self._real.poll(0)):
            left = None if end is None else end - scheduler.now
            if left is not None and left <= 0:
                break
            scheduler.wait_for_kernel("poll", lambda: self._real.poll(0), left)
        scheduler.point("polled")
        return found


class Epoll:
    """`select.epoll`, asked without waiting; another may go on before what it found is looked at."""

    def __init__(self, sizehint: int = -1, flags: int = 0) -> None:
        self._real = _epoll()
        _open.append(self._real)
        self.register, self.unregister, self.modify = self._real.register, self._real.unregister, self._real.modify
        self.fileno, self.close = self._real.fileno, self._real.close

    def poll(self, timeout: float | None = None, maxevents: int = -1) -> list[tuple[int, int]]:
        """Wait for up to some seconds; returns what is ready."""
        if timeout != 0 and _running() is not None:
            waiter = Poll()
            waiter.register(self.fileno(), select.POLLIN)
            waiter.poll(None if timeout is None or timeout < 0 else timeout * 1000)
        found = self._real.poll(0, maxevents)
        _point("polled")
        return found


class Sockets:
    """`_socket` as a module that makes sockets sees it."""

    socket = Raw

    def __getattr__(self, name: str) -> Any:
        return getattr(_socket, name)


def left_open() -> int:
    """How many of the server's ends are open; those taken from another are among them."""
    return sum(item.fileno() != -1 for item in _open if isinstance(item, Raw))


def close_all() -> None:
    """Close what the run has left open."""
    for item in _open:
        try:
            (super(Raw, item) if isinstance(item, Raw) else item).close()
        except OSError:
            pass
    _open.clear()
    _lost.clear()
