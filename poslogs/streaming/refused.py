"""Refused environments of a joint stream: platformOS may take their tokens again, so each is tried now and then."""

from __future__ import annotations

import math
from typing import Final

from poslogs.platformos.environments import Environment
from poslogs.streaming.contents import Failure
from poslogs.streaming.frames import Chunk

AGAIN_SECONDS: Final = 15.0  # from a refusal until the environment is tried again


class Refused:
    """Which environments were refused, when each is tried again, and what the reader was told last of each."""

    __slots__ = ("_due", "_told")

    def __init__(self) -> None:
        self._due: dict[Environment, float] = {}  # on the clock
        self._told: dict[str, Failure] = {}  # by name

    @property
    def due(self) -> float:
        """On the clock: when the next one is tried again."""
        return min(self._due.values(), default=math.inf)

    def add(self, environment: Environment, now: float) -> None:
        """Note a refusal."""
        self._due[environment] = now + AGAIN_SECONDS

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

    def knows(self, name: str, chunk: Chunk) -> bool:
        """Whether a chunk tells of an environment only what the reader was told of it last; notes it else."""
        content = chunk.contents[0]
        if not isinstance(content, Failure):
            self._told.pop(name, None)
            return False
        known = self._told.get(name) == content
        self._told[name] = content
        return known
