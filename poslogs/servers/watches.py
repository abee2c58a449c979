"""Watches: the connections that a process watches for clients that leave, each until it is known, or is stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from poslogs.servers.readiness import HALF_CLOSED, RESET, Readiness
from poslogs.servers.sockets import Connection

LEAVING: Final = HALF_CLOSED | RESET


class Sender(Protocol):
    """What sends on a connection."""

    @property
    def beat_due(self) -> float:
        """Monotonic: one heartbeat after something was sent last."""


class Watch:
    """One connection that is watched, until its client is found to have left or the watch is stopped.

    `left` is called once when it has; it neither waits nor stops the watch. `until_reset`: a client that has closed
    its sending side is still there.
    """

    __slots__ = ("connection", "in_kernel", "left", "number", "over", "sender", "signs", "taken", "until_reset")

    def __init__(
        self, connection: Connection, left: Callable[[], None], sender: Sender | None, *, until_reset: bool
    ) -> None:
        self.connection = connection
        self.left = left
        self.sender = sender
        self.number = -1 if connection.socket is None else connection.socket.fileno()
        self.until_reset = until_reset
        self.signs = RESET if until_reset else LEAVING
        self.in_kernel = False  # the kernel reports when it closes
        self.over = False
        self.taken: threading.Event | None = None  # its client is being asked; set when the answer is known


class Watches:
    """The watches of one process.

    The kernel names a descriptor by its number, which may be another connection's by the time that this is read. So a
    report is a hint: the watch that has the number is taken, and then its own socket is asked. Its owner cannot close
    the socket while it is taken, since `stop` waits, so the number stays its own.
    """

    def __init__(self, readiness: Readiness) -> None:
        self.readiness = readiness
        self.asking = False  # there was one of which the kernel does not report: all are asked at every look
        self._lock = threading.Lock()
        self._all: dict[object, Watch] = {}  # those in the kernel by number, others by themselves

    def all(self) -> list[Watch]:
        """Those that are watched now."""
        with self._lock:
            return list(self._all.values())

    def named(self, numbers: Iterable[int]) -> list[Watch]:
        """Those in the kernel that have these numbers now."""
        with self._lock:
            return [watch for number in numbers if (watch := self._all.get(number)) is not None]

    def add(self, watch: Watch) -> None:
        """Watch one more, by the kernel where it can."""
        watch.in_kernel = self.readiness.can_watch and watch.connection.socket is not None
        with self._lock:
            if watch.in_kernel:
                self.readiness.add(watch.number, watch.signs)
                self._all[watch.number] = watch
            else:
                self._all[watch] = watch
                self.asking = True

    def stop(self, watch: Watch) -> None:
        """Stop watching, as soon as nobody has the watch taken. May be called again."""
        while True:
            with self._lock:
                taken = watch.taken
                if taken is None:
                    self._drop(watch)
                    return
            taken.wait()

    def shut(self, watch: Watch) -> None:
        """End a connection both ways, unless its watch is over."""
        if self._take(watch):
            watch.connection.shut()
            self._put_back(watch)

    def settle(self, watch: Watch, has_left: Callable[[], bool | None], *, lost: bool = False) -> None:
        """Call back when the client has really left: `has_left` asks the connection's own socket.

        `lost`: what was not sent yet is not kept for it.
        """
        if not self._take(watch):
            return
        left = False
        try:
            left = bool(has_left())
            if left:
                watch.left()
                # An owner that waits to send goes on at once, and ends the stream.
                watch.connection.cut() if lost else watch.connection.shut()
        finally:
            self._put_back(watch, left=left)

    def _drop(self, watch: Watch) -> None:
        watch.over = True
        key: object = watch.number if watch.in_kernel else watch
        if self._all.get(key) is not watch:
            return
        del self._all[key]
        if watch.in_kernel:
            self.readiness.discard(watch.number)

    def _take(self, watch: Watch) -> bool:
        """Keep a connection from being closed until `_put_back`; False when the watch is over or taken."""
        with self._lock:
            if watch.over or watch.taken is not None:
                return False
            watch.taken = threading.Event()
            return True

    def _put_back(self, watch: Watch, *, left: bool = False) -> None:
        with self._lock:
            taken, watch.taken = watch.taken, None
            if left:
                self._drop(watch)
        assert taken is not None
        taken.set()
