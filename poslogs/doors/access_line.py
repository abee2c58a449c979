"""The access line: what the log says of a stream once it is over."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from poslogs.access.client import Client
from poslogs.streaming.driven import Driven

log = logging.getLogger("poslogs.streams")  # its handler never waits (servers/own_log.py)

MOST_CHARACTERS: Final = 100  # of a client's id, or an environment's name; both are an operator's


def access_line(client: Client, stream: Driven, tool: str) -> Callable[[], None]:
    """A function that logs the line, for when the stream is closed; its seconds begin now.

    What the line holds is ours or the operator's: nothing in it was sent by the reader, or logged by an instance.
    """
    begun = time.monotonic()

    def write() -> None:
        fields = {
            "client": _short(client.id),
            "environment": _short(",".join(stream.names)),
            "tool": tool,
            "seconds": round(time.monotonic() - begun, 3),
            "entries": stream.entries,
            "reason": str(stream.reason or ""),
        }
        log.info("A stream is over.", extra={"fields": fields})

    return write


def _short(name: str) -> str:
    return name if len(name) <= MOST_CHARACTERS else f"{name[:MOST_CHARACTERS]}…"
