"""The engine's faults: what becomes of the Redis of a fleet at random moments, and is undone again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from tests.fleet.fleet import engine
from tests.fleet.redis_server import RedisServer
from tests.fleet.way import Way
from tests.soak.clients import OPERATOR
from tests.soak.environment import Environment
from tests.soak.host import HostFaults
from tests.soak.machine import wait
from tests.support.server import Server

LASTS_SECONDS = (0.3, 6.0)
SLOW_SECONDS = (0.1, 0.4)  # by which answers are late: some below the timeout of the servers, some above
WELL_SECONDS = 60.0  # until all have rejoined, on a machine that does much else


class RedisFaults:
    """What becomes of Redis, one thing at a time, beside all that happens to processes, but not amid a restore."""

    def __init__(
        self,
        redis: RedisServer,
        way: Way,
        servers: Sequence[Server],
        environments: Sequence[Environment],
        host: HostFaults,
        seed: str,
    ) -> None:
        self.rejoined = 0.0  # seconds, the longest from a Redis that is well to servers that all say so
        self._redis = redis
        self._way = way
        self._servers = servers
        self._environments = environments
        self._host = host
        self._random = random.Random(seed)

    def kinds(self) -> dict[str, Callable[[], None]]:
        """Each fault by its name."""
        redis = self._redis
        faults: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
            "Redis dies": (redis.kill, redis.start),
            "Redis hangs": (redis.freeze, redis.thaw),
            "Redis flushed": (redis.flush, lambda: None),
            "Redis restarted empty": (redis.restart, lambda: None),
            "Redis a replica": (redis.follow_nobody, redis.lead),
            "Redis with few replicas": (partial(redis.want_replicas, 1), partial(redis.want_replicas, 0)),
            "Redis full": (redis.fill, redis.drain),
            "Redis slow": (self._slow, self._quick),
            "Redis cut off": (self._way.close, self._way.open),
        }
        return {name: partial(self._play, *fault) for name, fault in faults.items()}

    def _play(self, begin: Callable[[], object], end: Callable[[], object]) -> None:
        with ExitStack() as stack:
            for environment in self._environments:
                stack.enter_context(environment.steady)
            begin()
            try:
                time.sleep(self._random.uniform(*LASTS_SECONDS))
            finally:
                end()
            well, ends = time.monotonic(), self._host.ends_begun
            wait(self._all_well, WELL_SECONDS)
            if not self._host.ending and self._host.ends_begun == ends:
                self.rejoined = max(self.rejoined, time.monotonic() - well)

    def _all_well(self) -> bool:
        return all(engine(server, OPERATOR)["state"] == "ok" for server in self._servers)

    def _slow(self) -> None:
        self._way.delay = self._random.uniform(*SLOW_SECONDS)

    def _quick(self) -> None:
        self._way.delay = 0.0
