"""The host: the WSGI server that runs the app, and how many streams it can hold, as its first request shows.

Under a server that serves one request at a time no stream is opened, and a sentence says what to start instead.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from poslogs.access.slots import Slots
from poslogs.errors import Unavailable
from poslogs.servers.capacity import room
from poslogs.servers.server import obstacle, server_of, streams, threads_of, unbounded
from poslogs.servers.stops import Stops

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("poslogs.host")


class Host:
    """The server that runs the app. Nothing is known of it before `learn` or `settle`.

    `stops` end streams with a server that is not ours. `share` has this process share limits and polls
    with others from then on; without it each process would count by itself.
    """

    def __init__(
        self, slots: Slots[Any], stops: Stops | None = None, *, share: Callable[[], None] | None = None
    ) -> None:
        self.known = False
        self._share = share
        self.stops = stops
        self._slots = slots
        self._own = slots.capacity  # the operator's bound
        self._obstacle = ""  # why no stream can be held, and what to start instead
        self._first = threading.Lock()  # the first request takes it for good, and alone writes to the log

    def settle(self, streams: int, threads: int | None) -> None:
        """Take what a worker of ours has computed: `streams` and `threads` (None: greenlets) that it can hold."""
        self._slots.capacity = streams
        self._slots.room.places = room(threads)
        self.known = True

    def check(self) -> None:
        """Raise Unavailable if the server can hold no stream, which does not change while it runs."""
        if self._obstacle:
            raise Unavailable(f"No stream is opened here: {self._obstacle}.")

    def learn(self, environ: Mapping[str, Any], start_response: object) -> None:
        """Learn from a request what the server can hold; log once what its operator should know."""
        server = server_of(environ, getattr(start_response, "__self__", None))
        self._obstacle = obstacle(environ, server, shared=self._share is not None)
        self._slots.capacity = 0 if self._obstacle else streams(environ, server, self._own)
        self._slots.room.places = None if self._obstacle else room(threads_of(server))
        self.known = True
        if not self._first.acquire(blocking=False):
            return
        if self._share is not None:
            self._share()
        if self._obstacle:
            log.error("No stream is opened here: %s.", self._obstacle)
            return
        if self.stops is not None:
            self.stops.follow()
        threads = threads_of(server)
        log.info(
            "Up to %s streams at once are held here, under %s%s.",
            self._slots.capacity,
            server.name,
            "" if threads is None else f" with {threads} threads",
        )
        if self._own is None and unbounded(environ, server):
            log.warning(
                "This server does not say how many requests it serves at once, and hangs when each of its threads "
                "holds a stream: set POSLOGS_MAX_STREAMS to fewer than its threads."
            )


class Hosted:
    """The app; by its first request `host` learns of the server."""

    def __init__(self, app: WSGIApplication, host: Host) -> None:
        self.app = app
        self._host = host

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as the app does."""
        if not self._host.known:
            self._host.learn(environ, start_response)
        return self.app(environ, start_response)
