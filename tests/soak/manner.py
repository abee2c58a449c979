"""A manner: how one reader asks, reads, stalls, leaves and comes back."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from tests.soak.clients import NAMES
from tests.wire.exchange import LIVE, STREAM

FILTERS = (None, None, None, "error", "INFO", "warn", "LiquidError", "payment-callback")
READERS = (
    16  # that read what comes, some of them slowly: both tools meet each filter, and each filter both environments
)
STALLERS = 6
VANISHERS = 6


@dataclass(frozen=True, slots=True)
class Manner:
    """How a reader asks and reads."""

    name: str
    habit: str  # reads | pauses | stalls | vanishes | stands (at the end, as often as it can) | begins
    environment: str
    tool: str
    input: dict[str, Any]
    gzip: bool
    joins: float  # seconds after the beginning
    stays: tuple[float, float]  # seconds that it reads on before it leaves, from and to
    pauses: tuple[float, float] | None  # seconds; None: it reads all the time
    receive_buffer: int | None  # bytes

    def __str__(self) -> str:
        asked = {name: value for name, value in self.input.items() if name != "env"}
        packed = ", gzip" if self.gzip else ""
        return f"{self.name} of {self.environment} ({self.habit}; {self.tool.split('.')[-1]} {asked}{packed})"

    @property
    def live(self) -> bool:
        """Whether late rows are for it."""
        return self.tool.endswith("live")

    @property
    def filter(self) -> str | None:
        """The filter that it asks with."""
        return self.input.get("filter")


def manners(chance: random.Random, seconds: float) -> list[Manner]:
    """The manners of all readers, for a soak of `seconds`."""
    habits = [*[""] * READERS, *["stalls"] * STALLERS, *["vanishes"] * VANISHERS]
    found = [_manner(chance, number, habit, seconds) for number, habit in enumerate(habits)]
    standing = enumerate(NAMES, len(found))
    return [*found, *[_plain(f"reader {number}", "stands", name, STREAM, {"lastId": ""}) for number, name in standing]]


def beginners(chance: random.Random, environment: str, round_: int) -> list[Manner]:
    """The manners of those that begin at one moment: two as pos-cli does, one after row 0, one with the newest rows."""
    filters = (None, chance.choice(FILTERS), None, None)
    starts: tuple[dict[str, Any], ...] = ({}, {}, {"lastId": "0"}, {"tail": chance.randint(1, 50)})
    tools = (STREAM, LIVE, chance.choice((STREAM, LIVE)), chance.choice((STREAM, LIVE)))
    return [
        _plain(
            f"newcomer {round_}.{number}", "begins", environment, tool, start | ({"filter": wanted} if wanted else {})
        )
        for number, (tool, start, wanted) in enumerate(zip(tools, starts, filters, strict=True), 1)
    ]


def _plain(name: str, habit: str, environment: str, tool: str, more: dict[str, Any]) -> Manner:
    """The manner of a reader that reads all that comes, from the start."""
    asked = {"env": environment, "interval": 250, **more}
    return Manner(name, habit, environment, tool, asked, False, 0.0, (1e9, 1e9), None, None)


def _manner(chance: random.Random, number: int, habit: str, seconds: float) -> Manner:
    """A random manner; `lastId` is filled in when it joins."""
    live = number // len(FILTERS) % 2 == 0 if not habit else number // 2 % 2 == 0
    environment = NAMES[(number + (0 if habit else number // len(FILTERS))) % len(NAMES)]
    asked: dict[str, Any] = {"env": environment, "interval": chance.choice((250, 250, 500, 1000, 2000))}
    if wanted := chance.choice(FILTERS) if habit else FILTERS[number % len(FILTERS)]:
        asked["filter"] = wanted
    begins = chance.choice(("lastId", "lastId", "tail", "tail 0", "fresh"))
    if begins != "fresh":
        asked[begins.split()[0]] = {"lastId": "", "tail": chance.randint(1, 50), "tail 0": 0}[begins]
    if live and chance.random() < 0.3:
        asked["maxDuration"] = chance.randint(2000, 8000)
    lasting = 1.0 if habit else 1e9  # seconds; a habit shows in each connection anew
    joins = seconds * 0.1 if habit else seconds * 0.6
    habit = habit or ("pauses" if chance.random() < 0.3 else "reads")
    return Manner(
        f"reader {number}",
        habit,
        environment,
        LIVE if live else STREAM,
        asked,
        gzip=chance.random() < (0.3 if habit == "stalls" else 0.6),
        joins=chance.choice((0.0, chance.uniform(0, joins))),
        stays=chance.choice(((0.2, 2.0), (3.0, 15.0), (lasting, lasting))),
        pauses={"pauses": (0.5, 8.0), "stalls": (0.5, 4.0)}.get(habit),
        receive_buffer={"pauses": 4096, "stalls": chance.choice((2048, 4096))}.get(habit),
    )
