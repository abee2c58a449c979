"""A budget: entries as a model is given them, as many as its context has room for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from poslogs.plain import all_visible, visible
from poslogs.platformos.entries import Entry
from poslogs.streaming.found import Found

MAX_CHARS: Final = 40_000  # of an answer as JSON; it stays below
ROOM: Final = MAX_CHARS - 5_000  # for entries; the rest is for late ones, and for what stands around them
LATE_ROOM: Final = MAX_CHARS - 1_000
LATE_CHARS: Final = 40  # of the message of a late entry for which there is little room left
MAX_MESSAGE_CHARS: Final = 1_000
MAX_TYPE_CHARS: Final = 200
ENVELOPE_LEVELS: Final = 8  # of nesting, at least, that there must be room for around an entry


class EntryBudget:
    """Up to `limit` entries that fit; with `full` each with its data and its whole message."""

    def __init__(self, limit: int, *, full: bool, joint: bool = False) -> None:
        """`joint`: each entry names its environment."""
        self.entries: list[dict[str, Any]] = []
        self.limit = limit
        self._full = full
        self._names = ("id", *(["env"] if joint else []), "timestamp", "type", "error_type", "message")
        self._size = 0

    def add(self, entry: Mapping[str, Any], *, late: bool = False) -> dict[str, Any] | None:
        """Add an entry. Returns the entry as a model gets it, or None when there is no room. A first one always fits.

        A `late` entry, which no position leads to any more, may exceed the limit. Where it does not fit, it is cut to
        its first words; there is room for some twenty of those.
        """
        if len(self.entries) >= self.limit and not late:
            return None
        shown, room = self._alone(entry), ROOM
        size = _size(shown)
        if late and self._size + size > ROOM:
            shown, room = self._shown(entry, full=False, most=LATE_CHARS) | {"cut": True}, LATE_ROOM
            size = _size(shown)
        if self.entries and self._size + size > room:
            return None
        self._size += size
        self.entries.append(shown)
        return shown

    def answer(self, env: str, last: int | str, *, truncated: bool, **more: Any) -> dict[str, Any]:
        """What a log tool answers, oldest first: by id, in several environments by time."""
        self.entries.sort(key=_order)
        return {"env": env, "entries": self.entries, "count": len(self.entries), "lastId": str(last),
                "truncated": truncated, **more}  # fmt: skip

    def has_room(self, entry: Entry) -> bool:
        """Whether there was room for an entry, which is added then."""
        return self.add(orjson.loads(entry.json)) is not None

    def fill(self, env: str, found: Found, *, newest: bool) -> dict[str, Any]:
        """The answer that holds what was found, the `newest` newest first; what comes last may be left out."""
        last = found.last
        for entry in found.entries:
            if self.add(orjson.loads(entry.json)) is None:
                return self.answer(env, found.last if newest else last, truncated=True)
            last = entry.id
        return self.answer(env, found.last, truncated=found.truncated)

    def fill_around(self, env: str, found: Found, middle: int) -> dict[str, Any]:
        """The answer that holds the entry `middle` of what was found; those furthest from it may be left out."""
        read = [self._alone(orjson.loads(entry.json)) for entry in found.entries]
        at = next((index for index, shown in enumerate(read) if int(shown["id"]) >= middle), len(read))
        for index in sorted(range(len(read)), key=lambda index: abs(index - at)):
            if self.add(read[index]) is None:
                return self.answer(env, max(int(shown["id"]) for shown in self.entries), truncated=True)
        return self.answer(env, found.last, truncated=found.truncated)

    def _alone(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """The entry as it stands here, cut where it alone does not fit."""
        shown = self._shown(entry, full=self._full)
        return shown if _size(shown) <= ROOM else self._shown(entry, full=False) | {"cut": True}

    def _shown(self, entry: Mapping[str, Any], *, full: bool, most: int = MAX_MESSAGE_CHARS) -> dict[str, Any]:
        names = (*self._names, *(["data"] if full else []), "cut")
        shown = {name: entry[name] for name in names if name in entry}
        if full:
            return {name: all_visible(value) for name, value in shown.items()}
        for name, chars in (("error_type", MAX_TYPE_CHARS), ("message", most)):
            text = visible(shown[name][: chars + 1])
            shown[name] = text[:chars]
            if len(text) > chars:
                shown["cut"] = True
        return shown


def _size(shown: Mapping[str, Any]) -> int:
    """The characters of a value as JSON; more than any room when it is nested too deeply to stand in an answer."""
    wrapped: Any = shown
    for _ in range(ENVELOPE_LEVELS):
        wrapped = [wrapped]
    try:
        return len(orjson.dumps(wrapped).decode()) - 2 * ENVELOPE_LEVELS + 1  # and a comma
    except orjson.JSONEncodeError:
        return ROOM + 1


def _order(shown: Mapping[str, Any]) -> tuple[str, str, int]:
    joint = "env" in shown
    return shown["timestamp"] if joint else "", shown["env"] if joint else "", int(shown["id"])
