"""Refused environments of a joint stream: platformOS may take their tokens again, so each is tried now and then."""

from __future__ import annotations

import math
from typing import Final

from poslogs.platformos.environments import Environment
from poslogs.streaming.contents import Failure
from poslogs.streaming.frames import Chunk

AGAIN_SECONDS: Final = 15.0  # from a refusal until the environment is tried again


class Refused:
    """Which environments were refused, when each is tried again, and what the reader was told of that."""

    __slots__ = ("_due", "_last", "_told")

    def __init__(self) -> None:
        self._due: dict[Environment, float] = {}  # on the clock
        self._last: dict[str, Failure] = {}  # the failure that was told last, by name
        self._told: dict[str, tuple[Failure, float]] = {}  # the refusal, and when it came last, by name

    @property
    def due(self) -> float:
        """On the clock: when the next one is tried again."""
        return min(self._due.values(), default=math.inf)

    def add(self, environment: Environment, now: float) -> None:
        """Note a refusal, of which the reader has been told."""
        self._due[environment] = now + AGAIN_SECONDS
        if (failure := self._last.get(environment.name)) is not None:
            self._told[environment.name] = failure, now

    def discard(self, name: str) -> None:
        """Try an environment no more: it has joined anew, or left."""
        for environment in [each for each in self._due if each.name == name]:
            del self._due[environment]

    def take(self, now: float) -> list[Environment]:
        """Those that are to be tried again now."""
        found = [environment for environment, due in self._due.items() if due <= now]
        for environment in found:
            del self._due[environment]
        return found

    def knows(self, name: str, chunk: Chunk, now: float) -> bool:
        """Whether a chunk tells only that an environment which was tried again is refused as before.

        Whatever else is news, an outage like an earlier one too.
        """
        content = chunk.contents[0]
        if not isinstance(content, Failure):
            self._told.pop(name, None)
            return False
        self._last[name] = content
        told, when = self._told.get(name, (None, 0.0))
        return content == told and now - when <= 2 * AGAIN_SECONDS
