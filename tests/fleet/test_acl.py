"""The user of Redis that docs/fleet.md has: poslogs uses no command and no key that it may not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import quiet
from tests.fleet.fleet import COUNTED_S, Fleet
from tests.fleet.redis_server import RedisServer
from tests.fleet.storm import at_once
from tests.fleet.test_page import BLOCKS
from tests.support.need import need
from tests.support.platformos import PlatformOS
from tests.wire.exchange import STREAM, clients, request, wait_for

Starts = Callable[..., Fleet]


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_the_user_of_the_page_is_all_that_a_fleet_needs(
    fleet: Starts, redis: RedisServer, platformos: PlatformOS, kind: str
) -> None:
    """Streams, rates, places, wrong tokens and a flush: Redis has refused nothing."""
    command = BLOCKS["acl"].replace("6379", str(redis.port))
    need("redis-cli")
    told = subprocess.run(
        [need("bash"), "-euo", "pipefail", "-c", command], capture_output=True, text=True, timeout=30, check=True
    )
    assert told.stdout.strip() == "OK"
    platformos.add_many(3)
    url = redis.url.replace("redis://", "redis://poslogs:a-long-password@")
    guest = {"token": "the-token-of-a-guest", "limits": {"requests": "10 per minute", "streams": 2}}
    started = fleet(kind, 2, urls=[url], clients=clients(guest=guest))
    with ExitStack() as stack:
        readers = [
            stack.enter_context(server.stream(STREAM, {"env": "staging", "interval": 250, "lastId": "0"}))
            for server in started.servers
        ]
        for reader in readers:
            reader.wait_entries(3)
        for token in ("the-token-of-a-guest", "a-token-of-nobody"):
            body = request("/call", b'{"tool":"platformos.env.list"}', token=token)
            answers = at_once(stack, started.servers, 12, body)
            assert {answer.status for answer in answers} <= {200, 401, 429}
        redis.flush()
        wait_for(lambda: bool(redis.do("ZCARD", "poslogs:1:streams:watch")), COUNTED_S)
        platformos.add_many(2)
        for reader in readers:
            reader.wait_entries(5)
    wait_for(lambda: not redis.do("ZCARD", "poslogs:1:streams:watch"), COUNTED_S)
    started.wait_state("ok", 5)
    assert redis.do("ACL", "LOG") == []
    for server in started.servers:
        quiet(server)
