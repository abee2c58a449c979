"""Who has left: calls back when a client disconnects, whatever its stream is doing."""

from __future__ import annotations

import math
import os
import select
import threading
import time
from collections.abc import Callable
from typing import Any, Final, Protocol
from weakref import WeakSet

from poslogs.servers.sockets import Connection, stop_reading
from poslogs.supervisor import IDLE_SECONDS, Loop, Supervisor

LOOK_SECONDS: Final = 0.5  # between two looks for what the kernel does not tell
LOOKS: Final = 8  # in a heartbeat that is shorter than four seconds
ROUNDS: Final = 3  # in a heartbeat, at least: so often each is looked at, where the kernel tells of closed ones
PATIENCE: Final = 0.5  # of a heartbeat: for so long a reader may leave unanswered what the kernel sends again
SENDING_AGAIN_SECONDS: Final = 0.75  # until the kernel does so and that is seen
LEAST_PATIENCE_SECONDS: Final = 0.25
SETTLING_SECONDS: Final = 0.1  # at most, from the moment that a stream counts as sent what it hands over, until it is
GATHER_SECONDS: Final = 0.01  # after some have closed; each time that it waits again, the kernel goes through them all
GRACE_SECONDS: Final = 0.2  # for the request of a connection that is accepted as the server stops


class Sender(Protocol):
    """What sends on a connection."""

    @property
    def beat_due(self) -> float:
        """On the clock: a heartbeat's length after something was sent."""


class Watch:
    """One connection that is watched, until `Disconnects` has found that it left, or whoever watches stops."""

    __slots__ = ("connection", "left", "number", "over", "sender", "signs", "taken", "told", "until_reset")

    def __init__(
        self, connection: Connection, left: Callable[[], None], sender: Sender | None, until_reset: bool
    ) -> None:
        self.connection = connection
        self.left = left
        self.sender = sender
        self.number = -1 if connection.socket is None else connection.socket.fileno()
        self.until_reset = until_reset
        self.signs = 0 if until_reset else _RDHUP  # by which the kernel knows that it has left, beside the usual ones
        self.told = False  # the kernel tells when it closes
        self.over = False
        self.taken: threading.Event | None = None  # somebody looks into whether it has left; set when that is known


class Disconnects:
    """Calls back when a client leaves; two loops for all connections.

    With epoll (Linux) the kernel tells of those that close; elsewhere a look every LOOK_SECONDS does. One whose
    network is gone says nothing: it is found within two heartbeats, as the first goes unanswered
    (docs/decisions/0007-lost-and-stalled.md).

    The kernel names a descriptor by its number, which may be another connection's by the time that this is read. So
    what it tells is a hint: the watch that has the number is taken, and then its own socket is asked. While a watch is
    taken its owner cannot close the socket (`watch` returns what waits for that), so the number stays its own.

    gevent hides `epoll` from programs that it patches, and its `poll` changes greenlets: our worker hands both over.
    """

    def __init__(self, supervisor: Supervisor, heartbeat: float = 15.0) -> None:
        self.epoll: Any = getattr(select, "epoll", None)
        self.poll: Any = getattr(select, "poll", None)
        self._supervisor = supervisor
        self._pause = min(LOOK_SECONDS, heartbeat / LOOKS)
        self._patience = max(LEAST_PATIENCE_SECONDS, min(heartbeat * PATIENCE, heartbeat - SENDING_AGAIN_SECONDS))
        # A heartbeat, its being sent again, a round, patience and two looks are to fit into two heartbeats.
        spare = heartbeat - self._patience - SENDING_AGAIN_SECONDS - 2 * self._pause
        self._every = min(max(self._pause, spare), heartbeat / ROUNDS)
        self._settling = SETTLING_SECONDS - heartbeat
        self._lock = threading.Lock()
        self._watches: dict[object, Watch] = {}  # by number those of whom the kernel tells, else by themselves
        self._kernel: Any = None  # an epoll of them
        self._pid = 0
        self._tracked: WeakSet[Any] = WeakSet()
        self._released = False
        self._asking = False  # each must be asked at every look whether it has closed
        self._round: list[Watch] = []  # who is still to be looked at in this round
        self._share = 1  # of it, at each look
        self._unanswered: list[Watch] = []

    def track(self, lent: Any) -> None:
        """Know a connection from its beginning on, whether or not it ever asks for anything."""
        with self._lock:
            self._tracked.add(lent)
        if self._released:
            waiter = select.poll()
            waiter.register(lent.fileno(), select.POLLIN)
            waiter.poll(GRACE_SECONDS * 1000)
            stop_reading(lent)

    def release_idle(self) -> None:
        """Let go of what would hold up a stop: connections that ask for nothing, and streams that nobody reads.

        What a connection sends within GRACE_SECONDS of its beginning is still read and answered.
        """
        self._released = True
        time.sleep(GRACE_SECONDS)
        with self._lock:
            watches = list(self._watches.values())
            tracked = list(self._tracked)
        for lent in tracked:
            stop_reading(lent)
        for watch in watches:
            if self._take(watch):
                watch.connection.shut()
                self._put_back(watch)

    def watch(
        self,
        connection: Connection,
        left: Callable[[], None],
        sender: Sender | None = None,
        *,
        until_reset: bool = False,
    ) -> Callable[[], None]:
        """Have `left` called once when the client goes; it may leave a note, and neither wait nor stop watching.

        What is returned stops watching, and may be called again; the connection must not be closed before. Where a
        `sender` is given, the connection is not looked at while nothing new was sent on it.
        `until_reset`: a client that has closed its sending side is still there, as one may who waits for one answer.
        """
        watch = Watch(connection, left, sender, until_reset)
        if connection.socket is None and connection.asked is None:
            return lambda: None
        if connection.socket is not None and watch.number == -1:
            left()
            return lambda: None
        with self._lock:
            if self._pid != os.getpid():
                self._begin()
        self._supervisor.ensure("losses", self._find_lost)
        if self._kernel is not None and connection.socket is not None:
            watch.told = True
            self._supervisor.ensure("closings", self._find_closed)
        with self._lock:
            if watch.told:
                self._register(watch)
                self._watches[watch.number] = watch
            else:
                self._watches[watch] = watch
                self._asking = True
        return lambda: self._stop(watch)

    def _begin(self) -> None:
        # In each process anew: an epoll that is shared with a parent tells each of the other's connections.
        self._kernel = self.epoll() if self.epoll is not None else None
        self._watches, self._round, self._unanswered = {}, [], []
        self._pid = os.getpid()

    def _register(self, watch: Watch) -> None:
        signs = select.POLLHUP | select.POLLERR | watch.signs
        try:
            self._kernel.register(watch.number, signs)
        except FileExistsError:  # one that was closed before its watch was stopped, and is held open elsewhere
            self._kernel.modify(watch.number, signs)

    def _stop(self, watch: Watch) -> None:
        while True:
            with self._lock:
                taken = watch.taken
                if taken is None:
                    self._drop(watch)
                    return
            taken.wait()

    def _drop(self, watch: Watch) -> None:
        watch.over = True
        key: object = watch.number if watch.told else watch
        if self._watches.get(key) is not watch:
            return
        del self._watches[key]
        if watch.told:
            try:
                self._kernel.unregister(watch.number)
            except OSError:
                pass  # closed already, and so forgotten by the kernel

    def _take(self, watch: Watch) -> bool:
        """Keep a connection from being closed until `_put_back`; False when nobody watches it any more."""
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

    def _settle(self, watch: Watch, has_left: Callable[[], bool | None], *, lost: bool = False) -> None:
        """Call back when the client of a watch has really left; `has_left` asks its own socket."""
        if not self._take(watch):
            return
        left = False
        try:
            left = bool(has_left())
            if left:
                watch.left()
                # Whoever waits to send to it goes on at once, and ends what is left.
                watch.connection.cut() if lost else watch.connection.shut()
        finally:
            self._put_back(watch, left=left)

    def _is_closed(self, watch: Watch) -> bool:
        """Whether the other side has closed or reset this very connection."""
        waiter = self.poll()
        waiter.register(watch.number, watch.signs)
        return bool(waiter.poll(0))

    def _find_closed(self, loop: Loop) -> None:
        """Wait for the kernel to tell of connections that close."""
        waiter = select.poll()  # waits in greenlets too, where epoll itself would stop them all
        waiter.register(self._kernel.fileno(), select.POLLIN)
        while True:
            loop.turn()
            if not waiter.poll(IDLE_SECONDS * 1000):
                continue
            numbers = [number for number, _ in self._kernel.poll(0)]
            with self._lock:
                watches = [watch for number in numbers if (watch := self._watches.get(number)) is not None]
            for watch in watches:
                self._settle(watch, lambda watch=watch: self._is_closed(watch))  # type: ignore[misc]
            time.sleep(GATHER_SECONDS)

    def _find_lost(self, loop: Loop) -> None:
        while True:
            loop.turn()
            time.sleep(self._pause)
            self._look(time.monotonic())

    def _look(self, now: float) -> None:
        """Find those of whom the kernel does not tell; a microsecond each.

        Where it tells of those that close, each is looked at ROUNDS times in a heartbeat or more, and at every look
        once it has left something unanswered.
        """
        with self._lock:
            watches = list(self._watches.values()) if self._asking else [*self._unanswered, *self._next_of_round()]
        self._unanswered = []
        for watch in watches:
            connection, sender = watch.connection, watch.sender
            if watch.over:
                continue
            if not watch.told and not watch.until_reset and connection.gone():
                self._settle(watch, connection.gone)
                continue
            due = sender.beat_due if sender is not None else 0.0
            if due and due == connection.settled:
                continue
            unanswered = connection.unanswered(now)
            if unanswered is None:
                if connection.quiet and due + self._settling < now:  # it had really been sent when we looked
                    connection.settled = due
                continue
            self._unanswered.append(watch)
            if unanswered >= self._patience:
                self._settle(watch, lambda it=connection: (it.unanswered(now) or 0.0) >= self._patience, lost=True)  # type: ignore[misc]

    def _next_of_round(self) -> list[Watch]:
        if not self._round:
            self._round = list(self._watches.values())
            self._share = math.ceil(len(self._round) * self._pause / self._every)
        part = self._round[-self._share :]
        del self._round[-self._share :]
        return part


_RDHUP: Final = 0x2000  # the other side has shut down writing (epoll_ctl(2)); select does not name it everywhere
