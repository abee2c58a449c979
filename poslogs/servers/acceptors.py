"""The acceptors of a gevent worker: what accepts connections at its listeners, and ends before its streams do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gevent
from gevent.server import StreamServer


class Named:
    """What a connection needs of its listener: its name, also once that is closed. Without it gunicorn resets it."""

    def __init__(self, name: Any) -> None:
        self._name = name

    def getsockname(self) -> Any:
        """As a socket has it."""
        return self._name


class Acceptors:
    """One worker's. gunicorn makes one for each listener, and closes it too, but up to a second after a stop began."""

    def __init__(self, handle: Callable[[Any, Any, Any], None], *, alone: bool) -> None:
        """`handle` gets the name of a listener, and a connection with its address. `alone`: no other worker accepts."""
        self._handle = handle
        self._alone = alone
        self._all: list[StreamServer] = []

    def accept_at(self, listener: Any, spawn: Any, **tls: Any) -> StreamServer:
        """Accept at a listener from the server's `start` on, as gunicorn's own gevent worker does."""
        server = StreamServer(listener, handle=partial(self._handle, Named(listener.getsockname())), spawn=spawn, **tls)
        if not self._alone:
            server.max_accept = 1
        self._all.append(server)
        return server

    def close(self) -> None:
        """Accept nothing more, so that whoever comes back during a reload meets the next worker."""
        for server in self._all:
            server.close()


def report_as_news(is_news: Callable[[BaseException], bool]) -> None:
    """Leave out what is not news of what gevent reports: a failed accept goes to its hub, which writes to stderr."""
    hub = gevent.get_hub()
    report = hub.handle_error

    def handle_error(context: Any, kind: Any, error: Any, trace: Any) -> None:
        if is_news(error):
            report(context, kind, error, trace)

    hub.handle_error = handle_error
