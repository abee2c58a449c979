"""What tools that end answer of one environment, or of several: entries of all by time, and sums of their reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import orjson

from poslogs.access.clients import Client
from poslogs.errors import BadInput
from poslogs.platformos.entries import shortened
from poslogs.platformos.environments import Environment
from poslogs.streaming import joint_fetch, positions
from poslogs.streaming.answer import PIECE_BYTES
from poslogs.streaming.backfill import Asker
from poslogs.streaming.found import Found
from poslogs.streaming.joint_fetch import JointFound, Room
from poslogs.streaming.report import EARLIER, MAX_CHARS, MAX_HOURS, MOST
from poslogs.tools import fetch as one_fetch
from poslogs.tools.fetch import found_in
from poslogs.tools.inputs import Input
from poslogs.tools.report import report_on
from poslogs.tools.selection import max_message_of, starts_of
from poslogs.tools.toolbox import Chosen, Toolbox


def fetch(toolbox: Toolbox, client: Client, input_: Input, asker: Asker) -> Iterator[bytes]:
    """The entries, the position to go on from, and whether there are more, as JSON in pieces."""
    chosen = toolbox.chosen(client, input_["env"])
    if not chosen.joint:
        yield from one_fetch.answer(toolbox, chosen.environments[0], input_, asker)
        return
    count = input_["tail"] if input_.get("tail") is not None else input_["limit"]
    found = fetched(toolbox, chosen, input_, asker, joint_fetch.room_for(count))
    most = max_message_of(input_)
    made = bytearray(b'{"logs":[')
    for number, entry in enumerate(found.entries):
        made += (b"," if number else b"") + shortened(entry.json, most)
        if len(made) >= PIECE_BYTES:
            yield bytes(made)
            made.clear()
    truncated = b"true" if found.truncated else b"false"
    yield bytes(made) + b'],"lastId":"%b","truncated":%b}' % (found.last.encode(), truncated)


def report(toolbox: Toolbox, client: Client, input_: Input, asker: Asker) -> Iterator[bytes]:
    """The report as JSON, in one piece."""
    yield orjson.dumps(report_on_chosen(toolbox, toolbox.chosen(client, input_["env"]), input_, asker))


def fetched(toolbox: Toolbox, chosen: Chosen, input_: Input, asker: Asker, room: Room) -> JointFound:
    """The first entries after `lastId` or `since`, or the newest, for which there is room.

    Raises what `found_in` does, BadInput for `around`, and Unavailable when not all could be read in time.
    """
    starts = starts_of(input_, chosen.names, joint=True)
    if "around" in input_:
        raise BadInput("`around` shows an entry of one environment; give its name alone as `env`.")

    def found(environment: Environment) -> AbstractContextManager[Found]:
        return found_in(toolbox, environment, input_, asker, starts[environment.name], newest_first=True)

    if "tail" in input_ or not {"lastId", "since"} & input_.keys():
        limit = input_["limit"] if input_.get("tail") is None else input_["tail"]
        return joint_fetch.newest({each.name: found(each) for each in chosen.environments}, limit, room)
    with ExitStack() as stack:
        return joint_fetch.first({each.name: stack.enter_context(found(each)) for each in chosen.environments}, room)


def report_on_chosen(toolbox: Toolbox, chosen: Chosen, input_: Input, asker: Asker) -> dict[str, Any]:
    """The report on one environment; or those of several by name, and what they come to together.

    Raises Unavailable when not all could be read in time.
    """
    if not chosen.joint:
        return report_on(toolbox, chosen.environments[0], input_, asker)
    starts = starts_of(input_, chosen.names, joint=True)
    chars = MAX_CHARS // len(chosen.environments)  # so that all of them are no more than one, and their sums another
    reports = {
        each.name: report_on(toolbox, each, input_, asker, starts[each.name], chars)
        for each in joint_fetch.in_time(chosen.environments)
    }
    all_ = list(reports.values())
    groups = [{"env": each["env"], **group} for each in all_ for group in each["frequentErrors"]]
    errors = [{"env": each["env"], **error} for each in all_ for error in each["newestErrors"]]
    return {
        "env": ",".join(reports),
        "total": sum(each["total"] for each in all_),
        "from": min((each["from"] for each in all_ if each["from"]), default=""),
        "to": max(each["to"] for each in all_),
        "byType": dict(sum((Counter(each["byType"]) for each in all_), Counter()).most_common()),
        "byHour": _hours([each["byHour"] for each in all_]),
        "frequentErrors": sorted(groups, key=lambda group: -group["count"])[:MOST],
        "newestErrors": sorted(errors, key=lambda error: error["timestamp"], reverse=True)[:MOST],
        "lastId": positions.spelt({name: each["lastId"] for name, each in reports.items()}),
        "truncated": any(each["truncated"] for each in all_),
        "byEnv": reports,
    }


def _hours(reports: list[dict[str, int]]) -> dict[str, int]:
    """The sums by hour. Hours that a report has only in the sum of its earlier ones are in that sum here too."""
    listed = [min(hours.keys() - {EARLIER}, default="") for hours in reports if EARLIER in hours]
    first = max(listed, default="")
    hours: Counter[str] = Counter()
    for each in reports:
        for hour, count in each.items():
            hours[EARLIER if hour == EARLIER or hour < first else hour] += count
    names = sorted(hours.keys() - {EARLIER})[-MAX_HOURS:]
    earlier = hours.total() - sum(hours[name] for name in names)
    return ({EARLIER: earlier} if earlier else {}) | {name: hours[name] for name in names}
