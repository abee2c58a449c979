"""The schemas of the inputs, with the bounds and units of the numbers in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poslogs.platformos.entries import MAX_MESSAGE_BYTES
from poslogs.query.parser import MAX_CHARS
from poslogs.streaming import positions

Schema = dict[str, object]  # JSON Schema, 2020-12

INTERVAL_MS: Final = (250, 3000, 3_600_000)  # least, default, most
DURATION_MS: Final = (1, 300_000, 86_400_000)
LIMIT: Final = (1, 100, 10_000)
MINUTES: Final = (1, 60, 10_080)
MESSAGE_BYTES: Final = (256, MAX_MESSAGE_BYTES)
MAX_TAIL: Final = positions.MAX_TAIL
MAX_FILTER_CHARS: Final = 200
MAX_FILTERS: Final = 20
MAX_TIME_CHARS: Final = 40
TIMES: Final = frozenset({"since", "until"})  # inputs that are a time, or how long ago, where they are no choice
UNITS: Final = {  # of the inputs that are numbers, as refusals name them
    "interval": "in milliseconds",
    "maxDuration": "in milliseconds",
    "minutes": "in whole minutes",
    "limit": "a whole number of entries",
    "tail": "a whole number of entries",
    "maxMessage": "in whole bytes",
}


def schema_of(*required: str, **properties: Mapping[str, object]) -> Schema:
    """The schema of an input: which of its properties must be given, and what each is."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def whole(bounds: tuple[int, int, int], text: str) -> Schema:
    """The schema of a whole number: least, default, most, and its description."""
    least, default, most = bounds
    return {"type": "integer", "minimum": least, "maximum": most, "default": default, "description": text}


ENV: Final = {
    "type": "string",
    "minLength": 1,
    "description": "Name of the environment, as platformos.env.list gives it; several with commas, or * for all.",
}
_FILTER: Final = {"type": "string", "minLength": 1, "maxLength": MAX_FILTER_CHARS}
_FILTER_TEXT: Final = "Only entries whose whole type or error_type is this, ignoring case, such as error or LiquidError"
FILTER: Final = {
    **_FILTER,
    "type": ["string", "array"],
    "items": _FILTER,
    "minItems": 1,
    "maxItems": MAX_FILTERS,
    "description": f"{_FILTER_TEXT}; or a list, for one of them.",
}
ONE_FILTER: Final = {**_FILTER, "description": f"{_FILTER_TEXT}."}  # for agents, whose hosts want one type
QUERY: Final = {
    "type": "string",
    "minLength": 0,
    "maxLength": MAX_CHARS,
    "description": "Only entries for which all terms hold, ignoring case. Terms, with blanks between: checkout or "
    '"not found" (in the message or data), /time.?out/ (RE2), type:error,warn, env:, message:, page:checkout/*, url:, '
    "partial:, user:, data.order.id:7, data.order.id:*; a - before a term excludes, as in -healthcheck.",
}
LAST_ID: Final = {
    "type": "string",
    "pattern": f"^([0-9]{{1,19}}|{positions.PATTERN})$",
    "description": "Id of the last entry that you have, or of the last frame; the entries after it follow.",
}
TAIL: Final = {
    "type": "integer",
    "minimum": 0,
    "maximum": MAX_TAIL,
    "description": "Start with this many of the newest entries; 0 skips the history.",
}
SINCE: Final = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_TIME_CHARS,
    "description": "Begin with the first entry at or after this time: ISO 8601, UTC where it names no zone, such as "
    "2026-11-28T10:00Z; or how long ago: 90s, 10m, 2h, 1d. In place of lastId.",
}
UNTIL: Final = {
    **SINCE,
    "description": "Only entries up to this time, written as since is; without a beginning the newest of them.",
}
AROUND: Final = {
    "type": "string",
    "pattern": "^[0-9]{1,19}$",
    "description": "Id of an entry to be shown with those around it: half of limit before it, half after. "
    "In place of lastId and since.",
}
MAX_MESSAGE: Final = {
    "type": "integer",
    "minimum": MESSAGE_BYTES[0],
    "maximum": MESSAGE_BYTES[1],
    "description": "Longest message in bytes, for clients that bound a line; a longer one is cut at the power of two "
    "at or below it, and its entry has cut: true. Longer data is left out.",
}
FOLLOWING: Final[dict[str, Mapping[str, object]]] = {  # the inputs of every tool that streams
    "env": ENV,
    "interval": whole(INTERVAL_MS, "Longest delay before a new entry is sent, in milliseconds."),
    "filter": FILTER,
    "query": QUERY,
    "lastId": LAST_ID,
    "tail": TAIL,
    "since": SINCE,
    "maxMessage": MAX_MESSAGE,
}
