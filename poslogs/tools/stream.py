"""Streaming: what platformos.logs.stream and platformos.logs.live do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from poslogs.access.clients import Client
from poslogs.platformos.environments import Environment
from poslogs.streaming.driven import Driven
from poslogs.streaming.joint import JointStream
from poslogs.streaming.selection import Selection
from poslogs.streaming.stream import Start, Stream
from poslogs.tools.inputs import Input
from poslogs.tools.selection import away_of, selection_of, starts_of
from poslogs.tools.toolbox import MAX_ENVIRONMENTS, Chosen, Toolbox


@dataclass(frozen=True)
class Wanted:
    """What a stream is to be, wherever it begins. Times are seconds."""

    selection: Selection
    interval: float
    heartbeat: float
    duration: float  # after which it ends by itself
    client: str


def opened(toolbox: Toolbox, client: Client, input_: Input, last_event_id: str, *, late: bool) -> Driven:
    """A stream that begins and selects as its input says; it ends by itself where the input has `maxDuration`."""
    chosen = toolbox.chosen(client, input_["env"])
    starts = starts_of(input_, chosen.names, last_event_id, joint=chosen.joint)
    duration = input_["maxDuration"] / 1000 if "maxDuration" in input_ else math.inf
    selection = selection_of(input_, late=late)
    wanted = Wanted(selection, input_["interval"] / 1000, toolbox.heartbeat, duration, client.id)
    away = away_of(input_, chosen.names, last_event_id) if chosen.every else {}
    return stream_of(toolbox, chosen, starts, wanted, away)


def stream_of(
    toolbox: Toolbox,
    chosen: Chosen,
    starts: Mapping[str, Start],
    wanted: Wanted,
    away: Mapping[str, Start] = MappingProxyType({}),
) -> Driven:
    """The stream of one environment, or of several as one; `away` is where those continue that are not there now."""

    def part(environment: Environment, start: Start, heartbeat: float = math.inf, duration: float = math.inf) -> Stream:
        return Stream(
            toolbox.feed(environment),
            selection=wanted.selection,
            start=start,
            interval=wanted.interval,
            heartbeat=heartbeat,
            duration=duration,
            client=wanted.client,
        )

    if not chosen.joint:
        (environment,) = chosen.environments
        return part(environment, starts[environment.name], wanted.heartbeat, wanted.duration)
    return JointStream(
        part,
        {environment: starts[environment.name] for environment in chosen.environments},
        every=chosen.every,
        most=MAX_ENVIRONMENTS,
        away=away,
        heartbeat=wanted.heartbeat,
        duration=wanted.duration,
    )
