"""The log of poslogs itself, on stderr: one line a message, and no token in it."""

from __future__ import annotations

import logging
import sys

from poslogs.plain import plain
from poslogs.servers.discretion import DISCRETION


class _OneLine(logging.Formatter):
    """Keeps a message on one line: the name of an environment or client may hold a line break, to forge a line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name for it
        return plain(super().formatMessage(record))


def write_to_stderr(level: str) -> None:
    """Have what poslogs logs written to stderr from this level on, by its name in logging; tokens are left out."""
    ours = logging.getLogger("poslogs")
    ours.setLevel(level)
    if not ours.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        handler.addFilter(DISCRETION)
        ours.addHandler(handler)
        ours.propagate = False
    for name in ("werkzeug", "waitress"):  # they quote requests
        logging.getLogger(name).addFilter(DISCRETION)
