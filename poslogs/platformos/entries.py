"""Entries: the page of entries that an answer's rows make, and why other rows are not entries."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Container
from operator import itemgetter
from typing import Final, NamedTuple

from poslogs.cooperation import let_others_run
from poslogs.platformos.answers import Rows, Unreadable
from poslogs.platformos.entry import MAX_MESSAGE_BYTES, TYPES, BadRow, Entry, Kind, shortened
from poslogs.platformos.ids import MAX_ID, position
from poslogs.platformos.timestamps import NO_TIME, timestamp
from poslogs.platformos.work import Turn, nobody

__all__ = [  # with what an entry is made of, for those who read pages
    "MAX_ID",
    "MAX_MESSAGE_BYTES",
    "NO_TIME",
    "TYPES",
    "BadRow",
    "Entry",
    "Kind",
    "Page",
    "position",
    "read",
    "shortened",
    "timestamp",
]

MAX_REASONS: Final = 1000  # rows of one answer that are refused with a reason each
TURN_ROWS: Final = 1000  # rows after which others have their turn
NEWEST_FIRST_ROWS: Final = 20  # this many rows by descending id show that platformOS answers newest first


class Page(NamedTuple):
    """What an answer holds: entries by ascending id, each id once, and why the other rows are not entries.

    A reason in `refused` is a few words, then `|` and a mark by which the same row is known again. Beyond MAX_REASONS
    rows are only counted, in `more_refused`.
    `last` is the highest id of all rows, entries or not, and so what to ask after next; 0 without any.
    `whole`: the page says what is in the log. A page without a usable id does so only if its list of rows was empty.
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


def read(rows: Collection[object], env: str, known: Container[int] = (), turn: Turn = nobody) -> Page:
    """The page of an answer's rows, without those whose ids are `known`. Of rows with one id the first counts.

    `turn` is called whenever others have had a turn meanwhile.
    """
    entries: dict[int, Entry] = {}
    refused: list[str] = []
    last = more = 0
    for count, row in enumerate(rows):
        if not count % TURN_ROWS:
            let_others_run()  # an answer may hold very many rows
            turn()
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


_by_id: Final = itemgetter(0)


def _id_of_bad(row: object) -> int:
    """The id of a row that is not an entry, else 0: without it a page full of such rows would be asked for again."""
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
