"""What an input selects: where it begins in a log, and which entries it wants."""

from __future__ import annotations

from typing import Final

from poslogs.errors import BadInput
from poslogs.platformos import entries
from poslogs.streaming.selection import Selection
from poslogs.streaming.stream import Start
from poslogs.tools.inputs import Input

FIRST_ID: Final = "0"  # the position before every entry


def selection_of(input_: Input, *, late: bool) -> Selection:
    """The entries that an input wants; with `late` also those of rows that platformOS shows late."""
    wanted = input_.get("filter")
    return Selection(None if wanted is None else wanted.casefold(), late, max_message_of(input_))


def max_message_of(input_: Input) -> int | None:
    """Bytes at which messages are cut: the power of two at or below `maxMessage`, so that readers share what was cut.

    None: not at all.
    """
    given = input_.get("maxMessage")
    return None if given is None else 1 << (given.bit_length() - 1)


def start_of(input_: Input, last_event_id: str = "") -> Start:
    """Where an input begins; `last_event_id` wins. Raises BadInput."""
    if last_event_id:
        return Start(position=_position(last_event_id, "Last-Event-ID"))
    last_id, tail = input_.get("lastId"), input_.get("tail")
    if tail is not None:
        if last_id not in (None, FIRST_ID):
            raise BadInput("`lastId` and `tail` name two different beginnings; leave one out.")
        return Start(tail=tail)
    return Start(position=None if last_id is None else _position(last_id, "`lastId`"))


def _position(text: str, name: str) -> int:
    position = entries.position(text)
    if position is None:
        raise BadInput(f"{name} must be the id of an entry, 1 to 19 digits up to {entries.MAX_ID}.")
    return position
