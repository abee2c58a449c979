"""A call that streams: its events as an event stream, with the one answer at the end."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, Final

import orjson

from poslogs.agents.events import Event, Outcome
from poslogs.doors.mcp.envelope import INTERNAL, Call
from poslogs.doors.mcp.methods import told

log = logging.getLogger("poslogs.mcp")

OPEN: Final = b": open\n\n"
PING: Final = b": ping\n\n"

_BREAKS: Final = re.compile("\u2028|\u2029|\x85".encode())  # some parsers of lines break at these; JSON may hold them


class Sse:
    """The response's body. `close` may be called at any time; it calls `release`, begun or not."""

    def __init__(
        self,
        call: Call,
        events: Iterator[Event],
        release: Callable[[], None],
        heartbeat: float,
    ) -> None:
        self._call = call
        self._events = events
        self._release = release
        self._heartbeat = heartbeat
        self._frames = self._run()

    def __iter__(self) -> Iterator[bytes]:
        return self._frames

    def close(self) -> None:
        """The server is done with it, or the caller has gone."""
        self._frames.close()
        self._release()

    def _run(self) -> Generator[bytes, None, None]:
        yield OPEN
        sent = time.monotonic()
        try:
            for event in self._events:
                if isinstance(event, Outcome):
                    yield frame(told(self._call, event))
                    return
                message = None if event is None else self._call.notification(event)
                if message is not None or time.monotonic() - sent >= self._heartbeat:
                    yield PING if message is None else frame(message)
                    sent = time.monotonic()
        except Exception:  # the status has gone out: the failure is the last message
            log.exception("A call of %s failed.", self._call.method)
            yield frame(self._call.fault(INTERNAL, "Internal error").body)


def frame(message: dict[str, Any]) -> bytes:
    """A message as one frame, without an id: a client that saw one would try to resume."""
    return b"event: message\ndata: %b\n\n" % _BREAKS.sub(_escape, orjson.dumps(message))


def _escape(found: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % ord(found[0].decode())
