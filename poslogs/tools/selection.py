"""What an input selects: where it begins in a log, and which entries it wants."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from poslogs.errors import BadInput
from poslogs.platformos import entries
from poslogs.query.parser import parse
from poslogs.streaming import positions
from poslogs.streaming.selection import Selection
from poslogs.streaming.stream import Start
from poslogs.tools.inputs import Input

KNOWN_LISTS: Final = 256  # of filters
FIRST_ID: Final = "0"  # the position before every entry
BEGINNINGS: Final = ("lastId", "tail", "minutes", "since", "around")


def selection_of(input_: Input, *, late: bool) -> Selection:
    """The entries that an input wants; with `late` also those of rows that platformOS shows late. Raises BadInput."""
    query = parse(input_.get("query", ""))
    return Selection(_filter_of(input_), late, max_message_of(input_), query)


def _filter_of(input_: Input) -> str | frozenset[str] | None:
    wanted = input_.get("filter")
    if isinstance(wanted, list):
        return _one_of(tuple(wanted))
    return None if wanted is None else str(wanted).casefold()


@lru_cache(KNOWN_LISTS)
def _one_of(wanted: tuple[str, ...]) -> str | frozenset[str]:
    """The same object for the same list: what is made for each selection is found at once then."""
    several = frozenset(each.casefold() for each in wanted)
    return several if len(several) > 1 else next(iter(several))


def max_message_of(input_: Input) -> int | None:
    """Bytes at which messages are cut: the power of two at or below `maxMessage`, so that readers share what was cut.

    None: not at all.
    """
    given = input_.get("maxMessage")
    return None if given is None else 1 << (given.bit_length() - 1)


def start_of(input_: Input, last_event_id: str = "", env: str = "") -> Start:
    """Where an input begins in its one environment, `env`; `last_event_id` wins. Raises BadInput."""
    return starts_of(input_, [env], last_event_id, joint=False)[env]


def starts_of(input_: Input, names: Sequence[str], last_event_id: str = "", *, joint: bool) -> dict[str, Start]:
    """Where an input begins in each of its environments; `last_event_id` wins. Raises BadInput.

    An environment that a position of several lacks begins with what comes from now on.
    """
    if last_event_id:
        return _from(last_event_id, "Last-Event-ID", names, joint=joint)
    given = [name for name in BEGINNINGS if input_.get(name) is not None]
    if given == ["lastId", "tail"] and input_["lastId"] == FIRST_ID:
        given = ["tail"]
    if len(given) > 1 and given != ["lastId", "minutes"]:  # a report is bounded by both of these
        raise BadInput(f"`{given[0]}` and `{given[1]}` name two different beginnings; leave one out.")
    if "lastId" in given:
        return _from(input_["lastId"], "`lastId`", names, joint=joint)
    return dict.fromkeys(names, Start(tail=input_.get("tail"), since=input_.get("since")))


def away_of(input_: Input, names: Sequence[str], last_event_id: str = "") -> dict[str, Start]:
    """The beginnings in a position, already checked, of environments other than `names`."""
    text = last_event_id or input_.get("lastId") or ""
    return {name: start for name, start in positions.parsed(text).items() if name not in names} if text else {}


def around_of(input_: Input) -> int | None:
    """The id that an input is to be shown around; None for no such. Raises BadInput."""
    around = input_.get("around")
    if around is None:
        return None
    if input_.get("until") is not None:
        raise BadInput("`around` shows what is before and after an entry; leave `until` out.")
    return _position(around, "`around`")


def _from(text: str, name: str, names: Sequence[str], *, joint: bool) -> dict[str, Start]:
    if ":" not in text and not joint:
        return dict.fromkeys(names, Start(position=_position(text, name)))
    try:
        starts = positions.parsed(text)
    except ValueError:
        raise BadInput(
            f"{name} must be the position of a stream of several environments, such as "
            f"{positions.spelt(dict.fromkeys(names[:2], '123'))}, as the id of one of its frames has it."
        ) from None
    return {each: starts.get(each, Start(tail=0)) for each in names}


def _position(text: str, name: str) -> int:
    position = entries.position(text)
    if position is None:
        raise BadInput(f"{name} must be the id of an entry, 1 to 19 digits up to {entries.MAX_ID}.")
    return position
