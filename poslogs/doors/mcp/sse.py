"""A call that streams: its events as an event stream, with the one answer at the end."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from typing import Any, Final

import orjson

from poslogs.agents.events import Event, Outcome
from poslogs.doors.mcp.envelope import INTERNAL, Call
from poslogs.doors.mcp.methods import answer_of

log = logging.getLogger("poslogs.mcp")

OPEN: Final = b": open\n\n"
PING: Final = b": ping\n\n"

_BREAKS: Final = re.compile("\u2028|\u2029|\x85".encode())  # some parsers of lines break at these; JSON may hold them


def frames(call: Call, events: Iterator[Event], heartbeat: float) -> Iterator[bytes]:
    """The response's body: something at once, the call's messages as they come, pings in silence, and the answer."""
    yield OPEN
    sent = time.monotonic()
    try:
        for event in events:
            if isinstance(event, Outcome):
                yield frame(answer_of(call, event))
                return
            message = None if event is None else call.notification(event)
            if message is not None or time.monotonic() - sent >= heartbeat:
                yield PING if message is None else frame(message)
                sent = time.monotonic()
    except Exception:  # the status has gone out: the failure is the last message
        log.exception("A call of %s failed.", call.method)
        yield frame(call.fault(INTERNAL, "Internal error").body)


def frame(message: dict[str, Any]) -> bytes:
    """A message as one frame, without an id: a client that saw one would try to resume."""
    return b"event: message\ndata: %b\n\n" % _BREAKS.sub(_escape, orjson.dumps(message))


def _escape(found: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % ord(found[0].decode())
