"""Readers of both environments in one stream: each is two readers to the judge, one of each environment."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from poslogs.streaming.positions import parsed
from tests.soak.clients import OPERATOR
from tests.soak.environment import Environment
from tests.soak.ledger import Connection
from tests.soak.manner import Manner
from tests.soak.readers import Subscriber, take
from tests.wire.exchange import LIVE, STREAM


class Share(Subscriber):
    """What a reader of both was given of one environment. It asks for nothing itself: the reader fills it."""

    def run(self) -> None:
        """Nothing."""


HABITS = ("reads", "reads", "vanishes", "vanishes")


def joint_subscribers(urls: Sequence[str], environments: list[Environment], seed: int) -> list[Subscriber]:
    """Readers of both, each with its share of the second environment: from the beginning, with both tools, packed."""
    found: list[Subscriber] = []
    for number, habit in enumerate(HABITS):
        names = [environment.name for environment in environments]
        asked = {"env": names if number % 2 else "*", "interval": 250}
        stays = (2.0, 8.0) if habit == "reads" else (1.0, 1.0)
        tool = (STREAM, LIVE)[number % 2]
        manner = Manner(f"joint {number}", habit, names[0], tool, asked, bool(number % 2), 0.0, stays, None, None)
        reader = JointSubscriber(urls, manner, random.Random(f"{seed} {manner.name}"), environments, OPERATOR)
        found += [reader, reader.share]
    return found


class JointSubscriber(Subscriber):
    """One reader of both environments over all its connections; its own journal is that of the first."""

    def __init__(
        self, urls: Sequence[str], manner: Manner, chance: random.Random, environments: list[Environment], token: str
    ) -> None:
        super().__init__(urls, manner, chance, environments[0])
        self.token = token
        second = replace(manner, name=f"{manner.name}, its second", environment=environments[1].name)
        self.share = Share(urls, second, chance, environments[1])
        self._second: Connection | None = None

    @property
    def _both(self) -> dict[str, Subscriber]:
        return {one.environment.name: one for one in (self, self.share)}

    def _begun(self) -> Connection:
        now = time.monotonic()
        starts = parsed(self._position) if self._position else {}
        found = []
        for name in self._both:
            start = starts.get(name)
            found.append(Connection(now, start.position if start else None, self._position_at))
        self._second = found[1]
        return found[0]

    def _is_open(self, connection: Connection) -> None:
        super()._is_open(connection)
        assert self._second is not None
        self._second.head = connection.head
        self.share.journal.connections.append(self._second)

    def _connect(self, body: dict[str, Any]) -> str:
        how = super()._connect(body)
        assert self._second is not None
        self._second.ended, self._second.how = time.monotonic(), how
        return how

    def _foreign_marks(self) -> tuple[bytes, ...]:
        return ()  # rows of both may come; `take` compares each with its environment

    def _took(self, entry: dict[str, Any]) -> None:
        of = self._both.get(str(entry.get("env")))
        if of is None:
            self.journal.spoiled.append(f"of no environment that was asked for: {str(entry)[:300]}")
        else:
            take(entry, of.journal, of.environment.name)

    def _was_told(self, sentence: str) -> None:
        for name, of in self._both.items():
            if name in sentence and " were reset" in sentence:
                of.journal.told.append(time.monotonic())
