"""What the tests of a fleet rest on: a Redis with its faults, a slow way to it, whose connection one is, readers."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError, ResponseError, TimeoutError

from tests.faults.following import flowing, lossless
from tests.fleet.fleet import owner
from tests.fleet.heard import Heard
from tests.fleet.redis_server import RedisServer
from tests.fleet.roamer import Roamer
from tests.fleet.throng import Throng
from tests.fleet.way import Way
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire.exchange import wait_for

FAULTS = {
    "kill": (RedisServer.kill, RedisServer.start, NoConnection),
    "freeze": (RedisServer.freeze, RedisServer.thaw, TimeoutError),
    "replica": (RedisServer.follow_nobody, RedisServer.lead, ReadOnlyError),
    "few replicas": (lambda it: it.want_replicas(1), lambda it: it.want_replicas(0), ResponseError),
    "full": (RedisServer.fill, RedisServer.drain, OutOfMemoryError),
}


def client(port: int, seconds: float = 10) -> Redis:
    """A client that waits so long."""
    return Redis("127.0.0.1", port, socket_timeout=seconds, socket_connect_timeout=seconds)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_redis_is_what_it_says_and_is_undone(redis: RedisServer, fault: str) -> None:
    """A write fails as it must, and works afterwards."""
    begin, end, error = FAULTS[fault]
    assert client(redis.port).set("a", "1")
    begin(redis)
    try:
        with pytest.raises(error):
            client(redis.port, 1 if error is TimeoutError else 10).set("a", "2")
    finally:
        end(redis)
    wait_for(lambda: _writes(redis))


def _writes(redis: RedisServer) -> bool:
    try:
        return bool(client(redis.port).set("a", "3"))
    except RedisError:
        return False


def test_a_flush_and_a_restart_leave_nothing(redis: RedisServer) -> None:
    """What was there is in the dump before, and gone after."""
    client(redis.port).hset("a:1:h", "field", "value")
    client(redis.port).xadd("a:1:s", {"x": "y"})
    assert redis.dump() == b"a:1:h\nfield\nvalue\na:1:s\nx\ny"
    redis.flush()
    assert redis.all_keys() == []
    client(redis.port).zadd("z", {"member": 1})
    assert redis.dump() == b"z\nmember"
    redis.restart()
    assert redis.dump() == b""


def test_what_a_redis_is_told_is_heard(redis: RedisServer) -> None:
    """Commands and their arguments, those within scripts too."""
    with Heard(redis) as heard:
        client(redis.port).eval("redis.call('SET', KEYS[1], ARGV[1])", 1, "within", "the-argument")
        redis.do("ECHO", "the-end")
        lines = heard.lines(b"the-end")
    assert any(b'"SET" "within" "the-argument"' in line for line in lines)


def test_a_way_delays_answers_refuses_and_opens_again(redis: RedisServer) -> None:
    """A client that it is closed for can be served later, on the same port."""
    with Way(redis.port) as way:
        one = client(way.port)
        assert one.ping()
        way.delay = 0.3
        begun = time.monotonic()
        assert one.ping()
        assert time.monotonic() - begun >= 0.3
        way.delay = 0.0
        way.close()
        with pytest.raises(NoConnection):
            client(way.port).ping()
        way.open()
        assert client(way.port).ping()
        assert way.connections >= 2


def test_a_question_s_process_is_found(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """The worker that polls is the one whose connection the question came over."""
    running = server("gevent")
    with Roamer([running.url]) as reader:
        platformos.add_many(2)
        reader.wait(2)
        asked = platformos.requests[-1]
        (worker,) = running.worker_pids()
        assert owner(asked.port, platformos.port, [1, worker]) == worker


def test_a_roamer_comes_back_at_the_next_server(started: Callable[..., Server], platformos: PlatformOS) -> None:
    """Cut and cut again, it has everything once."""
    platformos.add_many(3)
    environments = {"staging": platformos}
    with (
        started("gevent", environments=environments) as one,
        started("gevent", environments=environments) as other,
        Roamer([one.url, other.url]) as reader,
        flowing(platformos),
    ):
        for count in range(3, 8):
            wait_for(lambda count=count: len(reader.answers) > count - 3)  # type: ignore[misc]
            reader.wait(count * 10)
            reader.cut()
        used = list(reader.answers)
        assert len(used) >= 5
    lossless([], platformos)
    assert reader.ids == platformos.ids[: len(reader.ids)]
    assert len(reader.ids) >= 70


def test_a_throng_sees_what_is_lost_and_what_comes_twice(
    started: Callable[..., Server], platformos: PlatformOS
) -> None:
    """A gap in the ids is lost, a row below its position doubled; and a restart cuts all, who come back."""
    platformos.add_many(5)
    with started("gevent", environments={"staging": platformos}) as one, Throng([one.port], 30, 0) as throng:
        throng.wait(5, 20)
        one.stop()
        one.start()
        platformos.add_many(5)
        throng.wait(10, 30)
        assert throng.wrong == []
        assert throng.connections >= 60
        platformos.add({"id": 12})
        throng.wait(12, 20)
        assert len(throng.wrong) == 30
        assert throng.members[0].lost == [11]
