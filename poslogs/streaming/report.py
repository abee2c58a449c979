"""A report: a summary of a stretch of log, small enough to be read at once."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import orjson

from poslogs.cooperation import let_others_run
from poslogs.plain import visible
from poslogs.platformos import entries
from poslogs.platformos.entries import NO_TIME, Entry
from poslogs.platformos.gateway import GatewayError
from poslogs.streaming import backward, place
from poslogs.streaming.backward import Ask
from poslogs.streaming.selection import Selection

MAX_ENTRIES: Final = 100_000  # most entries that are read for one report
MAX_SECONDS: Final = 30.0  # of reading
MAX_CHARS: Final = 8_000  # a report as JSON stays below this
MAX_HOURS: Final = 48  # the newest hours, which are listed one by one; earlier ones are one sum
EARLIER: Final = "earlier"  # the sum of the hours that are not listed
MAX_GROUPS: Final = 2_000  # kept while reading; errors that fit in none are counted all the same
OLD_ROWS: Final = 100  # after this many rows older than asked for, one after another, all earlier ones count as older
MOST: Final = 10  # most groups, and most newest errors, in a report
EVERYTHING: Final = Selection(None, late=False)
WIDTHS: Final = (200, 120, 80, 50, 30, 12)  # characters of each text in it: the widest that fits
READ_CHARS: Final = 500  # of a message, as far as fingerprints and examples go
FINGERPRINT_CHARS: Final = 200


def fingerprint(message: str) -> str:
    """The message without the parts that differ each time, cut so that the length of these does not matter.

    `"…"` stands for a quoted value; `#` for numbers, ids and their like, lists of them, e-mail addresses, URL queries.
    """
    text = _QUOTED.sub(lambda found: found[0] if found[0][0] == "\\" else '"…"', message[:READ_CHARS])
    text = _ASKED.sub("?#", _EMAIL.sub("#", text))
    text = _WORD.sub(lambda word: "#" if any(map(str.isdigit, word[0])) else word[0], text)
    return " ".join(_RUN.sub("#", text).split())[:FINGERPRINT_CHARS]


# A quote may have others in it: escaped ones, and between letters apostrophes. Ruby quotes `so'.
_QUOTED: Final = re.compile(
    r"""\\.|"(?:[^"\\\n]|\\.)*"|“[^“”\n]*”|`[^`\n]*?(?:`|'(?!\w))|(?<!\w)'(?:[^'\n]|(?<=\w)'(?=\w))*'(?!\w)"""
)
_EMAIL: Final = re.compile(r"(?<![\w.+'-])[\w.+'-]+@[\w-]+(?:\.[\w-]+)*")
_ASKED: Final = re.compile(r"\?[^\s?=\"'<>()]+=[^\s\"'<>()]*")  # a URL's query
_WORD: Final = re.compile(r"#?[\w-]+")
_RUN: Final = re.compile(r"#(?:(?:[.:/+]|, ?)#)+")  # times, decimals, versions, lists


class Report:
    """Counts entries one by one. Not locked."""

    def __init__(self, env: str, since: str = "", selection: Selection = EVERYTHING, chars: int = MAX_CHARS) -> None:
        """Entries with a timestamp before `since`, and those not selected, are not counted."""
        self.env = env
        self._selection = selection
        self._since = since
        self._chars = chars
        self._span: tuple[str, str] = ("", "")
        self._types: Counter[str] = Counter()
        self._hours: Counter[str] = Counter()
        self._groups: dict[tuple[str, str], dict[str, Any]] = {}
        self._newest: list[dict[str, Any]] = []
        self._old = 0  # entries before `since`, one after another

    @property
    def asks(self) -> bool:
        """Whether a query looks at each entry, which may take a while."""
        return self._selection.query is not None

    @property
    def complete(self) -> bool:
        """Whether all earlier entries are too old. A few entries with a wrong time do not suffice."""
        return self._old >= OLD_ROWS

    def add(self, entry: Entry) -> None:
        """Count an entry; they come by descending id."""
        moment = entry.timestamp
        if moment < self._since:
            self._old += moment != NO_TIME
            return
        self._old = 0
        if not self._selection.has(entry):
            return
        self._span = (min(self._span[0] or moment, moment), max(self._span[1], moment))
        self._types[entry.type] += 1
        self._hours[f"{moment[:13]}:00Z"] += 1
        if entry.type == "error":
            self._add_error(entry, moment)

    def _add_error(self, entry: Entry, moment: str) -> None:
        fields = orjson.loads(entry.json)
        message = fields["message"][:READ_CHARS]
        error: dict[str, Any] = {"id": fields["id"], "timestamp": moment, "message": message}
        error["error_type"] = entry.error_type[:READ_CHARS]
        if place := _place(fields["data"]):
            error["at"] = place
        if len(self._newest) < MOST:
            self._newest.append(error)
        key = (error["error_type"], fingerprint(message))
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= MAX_GROUPS:
                return
            group = self._groups[key] = {"count": 0, "first": moment, "last": moment, "example": error}
        group["count"] += 1
        group["first"], group["last"] = min(group["first"], moment), max(group["last"], moment)

    def told(self, last: int, *, truncated: bool) -> dict[str, Any]:
        """The report as values for JSON, below its bound; `last` is the position that was reached."""
        report = {}
        for most, hours in ((MOST, MAX_HOURS), (3, MAX_HOURS // 4), (1, 1), (0, 0)):
            for width in WIDTHS:
                report = self._told(width, most, hours) | {"lastId": str(last), "truncated": truncated}
                if len(orjson.dumps(report).decode()) < self._chars:
                    return report
        return report

    def _told(self, width: int, most: int, hours: int) -> dict[str, Any]:
        """The report with texts of `width` characters, so many groups and newest errors at most, and so many hours."""
        listed = sorted(self._hours.items())[max(0, len(self._hours) - hours) :]
        earlier = self._hours.total() - sum(count for _, count in listed)
        groups = sorted(self._groups.items(), key=lambda item: (-item[1]["count"], item[1]["last"]))[:most]
        return {
            "env": self.env,
            "total": self._types.total(),
            "from": self._span[0],
            "to": self._span[1],
            "byType": dict(self._types.most_common()),
            "byHour": ({EARLIER: earlier} if earlier else {}) | dict(listed),
            "frequentErrors": [
                {"count": group["count"], "first": group["first"], "last": group["last"],
                 "fingerprint": _cut(key[1], width), "example": _fit(group["example"], width)}
                for key, group in groups
            ],
            "newestErrors": [_fit(error, width) for error in self._newest[:most]],
        }  # fmt: skip


def read(
    ask: Ask,
    report: Report,
    position: int,
    most: int = MAX_ENTRIES,
    clock: Callable[[], float] = time.monotonic,
    *,
    since: str = "",
    until: str = "",
) -> dict[str, Any]:
    """The report of the newest `most` entries after a position. If some are left out, or MAX_SECONDS pass, it says so.

    `since` and `until` are timestamps: it begins with the first entry from the one on, and ends with the last one up to
    the other. Its position is the end in any case. Raises GatewayError when a place is not found.
    """
    end = clock() + MAX_SECONDS
    if since:
        begins = place.place(place.since(since), report.env, is_late=lambda: clock() > end)
        position = backward.run(begins, ask).position
    part = backward.run(place.stretch(position, report.env, until, lambda: clock() > end), ask)
    count = 0
    try:
        for page in backward.pages(part, report.env, ask):
            for entry in page:
                if count == most or (report.asks and clock() > end):
                    return report.told(part.last, truncated=True)
                count += 1
                report.add(entry)
                if not count % entries.TURN_ROWS:
                    let_others_run()
            del page, entry  # freed before the next one comes
            if report.complete:
                break
            if clock() > end:
                return report.told(part.last, truncated=True)
    except GatewayError:
        return report.told(part.last, truncated=True)
    return report.told(part.last, truncated=False)


def _place(data: dict[str, Any]) -> str:
    """The place that a structured Liquid diagnostic names, as path:line; "" without one."""
    stack = data.get("stack")
    inmost = stack[0] if isinstance(stack, list) and stack and isinstance(stack[0], dict) else {}
    path, line = inmost.get("path"), inmost.get("line")
    return "" if not isinstance(path, str) else f"{path}:{line}" if isinstance(line, int) else path


def _fit(error: dict[str, Any], width: int) -> dict[str, Any]:
    return {name: _cut(value, width if name == "message" else min(width, 60)) for name, value in error.items()}


def _cut(text: str, width: int) -> str:
    return text if len(text := visible(text)) <= width else f"{text[: width - 1]}…"
