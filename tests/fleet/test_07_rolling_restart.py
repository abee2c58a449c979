"""Promise 7: a rolling restart under 2,000 readers costs platformOS one question for each environment and process."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import flowing
from tests.fleet.fleet import REJOIN_S, Fleet
from tests.fleet.throng import Throng
from tests.support.platformos import PlatformOS
from tests.support.server import TOKEN
from tests.wire.exchange import wait_for

Starts = Callable[..., Fleet]
READERS = {"gevent": 2000, "gthread": 300}  # as many as threads hold at two of three servers
ROWS_EVERY_S = 0.25
INTERVAL_S = 0.5
ROOM = {"default": {"token": TOKEN, "limits": {"requests": "1000000 per minute", "streams": 5000}}}
HISTORY = 20
TURNS = 2  # at most, to see it without a loss of Redis meanwhile


@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_rolling_restart_costs_no_questions(fleet: Starts, platformos: PlatformOS, kind: str) -> None:
    """One after another ends and starts anew, while rows keep coming: readers resume from what is shared.

    A process that lost Redis polls for itself until it is back: where that cost more, they are restarted once more.
    """
    platformos.add_many(HISTORY)
    started = fleet(kind, clients=ROOM)
    ports = [server.port for server in started.servers]
    with Throng(ports, READERS[kind], 0, interval=int(INTERVAL_S * 1000)) as throng, flowing(platformos, ROWS_EVERY_S):
        throng.wait(HISTORY, 120)

        def restarts() -> tuple[list[tuple[float, int, int]], int, float]:
            """The questions for what had been asked for before, how many there were in all, and within how long."""
            started.poller()
            begun = time.monotonic()
            since, connections = len(platformos.requests), throng.connections
            for server in started.servers:
                server.stop()
                server.start()
                started.wait_state("ok", REJOIN_S, [server])
                throng.wait(len(platformos.ids), 120)
            wait_for(lambda: throng.connections >= connections + READERS[kind], 60)
            last = len(platformos.ids) + 10
            throng.wait(last, 120)
            requests = platformos.requests[since:]
            took = time.monotonic() - begun
            assert throng.wrong == []
            beyond, high = [], 0
            for one in requests:
                asked = int(one.last_id or 0)
                if asked < high:
                    beyond.append((round(one.at - requests[0].at, 2), asked, high))
                high = max(high, asked)
            return beyond, len(requests), took

        for _ in range(TURNS):
            losses = started.losses()
            beyond, asked, took = restarts()
            most = took / INTERVAL_S + 2 * len(started.servers)
            lost = started.losses() - losses
            if not lost or (len(beyond) <= len(started.servers) and asked <= most):
                break
            print("Redis was lost:", *lost.elements(), beyond, asked, took, sep="\n")
            started.wait_state("ok", REJOIN_S)
        assert len(beyond) <= len(started.servers), beyond
        assert asked <= most
    began = time.monotonic()
    wait_for(lambda: all(server.streams_open() == 0 for server in started.servers), 60)
    assert time.monotonic() - began < 60
