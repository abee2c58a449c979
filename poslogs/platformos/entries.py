"""An entry: one row of platformOS as every reader sees it, whatever the row looks like."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Container
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Final, NamedTuple

import orjson

from poslogs.cooperation import let_others_run
from poslogs.platformos.answers import TOO_LARGE, Rows, Unreadable
from poslogs.platformos.ids import MAX_ID as MAX_ID
from poslogs.platformos.ids import position as position

MAX_REASONS: Final = 1000  # rows of one answer that are refused with a reason each
TURN_ROWS: Final = 1000
MAX_ENTRY_BYTES: Final = 8 * 1024 * 1024  # of an entry as JSON, as it travels
SPARE_BYTES: Final = 4096  # entries up to this size are copied, which frees what is spare
MAX_KIND_CHARS: Final = 1000  # of an error_type that are kept for filters, none of which is as long
MAX_MESSAGE_BYTES: Final = 2 * 1024 * 1024  # a longer message is cut and marked (contract, "Log entries")
NEWEST_FIRST_ROWS: Final = 20  # by descending id, by which a platformOS that answers newest first is known
TYPES: Final = ("error", "warn", "debug", "info")
NO_TIME: Final = "1970-01-01T00:00:00.000Z"  # for a row whose time cannot be read: the same at every delivery


class BadRow(Exception):
    """A row that cannot be an entry: no object, no usable id, or beyond what JSON can carry."""


class Kind(NamedTuple):
    """What filters look at; entries of one kind share it."""

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
        """Make an entry of a row; what is missing gets the plainest value. Raises BadRow."""
        if not isinstance(row, dict):
            raise BadRow(row.reason if isinstance(row, Unreadable) else "a row that is no object")
        number = row.get("id")
        if type(number) is not int or not 0 < number <= MAX_ID:
            number = position(number)
            if not number:
                raise BadRow("a row without a usable id")
        error_type = row.get("error_type")
        if not isinstance(error_type, str):
            error_type = "" if error_type is None else _json(error_type)
        kind = _kind(error_type) if len(error_type) <= 100 else _kind.__wrapped__(error_type)  # the cache stays small
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
            json = b"%b" % json  # orjson's own has four kilobytes of memory, however short it is
        elif len(json) * 6 > MAX_ENTRY_BYTES:
            escaped = len(json) + 5 * json.count(b"\x7f") + 4 * json.count(b"\xc2")  # as it travels in a frame
            if escaped > MAX_ENTRY_BYTES:
                raise BadRow(TOO_LARGE)
        return cls(number, kind, json)


def shortened(json: bytes, most: int | None) -> bytes:
    """An entry's JSON with no text of more than `most` bytes in it, marked `cut` where that left something out.

    `message` and `error_type` are cut there, at the end of a character (UTF-8); `data` that is longer becomes {}.
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


class Page(NamedTuple):
    """What an answer holds: entries by ascending id, each id once, and why its other rows are none.

    A reason in `refused` is a few words, then `|` and a mark of the row, by which the same row is known again;
    beyond MAX_REASONS rows are only counted, in `more_refused`.
    `last` is the highest id of all rows, of those that are not entries too: what to ask after next; 0 without any.
    `whole`: it says what is there. Without a usable id only an empty list of rows does: then nothing is there.
    `newest_first`: its rows came by descending id, NEWEST_FIRST_ROWS of them or more.
    `rows` is how many rows came; `cut`: there were more, which were not taken.
    """

    entries: list[Entry]
    refused: list[str]
    last: int
    more_refused: int = 0
    whole: bool = False
    newest_first: bool = False
    rows: int = 0
    cut: bool = False


def read(rows: Collection[object], env: str, known: Container[int] = ()) -> Page:
    """The page of an answer's rows, without those whose ids are `known`.

    A row that is repeated inside one answer counts once: the first of them.
    """
    entries: dict[int, Entry] = {}
    refused: list[str] = []
    last = more = 0
    for count, row in enumerate(rows):
        if not count % TURN_ROWS:
            let_others_run()  # an answer may hold very many rows
        if known and isinstance(row, dict) and (number := position(row.get("id"))) and number in known:
            last = max(last, number)
            continue
        if len(refused) >= MAX_REASONS and not isinstance(row, dict | Unreadable):
            more += 1
            continue
        try:
            entry = Entry.from_row(row, env)
        except BadRow as bad:
            last = max(last, _id_of_bad(row))
            if len(refused) < MAX_REASONS:
                refused.append(f"{bad}|{_mark(row)}")
            else:
                more += 1
        else:
            entries.setdefault(entry.id, entry)
    found = sorted(entries.values(), key=_by_id)
    if isinstance(rows, Rows):
        more += rows.left_out
    last = max(last, found[-1].id) if found else last
    newest_first = len(found) >= NEWEST_FIRST_ROWS and list(entries) == [entry.id for entry in reversed(found)]
    listed = rows.listed if isinstance(rows, Rows) else True
    whole = last > 0 or (listed and not rows and not more)
    cut = isinstance(rows, Rows) and rows.more
    return Page(found, refused, last, more, whole, newest_first, len(rows), cut)


def timestamp(created_at: object) -> str:
    """The time in UTC, ISO 8601, milliseconds, Z; NO_TIME when it cannot be read."""
    if not isinstance(created_at, str):
        return NO_TIME
    if len(created_at) == 24 and created_at[19:] in _MILLISECONDS and _is_second(created_at[:19]):
        return created_at  # as platformOS gives it
    try:
        if _UTC.fullmatch(created_at) and _is_second(created_at[:19]):
            return f"{created_at[:-1]}000"[:23] + "Z" if "." in created_at else f"{created_at[:-1]}.000Z"
        moment = datetime.fromisoformat(created_at.strip().replace(" UTC", "Z"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return NO_TIME


_SECOND: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII)
_MILLISECONDS: Final = frozenset(f".{count:03d}Z" for count in range(1000))
_UTC: Final = re.compile(_SECOND.pattern + r"(?:\.\d{1,9})?Z", re.ASCII)


@lru_cache(maxsize=1024)
def _is_second(text: str) -> bool:
    """Whether this is a second of the calendar, as in 2024-01-15T10:00:00."""
    try:
        return bool(_SECOND.fullmatch(text) and datetime.fromisoformat(text))
    except ValueError:
        return False


_by_id: Final = itemgetter(0)


@lru_cache(maxsize=1024)
def _kind(error_type: str) -> Kind:
    """The first of TYPES that the text contains, ignoring case; `error` when there is none, as in pos-cli."""
    lower = error_type.lower() or "error"
    return Kind(next((type_ for type_ in TYPES if type_ in lower), "info"), error_type[:MAX_KIND_CHARS])


def _id_of_bad(row: object) -> int:
    """The id of a row that is no entry, where it has one; a page full of such rows must not be asked for for ever."""
    if isinstance(row, Unreadable):
        return position(row.id) or 0
    return position(row.get("id")) or 0 if isinstance(row, dict) else 0


def _mark(row: object) -> str:
    if isinstance(row, Unreadable):
        return row.mark
    try:
        text = repr(row)
    except RecursionError:
        text = f"too deep, id {_id_of_bad(row)}"
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _json(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        raise BadRow("a row that is nested too deeply") from None
