"""Streaming: what platformos.logs.stream and platformos.logs.live do."""

from __future__ import annotations

import math

from poslogs.access.clients import Client
from poslogs.streaming.stream import Stream
from poslogs.tools.inputs import Input
from poslogs.tools.selection import selection_of, start_of
from poslogs.tools.toolbox import Toolbox


def opened(toolbox: Toolbox, client: Client, input_: Input, last_event_id: str, *, late: bool) -> Stream:
    """A stream that begins and selects as its input says; it ends by itself where the input has `maxDuration`."""
    environment = toolbox.environment(client, input_["env"])
    return Stream(
        toolbox.feed(environment),
        selection=selection_of(input_, late=late),
        start=start_of(input_, last_event_id),
        interval=input_["interval"] / 1000,
        heartbeat=toolbox.heartbeat,
        duration=input_["maxDuration"] / 1000 if "maxDuration" in input_ else math.inf,
        client=client.id,
    )
