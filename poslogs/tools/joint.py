"""What tools that end answer of one environment, or of several: entries of all by time, and sums of their reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Final

import orjson

from poslogs.access.clients import Client
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

BEGINNINGS: Final = ("lastId", "tail")


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
    """The first entries after `lastId`, or the newest, for which there is room; a refusal as of one environment."""
    inputs = _inputs(chosen, input_)
    with ExitStack() as stack:
        founds = {
            each.name: stack.enter_context(found_in(toolbox, each, inputs[each.name], asker, newest_first=True))
            for each in chosen.environments
        }
        return (joint_fetch.first if "lastId" in input_ else joint_fetch.newest)(founds, room)


def report_on_chosen(toolbox: Toolbox, chosen: Chosen, input_: Input, asker: Asker) -> dict[str, Any]:
    """The report on one environment; or those of several by name, and what they come to together."""
    if not chosen.joint:
        return report_on(toolbox, chosen.environments[0], input_, asker)
    inputs = _inputs(chosen, input_)
    reports = {each.name: report_on(toolbox, each, inputs[each.name], asker) for each in chosen.environments}
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


def _inputs(chosen: Chosen, input_: Input) -> Mapping[str, Input]:
    """The input for each environment by itself. Raises BadInput."""
    inputs: dict[str, dict[str, Any]] = {}
    for name, start in starts_of(input_, chosen.names, joint=True).items():
        inputs[name] = {key: value for key, value in input_.items() if key not in BEGINNINGS} | {"env": name}
        if start.position is not None:
            inputs[name]["lastId"] = str(start.position)
        elif start.tail is not None:
            inputs[name]["tail"] = start.tail
    return inputs
