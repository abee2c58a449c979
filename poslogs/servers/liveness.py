"""Who has left: calls back when a client disconnects, whatever its stream is doing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final
from weakref import WeakSet

from poslogs.per_process import PerProcess
from poslogs.servers.losses import Losses
from poslogs.servers.readiness import READABLE, Readiness, wait_for
from poslogs.servers.sockets import Connection, stop_reading
from poslogs.servers.watches import Sender, Watch, Watches
from poslogs.supervisor import IDLE_SECONDS, Loop, Supervisor

GATHER_SECONDS: Final = 0.01  # a pause after some have closed: at every new wait the kernel walks all connections
GRACE_SECONDS: Final = 0.2  # for the request of a connection that is accepted as the server stops


class Disconnects:
    """Calls back when a client leaves; two loops for all connections of a process.

    With epoll (Linux) the kernel reports those that close; elsewhere each is asked at every look. A client whose
    network is gone says nothing, and is found within two heartbeats. `heartbeat` is in seconds.
    """

    def __init__(self, supervisor: Supervisor, heartbeat: float = 15.0) -> None:
        self.make_readiness: Callable[[], Readiness] = Readiness.of_system  # our gevent worker puts its own here
        self._supervisor = supervisor
        self._finders = PerProcess(lambda: _Finders(self.make_readiness(), heartbeat))
        self._lock = threading.Lock()
        self._tracked: WeakSet[Any] = WeakSet()
        self._released = False

    def track(self, lent: Any) -> None:
        """Track a connection from its beginning, even if it never asks for anything."""
        with self._lock:
            self._tracked.add(lent)
        if self._released:
            wait_for(lent.fileno(), READABLE, GRACE_SECONDS)
            stop_reading(lent)

    def release_idle(self) -> None:
        """Let go of what would hold up a stop: connections that ask for nothing, and streams that nobody reads.

        What a connection sends within GRACE_SECONDS of its beginning is still read and answered.
        """
        self._released = True
        time.sleep(GRACE_SECONDS)
        watches = self._finders().watches
        with self._lock:
            tracked = list(self._tracked)
        watched = watches.all()
        for lent in tracked:
            stop_reading(lent)
        for watch in watched:
            watches.shut(watch)

    def watch(
        self,
        connection: Connection,
        left: Callable[[], None],
        sender: Sender | None = None,
        *,
        until_reset: bool = False,
    ) -> Callable[[], None]:
        """Have `left` called once when the client goes. `left` may leave a note; it must not wait or stop watching.

        The function that is returned stops watching, and may be called again. The connection must not be closed before.
        If a `sender` is given, the connection is not looked at while nothing new was sent on it.
        `until_reset`: a client that has closed its sending side is still there; it may wait for an answer.
        """
        watch = Watch(connection, left, sender, until_reset=until_reset)
        if connection.socket is None and connection.asked is None:
            return lambda: None
        if connection.socket is not None and watch.number == -1:
            left()
            return lambda: None
        finders = self._finders()
        self._supervisor.ensure("losses", finders.losses.find)
        if finders.watches.readiness.can_watch and connection.socket is not None:
            self._supervisor.ensure("closings", finders.find_closed)
        finders.watches.add(watch)
        return partial(finders.watches.stop, watch)


class _Finders:
    """What one process watches, and how it finds who has left.

    A child has its own: an epoll that is shared with the parent reports the connections of both to each.
    """

    def __init__(self, readiness: Readiness, heartbeat: float) -> None:
        self.watches = Watches(readiness)
        self.losses = Losses(self.watches, heartbeat)

    def find_closed(self, loop: Loop) -> None:
        """Wait for the kernel to report connections that close. Never returns."""
        watches, readiness = self.watches, self.watches.readiness
        while True:
            loop.turn()
            numbers = readiness.wait(IDLE_SECONDS)
            if not numbers:
                continue
            for watch in watches.named(numbers):
                watches.settle(watch, partial(readiness.shows, watch.number, watch.signs))
            time.sleep(GATHER_SECONDS)
