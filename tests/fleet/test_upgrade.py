"""How one upgrades: server by server, to a version whose format in Redis is another, and back if need be."""

from __future__ import annotations

import re
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import pytest

from poslogs.fleet.engine import FORMAT
from tests.conftest import GUNICORN_KINDS
from tests.faults.following import flowing, lossless, quiet
from tests.fleet.fleet import REJOIN_S, Fleet
from tests.fleet.heard import Heard
from tests.fleet.redis_server import RedisServer
from tests.fleet.roamer import Roamer
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire.exchange import LIVE, STREAM, wait_for

Starts = Callable[..., Fleet]
TODAY, LATER = "wsgi:app", "tests.fleet.later:app"
HISTORY, MEANWHILE = 20, 20
ASKED = {"env": "staging", "interval": 250, "tail": 0}
COMMAND = re.compile(rb"^\+?[\d.]+ \[\d+ (\S+)\] (.*)$")  # of MONITOR: who gives it, or lua for what a script does
VERSION = re.compile(rb'"poslogs:(\d+):')


def turn_into(server: Server, app: str, fleet: Fleet) -> None:
    """End a server, and start the other version at its port."""
    server.stop()
    server.app = app
    server.start()
    fleet.wait_state("ok", REJOIN_S, [server])


def by_connection(lines: list[bytes]) -> dict[bytes, set[int]]:
    """The versions of the keys that each connection to Redis has named."""
    found: dict[bytes, set[int]] = defaultdict(set)
    for line in lines:
        if (said := COMMAND.match(line)) and said[1] != b"lua":
            found[said[1]] |= {int(version) for version in VERSION.findall(said[2])}
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_an_upgrade_by_rolling_loses_no_row_though_the_two_versions_do_not_meet(
    fleet: Starts, redis: RedisServer, platformos: PlatformOS, kind: str
) -> None:
    """Three servers become another version one by one, the first of them twice, as it went back; rows keep coming.

    Readers come back at any server with their last id, whatever its version. While there are two versions each has its
    own poll; no process names a key of the other, and what the last of a version leaves ends by itself.
    """
    platformos.add_many(HISTORY)
    started = fleet(kind, forked=False)
    first, second, third = started.servers
    with ExitStack() as stack:
        readers = [
            stack.enter_context(Roamer(started.urls, number, tool=(STREAM, LIVE)[number % 2])) for number in range(12)
        ]
        for reader in readers:
            reader.wait(HISTORY)
        with Heard(redis) as heard, flowing(platformos, 0.05):
            for server, app in ((first, LATER), (first, TODAY), (first, LATER), (second, LATER), (third, LATER)):
                turn_into(server, app, started)
                each_has_a_reader_and_its_version_a_poll(started)
                high = len(platformos.ids) + MEANWHILE
                for reader in readers:
                    reader.cut()
                wait_for(lambda high=high: len(platformos.ids) >= high, 30)  # type: ignore[misc]
                for reader in readers:
                    reader.wait(high, 30)
            last = uuid.uuid4().hex
            redis.do("ECHO", last)
            named = by_connection(heard.lines(last.encode()))
        lossless(readers, platformos)
    assert all(len(versions) <= 1 for versions in named.values()), named
    assert set.union(*named.values()) == {FORMAT, FORMAT + 1}
    for key in redis.all_keys():
        assert redis.do("PTTL", key) != -1, f"{key!r} would stay for ever"
    for server in started.servers:
        quiet(server)


def each_has_a_reader_and_its_version_a_poll(fleet: Fleet) -> None:
    """See that the processes of a version know of each other alone, and that one of each version polls for them."""
    with ExitStack() as stack:
        readers = [stack.enter_context(server.stream(STREAM, ASKED)) for server in fleet.servers]
        for reader in readers:
            reader.wait_entries(1, 30)
        for app in {server.app for server in fleet.servers}:
            mine = [server for server in fleet.servers if server.app == app]
            wait_for(lambda mine=mine: are_one(mine), 30)  # type: ignore[misc]


def are_one(servers: Sequence[Server]) -> bool:
    """Whether servers count these processes and no other, and agree on one of them that polls."""
    told = [server.get("/health").json() for server in servers]
    polled = {each["environments"][0].get("polledBy") for each in told}
    return {each["processes"] for each in told} == {len(servers)} and polled <= {each["process"] for each in told}
