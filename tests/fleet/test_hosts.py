"""Hosts with several processes of their own are one service over a Redis, as gunicorn's workers are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

import pytest

from tests.fleet.fleet import REJOIN_S, engine
from tests.fleet.redis_server import RedisServer
from tests.fleet.storm import at_once
from tests.hosts.hosts import FEW, FEW_STREAMS, Host, ModWsgi, Uwsgi, UwsgiGevent
from tests.support.platformos import PlatformOS
from tests.support.reader import Reader
from tests.wire.exchange import asking, request, wait_for

READERS = 6  # among which are most likely some of each process
SURE, MOST = 5, 80  # refusals that are waited for, and streams asked for at most
BELOW = "/logs/call-stream"


class Processes:
    """A host of `count` processes over a Redis."""

    count: ClassVar = 2

    def over(self, redis: RedisServer) -> None:
        """Have the processes share this Redis, once they are started."""
        assert isinstance(self, Host)
        self._environ["POSLOGS_REDIS_URL"] = redis.url
        self.redis = redis


class TwoUwsgi(Processes, Uwsgi):
    """uWSGI with threads in two processes."""

    size: ClassVar = {**Uwsgi.size, "processes = 1": "processes = 2"}


class TwoUwsgiGevent(Processes, UwsgiGevent):
    """uWSGI with greenlets in two processes."""

    size: ClassVar = {**UwsgiGevent.size, "processes = 1": "processes = 2"}


class TwoModWsgi(Processes, ModWsgi):
    """A daemon of mod_wsgi of two processes, whose settings are in poslogs.wsgi."""

    def _command(self) -> list[str]:
        argv = super()._command()
        conf, script = self.folder / "poslogs-wsgi.conf", self.folder / "poslogs.wsgi"
        conf.write_text(conf.read_text().replace("processes=1", "processes=2"))
        line = f'os.environ["POSLOGS_REDIS_URL"] = "{self.redis.url}"\n'
        script.write_text(script.read_text().replace("\nfrom poslogs.wsgi", f"{line}\nfrom poslogs.wsgi"))
        return argv


@pytest.fixture(params=[TwoUwsgi, TwoUwsgiGevent, TwoModWsgi], ids=["uwsgi", "uwsgi-gevent", "mod_wsgi"])
def host(request: pytest.FixtureRequest, redis: RedisServer, platformos: PlatformOS, tmp_path: Path) -> Iterator[Host]:
    """Each host in turn, with two processes."""
    made = request.param(tmp_path, platformos)
    made.over(redis)
    with made as host:
        wait_for(lambda: engine(host)["state"] == "ok", REJOIN_S)
        yield host


def test_two_processes_are_one_service(host: Host, platformos: PlatformOS) -> None:
    """One poll for readers at both; ten places of a client over both, which are free as they leave."""
    platformos.add_many(3)
    with ExitStack() as stack:
        readers: list[Reader] = [stack.enter_context(host.open(last="0")) for _ in range(READERS)]
        for reader in readers:
            reader.wait_entries(3, 30)
        counted = len(platformos.requests)
        ats = []
        for count in range(4, 16):
            ats.append(platformos.add_many(1))
            for reader in readers:
                reader.wait_entries(count, 20)
        for reader in readers:
            assert reader.entry_ids == platformos.ids
        spent = platformos.requests[-1].at - platformos.requests[counted].at
        assert len(platformos.requests) - counted <= spent / 0.25 + 3
    wait_for(lambda: places(host) == FEW_STREAMS, 40)  # also those of readers that have left: a server may notice late
    wait_for(lambda: places(host) == FEW_STREAMS, 40)
    assert "Traceback" not in host.output, host.output


def places(host: Host) -> int:
    """How many streams a client of ten is given, one after another, until several were refused over the limit."""
    told: Counter[int] = Counter()
    with ExitStack() as stack:
        while told[429] < SURE and told.total() < MOST:  # 503: a process is full, and the next may be the other's
            (one,) = at_once(stack, [host], 1, request(BELOW, asking(interval=500), token=FEW))
            told[one.status] += 1
    assert set(told) <= {200, 429, 503}
    assert told[200] <= FEW_STREAMS, told
    return told[200] if told[429] == SURE else 0
