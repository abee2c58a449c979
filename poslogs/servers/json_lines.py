"""JSON lines: what is logged and printed as one JSON object a line, where POSLOGS_LOG_FORMAT is json.

gunicorn's master imports this module: the standard library and pythonjsonlogger only.
"""

from __future__ import annotations

import logging
import os
from typing import Any, Final

from pythonjsonlogger.json import JsonFormatter

VARIABLE: Final = "POSLOGS_LOG_FORMAT"
JSON: Final = "json"
UNSHOWN: Final = (
    "A token was made for this run, and a log in JSON does not show it: "
    "`python -m poslogs token new NAME` makes one that lasts."
)


class JsonLines(JsonFormatter):
    """A record as an object: time (UTC), level, logger, pid, message, traceback, and the fields of an access line."""

    def __init__(self) -> None:
        names = {"levelname": "level", "name": "logger", "process": "pid", "exc_info": "traceback"}
        super().__init__(["levelname", "name", "process", "message"], rename_fields=names, timestamp="time")

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Take what the record has into `log_data`, a traceback without the tokens that a filter took out of it."""
        if record.exc_text:
            message_dict["exc_info"] = record.exc_text
        super().add_fields(log_data, record, message_dict)
        log_data.update(log_data.pop("fields", {}))


def wanted() -> bool:
    """Whether the process's variables ask for JSON, whatever else is wrong with them."""
    return os.environ.get(VARIABLE, "").strip().lower() == JSON


def line(text: str, level: int) -> str:
    """What is printed beside the log, as a line of it where JSON is wanted; else the text as it is."""
    if not wanted():
        return text
    return JsonLines().format(logging.LogRecord("poslogs", level, "", 0, text, None, None))


def format_gunicorn(log: Any) -> None:
    """Have what gunicorn's logger writes by handlers of its own written as JSON, if that is wanted."""
    for logger in (log.error_log, log.access_log) if wanted() else ():
        for handler in logger.handlers:
            if getattr(handler, "_gunicorn", False):  # an operator's logconfig has its own format
                handler.setFormatter(JsonLines())
