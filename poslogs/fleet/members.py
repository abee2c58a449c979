"""The members: the processes that share Redis now, and which of them asks platformOS."""

from __future__ import annotations

from typing import Final

from poslogs.fleet.ask import Word
from poslogs.fleet.engine import Engine
from poslogs.fleet.standing import State
from poslogs.per_process import PerProcess

TTL_MS: Final = 15_000  # after which a process that was killed is not counted any more
BEAT_SECONDS: Final = 5.0  # how often each says that it is there

_BEAT: Final = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])
"""


class _Known:
    def __init__(self) -> None:
        self.count = 0
        self.askers: dict[str, str] = {}  # by environment


class Members:
    """How many processes share Redis, as this one knows it; `beat` is called by one loop a process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._beat = engine.script(_BEAT)
        self._key = engine.key("members")
        self._known = PerProcess(_Known)

    @property
    def state(self) -> State:
        """The state of the engine in this process."""
        return self._engine.state

    @property
    def count(self) -> int:
        """How many processes there are, at most BEAT_SECONDS ago; this one alone while Redis is away."""
        return max(1, self._known().count) if self._engine.state.ok else 1

    @property
    def name(self) -> str:
        """The name of this process: chance, so that it says nothing of the machine."""
        return self._engine.member

    def asker(self, environment: str) -> str:
        """The process that polls an environment with readers here: it asked last, as far as this one has been told."""
        return self._known().askers.get(environment, self.name) if self._engine.state.ok else self.name

    def asked(self, environment: str, name: str) -> None:
        """Note which process asked last."""
        self._known().askers[environment] = name or self.name

    def beat(self) -> None:
        """Say that this process is there. Raises Away."""
        args: list[Word] = [self._engine.member, TTL_MS]
        self._known().count = int(self._engine.run(self._beat, [self._key], args))
