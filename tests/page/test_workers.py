"""Workers: behind the page are several processes over one Redis, and it is as right as with one."""

from __future__ import annotations

import os
import signal

from tests.fleet.conftest import HEARTBEAT
from tests.fleet.fleet import engine
from tests.fleet.redis_server import RedisServer
from tests.page.complaints import AWAY, Complaints
from tests.page.conftest import Start, Visit
from tests.support.platformos import PlatformOS
from tests.wire.exchange import wait_for

WORKERS = 3


def test_the_page_misses_and_repeats_nothing_whichever_worker_is_lost(
    server: Start, platformos: PlatformOS, visit: Visit, complaints: Complaints
) -> None:
    """Each worker is killed in turn. Another filter is asked for from whichever answers."""
    complaints.expect(*AWAY)
    with RedisServer() as redis:
        started = server(
            environments={"staging": platformos},
            args=("-w", str(WORKERS)),
            env={**HEARTBEAT, "POSLOGS_REDIS_URL": redis.url},
        )
        wait_for(lambda: len(started.worker_pids()) == WORKERS, 20)
        wait_for(lambda: engine(started)["state"] == "ok", 20)
        platformos.add_many(20)
        screen = visit(started).connect()
        screen.wait_ids(platformos.ids)
        for worker in started.worker_pids():
            platformos.add_many(5)
            os.kill(worker, signal.SIGKILL)
            platformos.add_many(5)
            screen.wait_ids(platformos.ids)
        screen.set_filter("type:error")
        screen.wait_ids([])
        screen.set_filter("")
        screen.wait_ids(platformos.ids)
        screen.wait_state("live")
