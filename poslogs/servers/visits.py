"""Visits: the connections that a worker holds, and which of them are closed when time or room runs out.

Anybody who reaches the port may open connections. Strangers never use up what a worker has: a connection that waits
for its client is closed when its time is over, and sooner where there is hardly room for others. Streams are not cut,
nor is a request with a valid token (docs/decisions/0015-visits.md). gunicorn's master imports this module.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from poslogs.servers.precedence import first_to_go, is_owed
from poslogs.servers.sockets import cut, stop_reading
from poslogs.servers.visit import CLOSING, IN_THREAD, MIDDLE, QUEUED, WAITING, Bounds, Visit

if TYPE_CHECKING:
    from poslogs.supervisor import Loop

log = logging.getLogger("poslogs.visits")

HEADS_BYTES: Final = 16 * 1024 * 1024  # of all heads together that are not whole yet
LOOK_SECONDS: Final = 0.2  # how often deadlines are checked
PAUSE_SECONDS: Final = 0.05  # room is made no oftener than this
QUEUED_SECONDS: Final = 0.1  # when a request has waited this long for a thread, strangers hold too many
LEAST_ROOM: Final = 2  # connections that are kept free, at least
MOST_ROOM: Final = 64  # and at most
TELL_SECONDS: Final = 60.0  # between two log lines of the same kind


class Visits:
    """All visits of a worker's; `watch` is the loop that cuts.

    `whose` maps the address of a connection to the one that it is counted for, None where it is not counted, such as
    a proxy's. Connections come and leave in one thread, or in any greenlet. `there` runs a function in that thread: a
    connection that was being closed meanwhile would be cut by a descriptor that is another's by then.
    """

    def __init__(
        self, bounds: Bounds, whose: Callable[[str], str | None], there: Callable[[Callable[[], None]], None]
    ) -> None:
        self._bounds = bounds
        self._room = max(LEAST_ROOM, min(MOST_ROOM, bounds.connections // 8))
        self._whose = whose
        self._there = there
        self._all: dict[object, Visit] = {}
        self._by_whose: dict[str, set[Visit]] = {}
        self._made_room = 0.0
        self._told: dict[str, float] = {}

    def come(self, key: object, address: Any, socket: Callable[[], Any]) -> Visit | None:
        """Begin the visit of a connection; `address` is what `accept` returned. None when its address has too many."""
        whose = self._whose(address[0]) if isinstance(address, tuple) else None
        if whose is not None and not self._may_come(whose):
            self._tell("each", "More than %d connections at once from %s are refused (POSLOGS_ADDRESS_CONNECTIONS).",
                       self._bounds.each, whose)  # fmt: skip
            return None
        visit = self._all[key] = Visit(socket, whose)
        if whose is not None:
            self._by_whose.setdefault(whose, set()).add(visit)
        if self._bounds.connections - len(self._all) < self._room:
            self.make_room()
        return visit

    def of(self, key: object) -> Visit | None:
        """The visit that came by this key; None once it has left."""
        return self._all.get(key)

    def leave(self, key: object) -> None:
        """End a visit: its connection is closed. May be called again."""
        visit = self._all.pop(key, None)
        if visit is None:
            return
        visit.left = True
        if visit.whose is None:
            return
        theirs = self._by_whose[visit.whose]
        theirs.discard(visit)
        if not theirs:
            del self._by_whose[visit.whose]

    def grew(self, key: object, size: int) -> None:
        """Note that the head on a connection has `size` bytes so far, and is not whole."""
        visit = self._all.get(key)
        if visit is not None:
            visit.size = size

    def make_room(self) -> None:
        """Cut connections that wait for their clients, until twice the needed room is free."""
        now = time.monotonic()
        if now - self._made_room < PAUSE_SECONDS:
            return
        self._made_room = now
        visits = list(self._all.values())
        missing = 2 * self._room - (self._bounds.connections - len(visits)) - sum(visit.cut for visit in visits)
        self._cut(list(islice(first_to_go(visits, now), max(0, missing))))

    def watch(self, loop: Loop) -> None:
        """Cut visits whose time is over, and those that must make room. Never returns."""
        while True:
            loop.turn()
            time.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """One round of `watch`."""
        now = time.monotonic()
        visits = list(self._all.values())
        for visit in visits:
            since = visit.since
            if visit.cut:
                self._end(visit, visit.cut_since)  # again, where a TLS handshake has changed the socket meanwhile
            elif visit.is_late(now, self._bounds):
                self._let_go(visit) if visit.state == CLOSING else self._end(visit, since)
        if self._bounds.connections - len(visits) < self._room:
            self.make_room()
        self._free_threads(visits, now)
        self._bound_heads(visits)

    def _may_come(self, whose: str) -> bool:
        theirs = self._by_whose.get(whose, ())
        if (
            len(theirs) < self._bounds.each
            or sum(not visit.cut and not visit.is_streaming() for visit in theirs) < self._bounds.each
        ):
            return True
        idle = [visit for visit in theirs if visit.served and visit.state == WAITING]
        going = list(islice(first_to_go(idle, time.monotonic()), 1))
        for visit, since in going:
            self._end(visit, since)  # an idle one makes room for the new one
        return bool(going)

    def _free_threads(self, visits: list[Visit], now: float) -> None:
        """Cut as many strangers who hold threads as requests wait for one, where all threads are held.

        On a busy machine a request may wait for its turn while threads are free: then nobody is to blame.
        """
        threads = self._bounds.threads
        if threads is None or sum(visit.state in IN_THREAD for visit in visits) < threads:
            return
        queued = sum(visit.state == QUEUED and now - visit.since > QUEUED_SECONDS for visit in visits)
        if queued:
            middle = [visit for visit in visits if visit.state in MIDDLE]
            self._cut(list(islice(first_to_go(middle, now, threads=True), queued)))

    def _bound_heads(self, visits: list[Visit]) -> None:
        if sum(visit.size for visit in visits) > HEADS_BYTES:
            heads = sorted((it for it in visits if it.size and not it.cut), key=lambda it: -it.size)
            self._cut([(visit, visit.since) for visit in heads[: len(heads) // 2 + 1]], unread=True)

    def _cut(self, going: list[tuple[Visit, float]], *, unread: bool = False) -> None:
        for visit, since in going:
            self._end(visit, since, unread=unread)
        if going:
            self._tell("room", "Connections run short: those of strangers that wait for their clients are closed.")

    def _end(self, visit: Visit, since: float, *, unread: bool = False) -> None:
        """Cut a connection: the thread or greenlet that waits for its client goes on at once, and closes it.

        `since` is the visit's as it was chosen: one that has gone on meanwhile is kept, and so is one whose client has
        sent what is not read yet, except with `unread`.
        """
        if not visit.cut:
            visit.cut, visit.cut_since = True, since

        def end() -> None:
            if visit.left or not visit.cut:
                return
            if visit.since != visit.cut_since or (is_owed(visit) and not unread):
                visit.cut = False
            else:
                cut(visit.socket())

        self._there(end)

    def _let_go(self, visit: Visit) -> None:
        """Stop waiting for a client to close its side too; what is on its way to the client is still sent."""

        def let_go() -> None:
            if not visit.left and visit.state == CLOSING:
                stop_reading(visit.socket())

        self._there(let_go)

    def _tell(self, kind: str, message: str, *args: object) -> None:
        now = time.monotonic()
        if now - self._told.get(kind, float("-inf")) >= TELL_SECONDS:
            self._told[kind] = now
            log.warning(message, *args)
