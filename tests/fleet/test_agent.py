"""An agent that follows a log call by call, each at another process: nothing is missed, and nothing comes twice."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import quiet
from tests.fleet.fleet import Fleet
from tests.support.platformos import PlatformOS
from tests.wire.agent import FETCH, called, content, ended, live
from tests.wire.exchange import clients

Starts = Callable[..., Fleet]
ROWS = 1000
MOST_CALLS = 300


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_thousand_rows_come_once_by_last_id_over_three_processes(
    fleet: Starts, platformos: PlatformOS, kind: str
) -> None:
    """Rows come in bursts between the calls, which have random tools, lengths and limits."""
    chance = random.Random(18)
    platformos.page = 40
    platformos.add_many(5)
    servers = fleet(kind, clients=clients()).servers
    last, got, left, calls = "5", [], ROWS, 0
    while left or last != platformos.ids[-1]:
        assert calls < MOST_CALLS
        if burst := min(left, chance.randint(1, 60)):
            platformos.add_many(burst)
            left -= burst
        server, limit = servers[calls % len(servers)], chance.randint(1, 120)
        calls += 1
        way = chance.choice(("fetch", "live", "call"))
        if way == "call":
            found = server.call("platformos.logs.fetch", {"env": "staging", "lastId": last, "limit": limit})
            got += [entry["id"] for entry in found["logs"]]
        else:
            if way == "fetch":
                found = called(server, FETCH, env="staging", lastId=last, limit=limit)
            else:
                with live(server, modern=chance.random() < 0.5, lastId=last, limit=limit, maxDuration=1000) as call:
                    found = content(ended(call))
            got += [entry["id"] for entry in found["entries"]]
        last = found["lastId"]
    assert got == platformos.ids[5:]
    for server in servers:
        quiet(server)
