"""An entry: one row of platformOS as every reader sees it, whatever the row looks like."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import orjson

from poslogs.platformos.answers import TOO_LARGE, Unreadable
from poslogs.platformos.ids import MAX_ID, position
from poslogs.platformos.timestamps import timestamp

MAX_ENTRY_BYTES: Final = 8 * 1024 * 1024  # of an entry as JSON, as it travels
SPARE_BYTES: Final = 4096  # entries up to this size are copied, which frees the rest of orjson's buffer
MAX_KIND_CHARS: Final = 1000  # of an error_type that are kept for filters; a filter is shorter
MAX_MESSAGE_BYTES: Final = 2 * 1024 * 1024  # of UTF-8; a longer message is cut and marked
TYPES: Final = ("error", "warn", "debug", "info")


class BadRow(Exception):
    """A row that cannot be an entry: not an object, without a usable id, or more than JSON can carry."""


class Kind(NamedTuple):
    """What filters compare; entries of one kind share it."""

    type: str  # one of TYPES
    error_type: str  # platformOS's own text, MAX_KIND_CHARS of it


class Entry(NamedTuple):
    """What readers, filters and resuming need of a row.

    `json` is the guide's entry: id, timestamp, type, message, data, env, error_type, and `cut` where it was cut.
    """

    id: int
    kind: Kind
    json: bytes

    @property
    def type(self) -> str:
        """One of TYPES."""
        return self.kind.type

    @property
    def error_type(self) -> str:
        """platformOS's own text, MAX_KIND_CHARS of it."""
        return self.kind.error_type

    @property
    def timestamp(self) -> str:
        """Its time, as text that sorts; NO_TIME when its row had none."""
        return self.json.split(b'"', 8)[7].decode()

    @classmethod
    def from_row(cls, row: object, env: str) -> Entry:
        """Make an entry of a row; a missing field gets "", {}, `error` or NO_TIME. Raises BadRow."""
        if not isinstance(row, dict):
            raise BadRow(row.reason if isinstance(row, Unreadable) else "a row that is not an object")
        number = row.get("id")
        if type(number) is not int or not 0 < number <= MAX_ID:
            number = position(number)
            if not number:
                raise BadRow("a row without a usable id")
        error_type = row.get("error_type")
        if not isinstance(error_type, str):
            error_type = "" if error_type is None else _json(error_type)
        kind = (
            _kind(error_type) if len(error_type) <= 100 else _kind.__wrapped__(error_type)
        )  # long texts would fill the cache
        message = row.get("message")
        if not isinstance(message, str):
            message = "" if message is None else _json(message)
        data = row.get("data")
        if not isinstance(data, dict):
            data = {} if data is None else {"value": data}
        fields: dict[str, object] = {
            "id": str(number),
            "timestamp": timestamp(row.get("created_at")),
            "type": kind.type,
            "message": message,
            "data": data,
            "env": env,
            "error_type": error_type,
        }
        if (
            len(message) * 4 > MAX_MESSAGE_BYTES
            and len(whole := message.encode("utf-8", "replace")) > MAX_MESSAGE_BYTES
        ):
            fields["message"] = whole[:MAX_MESSAGE_BYTES].decode("utf-8", "ignore")
            fields["cut"] = True
        try:
            json = orjson.dumps(fields)
        except orjson.JSONEncodeError:
            raise BadRow("a row that is nested too deeply") from None
        if len(json) <= SPARE_BYTES:
            json = b"%b" % json  # orjson's own buffer has 4 KB, however short the text is
        elif len(json) * 6 > MAX_ENTRY_BYTES:
            escaped = len(json) + 5 * json.count(b"\x7f") + 4 * json.count(b"\xc2")  # as it travels in a frame
            if escaped > MAX_ENTRY_BYTES:
                raise BadRow(TOO_LARGE)
        return cls(number, kind, json)


def shortened(json: bytes, most: int | None) -> bytes:
    """An entry's JSON without texts of more than `most` bytes (None: any), marked `cut` where something is left out.

    `message` and `error_type` are cut at the end of a character (UTF-8); `data` that is longer becomes {}.
    """
    if most is None or len(json) <= most:
        return json
    fields = orjson.loads(json)
    cut: dict[str, object] = {}
    for name in ("message", "error_type"):
        text = fields[name].encode()
        if len(text) > most:
            cut[name] = text[:most].decode("utf-8", "ignore")
    if len(orjson.dumps(fields["data"])) > most:
        cut["data"] = {}
    return orjson.dumps(fields | cut | {"cut": True}) if cut else json


@lru_cache(maxsize=1024)
def _kind(error_type: str) -> Kind:
    """The first of TYPES that the text contains, ignoring case, else `info`; `error` for "", as in pos-cli."""
    lower = error_type.lower() or "error"
    return Kind(next((type_ for type_ in TYPES if type_ in lower), "info"), error_type[:MAX_KIND_CHARS])


def _json(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        raise BadRow("a row that is nested too deeply") from None
