"""What tools that end answer of one environment, or of several: entries of all by time, and sums of their reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import orjson

from poslogs.access.clients import Client
from poslogs.errors import BadInput
from poslogs.platformos.entries import shortened
from poslogs.streaming import joint_fetch, positions
from poslogs.streaming.answer import PIECE_BYTES
from poslogs.streaming.backfill import Asker
from poslogs.streaming.joint_fetch import JointFound, Room
from poslogs.streaming.report import MOST
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

    Raises what `found_in` does, and BadInput for `around`.
    """
    starts = starts_of(input_, chosen.names, joint=True)
    if "around" in input_:
        raise BadInput("`around` shows an entry of one environment; give its name alone as `env`.")
    newest = not {"lastId", "since"} & input_.keys()
    with ExitStack() as stack:
        founds = {
            each.name: stack.enter_context(
                found_in(toolbox, each, input_, asker, starts[each.name], newest_first=newest)
            )
            for each in chosen.environments
        }
        return (joint_fetch.newest if newest else joint_fetch.first)(founds, room)


def report_on_chosen(toolbox: Toolbox, chosen: Chosen, input_: Input, asker: Asker) -> dict[str, Any]:
    """The report on one environment; or those of several by name, and what they come to together."""
    if not chosen.joint:
        return report_on(toolbox, chosen.environments[0], input_, asker)
    starts = starts_of(input_, chosen.names, joint=True)
    reports = {each.name: report_on(toolbox, each, input_, asker, starts[each.name]) for each in chosen.environments}
    all_ = list(reports.values())
    groups = [{"env": each["env"], **group} for each in all_ for group in each["frequentErrors"]]
    errors = [{"env": each["env"], **error} for each in all_ for error in each["newestErrors"]]
    return {
        "env": ",".join(reports),
        "total": sum(each["total"] for each in all_),
        "from": min((each["from"] for each in all_ if each["from"]), default=""),
        "to": max(each["to"] for each in all_),
        "byType": dict(sum((Counter(each["byType"]) for each in all_), Counter()).most_common()),
        "byHour": dict(sorted(sum((Counter(each["byHour"]) for each in all_), Counter()).items())),
        "frequentErrors": sorted(groups, key=lambda group: -group["count"])[:MOST],
        "newestErrors": sorted(errors, key=lambda error: error["timestamp"], reverse=True)[:MOST],
        "lastId": positions.spelt({name: each["lastId"] for name, each in reports.items()}),
        "truncated": any(each["truncated"] for each in all_),
        "byEnv": reports,
    }
