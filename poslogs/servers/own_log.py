"""The log of poslogs itself, on stderr: one line a message, as text or JSON, and no token in it."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from typing import Any, Final

from poslogs.plain import plain
from poslogs.servers.discretion import DISCRETION
from poslogs.servers.json_lines import JSON, JsonLines
from poslogs.servers.readiness import has_room

STREAMS: Final = "poslogs.streams"  # the logger of access lines
_SERVERS: Final = ("werkzeug", "waitress")  # they quote requests
_as_json: Final = json.JSONEncoder(ensure_ascii=False).encode  # `json.dumps` would make an encoder for each value


class _OneLine(logging.Formatter):
    """Keeps a message on one line: the name of an environment or client may hold a line break, to forge a line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name for it
        fields: dict[str, Any] = getattr(record, "fields", {})
        told = (f" {name}={_as_json(value)}" for name, value in fields.items())
        return plain(super().formatMessage(record) + "".join(told))


class Unhurried(logging.StreamHandler[Any]):
    """Writes a record where that needs no waiting; else leaves it out, and the next one says how many were.

    Each stream has a line, and the greenlet that ends a stream is not to stop all others because nobody reads the log.
    Lines are shorter than 4096 bytes (PIPE_BUF): for so many a pipe that has room has enough.
    """

    def __init__(self, stream: Any, has_room: Callable[[int], bool] = has_room) -> None:
        super().__init__(stream)
        self._has_room = has_room
        self._left_out = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, or count it."""
        try:
            room = self._has_room(self.stream.fileno())
        except (AttributeError, OSError, ValueError):  # a stream without a descriptor, or closed: as it likes
            room = True
        if not room:
            self._left_out += 1
            return
        if self._left_out:
            record.fields, self._left_out = {**getattr(record, "fields", {}), "left_out": self._left_out}, 0
        super().emit(record)


def write_to_stderr(level: str, form: str) -> None:
    """Have what poslogs logs written to stderr from this level on, by its name in logging; tokens are left out.

    `form` is "json" or "text".
    """
    as_json = form == JSON
    formatter = JsonLines() if as_json else _OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s")
    ours = logging.getLogger("poslogs")
    ours.setLevel(level)
    if not ours.handlers:
        _give(ours, _discreet(), formatter)
        _give(logging.getLogger(STREAMS), Unhurried(sys.stderr), formatter)  # nothing in its lines is from outside
    for name in _SERVERS:
        theirs = logging.getLogger(name)
        theirs.addFilter(DISCRETION)
        if as_json and not theirs.handlers:
            _give(theirs, _discreet(), formatter)


def _discreet() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(DISCRETION)
    return handler


def _give(logger: logging.Logger, handler: logging.Handler, formatter: logging.Formatter) -> None:
    handler.setFormatter(formatter)
    logger.addHandler(handler)
    logger.propagate = False
