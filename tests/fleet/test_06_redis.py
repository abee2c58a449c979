"""Promise 6: whatever becomes of Redis, streams go on; what is away is said, and all rejoin by themselves."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import bound, flowing, lossless
from tests.fleet.conftest import HEARTBEAT
from tests.fleet.fleet import COUNTED_S, NOTICE_S, REJOIN_S, Fleet
from tests.fleet.redis_server import RedisServer
from tests.fleet.roamer import Roamer
from tests.fleet.storm import at_once
from tests.fleet.way import Way
from tests.support.platformos import PlatformOS
from tests.support.quickest import quickest
from tests.support.server import Server, free_port
from tests.wire.exchange import LIVE, PLENTY, STREAM, asking, clients, request, wait_for

Starts = Callable[..., Fleet]
GUEST, OTHER = "guest-token-11ab", "other-token-22cd"
PLACES = 10
SLOW_S = 0.3
MOST_WAIT_S = 0.5  # of a request for Redis
OWN_S = 0.5  # what an answer may take beside that here
ROWS_MEANWHILE = 60
TIMES, MOST_LATE = 30, 2  # and how many of these this machine may have made late


class Fault(NamedTuple):
    """What is done to a Redis, what undoes it, and whether it must be said."""

    begin: Callable[[RedisServer], None]
    end: Callable[[RedisServer], None]
    told: bool = True


NOTHING = Fault(lambda redis: None, lambda redis: None)
AWAY = {
    "dies": Fault(RedisServer.kill, RedisServer.start),
    "hangs": Fault(RedisServer.freeze, RedisServer.thaw),
    "is a replica": Fault(RedisServer.follow_nobody, RedisServer.lead),
    "has too few replicas": Fault(lambda redis: redis.want_replicas(1), lambda redis: redis.want_replicas(0)),
    "is full": Fault(RedisServer.fill, RedisServer.drain),
}
BLINKS = {
    "is flushed": Fault(RedisServer.flush, lambda redis: None, told=False),
    "is restarted empty": Fault(RedisServer.restart, lambda redis: None, told=False),
}


def everybody(**limits: object) -> dict[str, object]:
    """The clients of these tests: the reader of all, and two guests with these limits."""
    more = {"guest": {"token": GUEST, "limits": limits}, "other": {"token": OTHER, "limits": limits}}
    return clients(**more)


def roamers(fleet: Fleet, stack: ExitStack, each: int = 3) -> list[Roamer]:
    """Readers at every server that have read what is there."""
    found = [
        stack.enter_context(Roamer([server.url], tool=(STREAM, LIVE)[number % 2]))
        for server in fleet.servers
        for number in range(each)
    ]
    for reader in found:
        reader.wait(len(fleet.platformos.ids))
    return found


def go_on(readers: Sequence[Roamer], platformos: PlatformOS, count: int) -> None:
    """Wait until so many rows more have come, and each reader has them."""
    high = len(platformos.ids) + count
    wait_for(lambda: len(platformos.ids) >= high, 30)
    for reader in readers:
        reader.wait(high, 20)


@contextmanager
def uncut(readers: Sequence[Roamer], platformos: PlatformOS) -> Iterator[None]:
    """Each reader gets every row of the `with` once, over the connection that it has before."""
    here = {reader: reader.answers[-1] for reader in readers}
    yield
    lossless(readers, platformos)
    for reader in readers:
        assert reader.answers[-1] is here[reader], "a stream was cut"


def opened(fleet: Fleet, count: int, token: str = GUEST) -> Counter[int]:
    """The statuses of streams that were opened at one instant over all, and left."""
    with ExitStack() as stack:
        answers = at_once(stack, fleet.servers, count, request("/call-stream", asking(interval=500), token=token))
        return Counter(one.status for one in answers)


@pytest.mark.parametrize("fault", AWAY)
@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_streams_go_on_while_redis_is_away_and_all_rejoin(
    fleet: Starts, redis: RedisServer, platformos: PlatformOS, kind: str, fault: str
) -> None:
    """Each process says so within 5 s, polls for itself, and holds limits by itself; 10 s after, they are one again."""
    platformos.add_many(5)
    started = fleet(kind, clients=everybody(**{**PLENTY, "streams": PLACES}))
    with ExitStack() as stack:
        readers = roamers(started, stack)
        before = datetime.now(UTC)
        with uncut(readers, platformos), flowing(platformos, 0.05):
            AWAY[fault].begin(redis)
            stack.callback(AWAY[fault].end, redis)
            started.wait_state("degraded", NOTICE_S)
            for told in started.engines():
                assert before.timestamp() - 1 <= datetime.fromisoformat(told["since"]).timestamp()
                assert len(told["why"]) > 10
                assert told["why"].endswith(".")
            for server in started.servers:
                assert "poslogs_engine" in server.get("/metrics").text
            go_on(readers, platformos, ROWS_MEANWHILE)
            # By process: each has ten places, whatever the others hold.
            assert opened(started, 20 * len(started.servers))[200] == PLACES * len(started.servers)
            AWAY[fault].end(redis)
            started.wait_state("ok", REJOIN_S)
            started.poller(timeout=20)
            go_on(readers, platformos, 20)
        for reader in readers:
            assert not [error for error in reader.answers[-1].errors if "Redis" in error.get("message", "")]
        wait_for(lambda: opened(started, 30)[200] == PLACES, bound(COUNTED_S))


@pytest.mark.parametrize("fault", BLINKS)
@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_flush_and_an_empty_restart_cost_nothing(
    fleet: Starts, redis: RedisServer, platformos: PlatformOS, kind: str, fault: str
) -> None:
    """Not one entry, again and again; one poll goes on; open streams are counted again within 12 s."""
    platformos.add_many(5)
    started = fleet(kind, clients=everybody(**{**PLENTY, "streams": PLACES}))
    body = request("/call-stream", asking(interval=500), token=OTHER)
    with ExitStack() as stack:
        readers = roamers(started, stack)
        assert {one.status for one in at_once(stack, started.servers, PLACES - 1, body)} == {200}
        with uncut(readers, platformos), flowing(platformos, 0.05):
            for _ in range(4):
                BLINKS[fault].begin(redis)
                go_on(readers, platformos, 40)
            started.wait_state("ok", REJOIN_S)
            wait_for(lambda: opened(started, 6, OTHER)[200] == 1, bound(COUNTED_S))
            started.poller(timeout=20)


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_redis_that_answers_slowly_slows_no_stream(
    fleet: Starts, redis: RedisServer, platformos: PlatformOS, kind: str
) -> None:
    """With answers after 300 ms no request waits longer than half a second for it, and nothing is lost.

    Where one of eight rounds of requests takes longer, it is made again, since this machine may have stood still.
    """
    platformos.add_many(5)
    with Way(redis.port) as way:
        started = fleet(kind, urls=[way.url], clients=everybody(**PLENTY))
        with ExitStack() as stack:
            readers = roamers(started, stack)
            with flowing(platformos, 0.05):
                way.delay = SLOW_S
                for _ in range(8):
                    assert quickest(lambda: slowest(started), MOST_WAIT_S + OWN_S) < MOST_WAIT_S + OWN_S
                    go_on(readers, platformos, 10)
                way.delay = 0.0
                started.wait_state("ok", REJOIN_S)
                started.poller(timeout=20)
            lossless(readers, platformos)


@pytest.mark.parametrize("fault", ["dies", "hangs"])
@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_nobody_waits_for_a_redis_that_is_known_to_be_away(
    fleet: Starts, redis: RedisServer, platformos: PlatformOS, kind: str, fault: str
) -> None:
    """The requests at its end wait half a second at most, and later ones not at all: only a prober asks it.

    Two of the thirty rounds of later requests may take longer, since this machine may have stood still.
    """
    with Way(redis.port) as way:
        started = fleet(kind, urls=[way.url], clients=everybody(**PLENTY))

        def breaks() -> float:
            """Seconds of the slowest request as Redis breaks, which all have seen then."""
            started.wait_state("ok", REJOIN_S)
            AWAY[fault].begin(redis)
            seconds = slowest(started)
            started.wait_state("degraded", NOTICE_S)
            if seconds >= MOST_WAIT_S + OWN_S:
                AWAY[fault].end(redis)
            return seconds

        try:
            assert quickest(breaks, MOST_WAIT_S + OWN_S) < MOST_WAIT_S + OWN_S
            begun, asked = time.monotonic(), way.connections
            waits = [slowest(started) for _ in range(TIMES)]
            more = way.connections - asked
            took = time.monotonic() - begun
            late = {turn: seconds for turn, seconds in enumerate(waits) if seconds >= OWN_S}
            assert len(late) <= MOST_LATE, late
            assert more <= len(started.servers) * (took / 0.4 + 3), "more than a prober asks"
        finally:
            AWAY[fault].end(redis)
        started.wait_state("ok", REJOIN_S)


def slowest(fleet: Fleet) -> float:
    """Seconds of the slowest among a call and a stream's first byte at each server, at once."""
    call = request("/call", b'{"tool":"platformos.env.list"}', token=GUEST)
    stream = request("/call-stream", asking(interval=500), token=GUEST)
    found = 0.0
    for data in (call, stream):
        begun = time.monotonic()
        with ExitStack() as stack:
            assert {one.status for one in at_once(stack, fleet.servers, len(fleet.servers), data)} == {200}
            found = max(found, time.monotonic() - begun)
    return found


def test_one_process_that_is_cut_off_polls_for_itself_and_rejoins(
    fleet: Starts, redis: RedisServer, platformos: PlatformOS
) -> None:
    """The others stay one. Whichever is cut off, the one that polls among them, no reader loses or repeats a row."""
    platformos.add_many(5)
    with ExitStack() as stack:
        ways = [stack.enter_context(Way(redis.port)) for _ in range(3)]
        started = fleet(urls=[way.url for way in ways])
        readers = roamers(started, stack)
        with uncut(readers, platformos), flowing(platformos, 0.05):
            for alone in (0, 1, 2, started.servers.index(started.server_of(started.poller(timeout=20)))):
                others = [server for server in started.servers if server is not started.servers[alone]]
                ways[alone].close()
                started.wait_state("degraded", NOTICE_S, [started.servers[alone]])
                go_on(readers, platformos, 40)
                started.wait_state("ok", 1, others)
                ways[alone].open()
                started.wait_state("ok", REJOIN_S)
                started.poller(timeout=20)


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_poslogs_starts_while_redis_is_away_and_joins_later(
    fleet: Starts, redis: RedisServer, platformos: PlatformOS, kind: str
) -> None:
    """It serves at once, degraded; readers lose nothing as it joins."""
    platformos.add_many(5)
    redis.kill()
    started = fleet(kind, wait=False)
    started.wait_state("degraded", NOTICE_S)
    with ExitStack() as stack:
        readers = roamers(started, stack)
        with flowing(platformos, 0.05):
            redis.start()
            started.wait_state("ok", REJOIN_S)
            started.poller(timeout=20)
        lossless(readers, platformos)


@pytest.mark.parametrize("url", ["http://127.0.0.1:6379", "127.0.0.1:6379", "redis://127.0.0.1:port/0"])
def test_an_address_that_cannot_be_understood_ends_the_start(
    started: Callable[..., Server], platformos: PlatformOS, url: str
) -> None:
    """In one sentence that names the variable, without a password."""
    secret = "a-password-of-redis"
    url = url.replace("://", f"://:{secret}@", 1)
    environ = {**HEARTBEAT, "POSLOGS_REDIS_URL": url}
    with started("gevent", environments={"staging": platformos}, env=environ, start=False) as server:
        server.start(wait=False)
        assert server.wait_exit(30) == 1
        server.out.wait_closed()
        (told,) = server.output.splitlines()
        assert told.startswith("poslogs cannot start: POSLOGS_REDIS_URL ")
        assert secret not in told


def test_without_the_variable_nothing_is_said_of_an_engine(
    started: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Neither in /health nor at the start."""
    with started("gevent", environments={"staging": platformos}) as server:
        assert "engine" not in server.get("/health").json()
        assert "poslogs_engine" not in server.get("/metrics").text
        assert "Redis" not in server.output


def test_an_address_nobody_listens_at_is_no_reason_not_to_start(
    started: Callable[..., Server], platformos: PlatformOS
) -> None:
    """The password in it is never shown, not even in what /health says."""
    secret = "a-password-of-redis"
    url = f"redis://:{secret}@127.0.0.1:{free_port()}/0"
    with started("gevent", environments={"staging": platformos}, env={"POSLOGS_REDIS_URL": url}) as server:
        wait_for(lambda: server.get("/health").json()["engine"]["state"] == "degraded", bound(NOTICE_S))
        said = server.get("/health").text + server.get("/metrics").text + server.output
        assert secret not in said
