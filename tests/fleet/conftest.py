"""A Redis, and a fleet over it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest

from tests.fleet.fleet import REJOIN_S, Fleet
from tests.fleet.redis_server import RedisServer
from tests.support.platformos import PlatformOS
from tests.support.server import TOKEN, Server
from tests.wire.exchange import PLENTY

WATCH = {"watch": {"token": TOKEN, "limits": PLENTY}}  # whoever asks how the fleet is
HEARTBEAT = {"POSLOGS_HEARTBEAT_SECONDS": "0.5"}
Starts = Callable[..., Fleet]


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """An empty Redis."""
    with RedisServer() as redis:
        yield redis


@pytest.fixture
def fleet(started: Callable[..., Server], platformos: PlatformOS, redis: RedisServer) -> Iterator[Starts]:
    """Starts a fleet: `fleet(kind="gevent", count=3, **kw)` with `kw` as for Server, each with what follows.

    `urls` are the ways to Redis, which the servers have in turn; `wait` is for all to have joined.
    """
    with ExitStack() as stack:

        def start(
            kind: str = "gevent",
            count: int = 3,
            *,
            urls: list[str] | None = None,
            env: Mapping[str, str] | None = None,
            environments: Mapping[str, PlatformOS] | None = None,
            clients: Mapping[str, Any] | None = None,
            wait: bool = True,
            **kw: Any,
        ) -> Fleet:
            known = clients
            if clients is not None and not any(one.get("token") == TOKEN for one in clients.values()):
                known = {**WATCH, **clients}
            ways = itertools.cycle(urls or [redis.url])
            servers = [
                stack.enter_context(
                    started(
                        kind,
                        environments=environments or {"staging": platformos},
                        env={**HEARTBEAT, "POSLOGS_REDIS_URL": next(ways), **(env or {})},
                        clients=known,
                        **kw,
                    )
                )
                for _ in range(count)
            ]
            fleet = Fleet(servers, platformos)
            if wait:
                fleet.wait_state("ok", REJOIN_S)
            return fleet

        yield start
