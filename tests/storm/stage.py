"""The stage: a server, two environments behind it with a client each, and the loop of their visitors."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.storm.loop import Loop
from tests.storm.side import Side
from tests.storm.tally import Tally
from tests.storm.visitor import Visitor
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire.exchange import OPERATOR, PLENTY

BEAT_S = 0.5
PAGE = 250  # rows in an answer: enough for polls to keep up, few enough for questions not to wait long
MUCH = {"requests": "1000000 per minute", "streams": 1000}
TOKENS = {"staging": "storm-token-3f0a", "production": "storm-token-c7d1"}
GUEST = "storm-token-91be"  # of a client that is not a witness, and reads staging


@dataclass
class Stage:
    """Where visitors are made."""

    server: Server
    sides: list[Side]
    chance: random.Random
    tally: Tally
    loop: Loop = field(default_factory=Loop)

    def visitor(self, manner: type[Visitor], side: Side, position: int) -> Visitor:
        """A visitor that comes now and wants what is after a position."""
        return manner(self.loop, self.tally, self.server.port, side, position, self.chance)

    @property
    def side(self) -> Side:
        """One of the sides, by chance."""
        return self.chance.choice(self.sides)

    def anywhere(self, side: Side) -> int:
        """A random position between the first row of a side and its last."""
        return self.chance.randint(side.first - 1, side.last)


@contextmanager
def stage(
    name: str, kind: str, seed: int, *, direct: bool, size: int, guest: Mapping[str, Any] = PLENTY
) -> Iterator[Stage]:
    """A stage with a fresh server; rows have messages of `size` bytes. At its end the server's log is in the tally.

    `guest` are the limits of the client whose token is GUEST.
    """
    tally = Tally(f"{name}, {kind}, direct {'on' if direct else 'off'}, seed {seed}")
    began = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storm-")))
        sides = [
            Side("staging", TOKENS["staging"], b"production ", 1, size, stack.enter_context(PlatformOS(page=PAGE))),
            Side(
                "production",
                TOKENS["production"],
                b"staging ",
                1_000_001,
                size,
                stack.enter_context(PlatformOS(page=PAGE)),
            ),
        ]
        clients: dict[str, Any] = {
            side.name: {"token": side.token, "envs": [side.name], "limits": MUCH} for side in sides
        }
        clients["guest"] = {"token": GUEST, "envs": ["staging"], "limits": guest}
        clients["operator"] = {"token": OPERATOR, "limits": PLENTY}
        env = {
            "POSLOGS_WINDOW_MB": "1",
            "POSLOGS_HEARTBEAT_SECONDS": str(BEAT_S),
            "POSLOGS_DIRECT": "on" if direct else "off",
        }
        environments = {side.name: side.platformos for side in sides}
        server = stack.enter_context(Server(folder, kind, environments=environments, clients=clients, env=env))
        found = Stage(server, sides, random.Random(seed), tally)
        with found.loop:
            yield found
        server.stop()
        tally.read_log(server.output)
    tally.seconds = time.monotonic() - began
