"""Promise 2: request rates, wrong tokens and places of a client hold exactly over all processes, under a storm."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import bound
from tests.fleet.fleet import TURNS, Fleet, kill
from tests.fleet.redis_server import RedisServer
from tests.fleet.storm import at_once
from tests.fleet.way import Way
from tests.support.platformos import PlatformOS
from tests.wire.exchange import OPERATOR, PLENTY, Answer, asking, clients, request, wait_for

Starts = Callable[..., Fleet]
SHAPES = [
    pytest.param("gevent", 3, (), id="gevent, three servers"),
    pytest.param("gthread", 3, (), id="gthread, three servers"),
    pytest.param("gevent", 1, ("-w", "4"), id="gevent, four workers"),
]
GUESTS = [f"guest-{number}-token-11ab" for number in range(TURNS)]  # where one was counted, another comes
GUEST = GUESTS[0]
ADDRESSES = [f"127.0.0.{number}" for number in range(7, 7 + TURNS)]
WRONG = request("/call", b'{"tool":"platformos.env.list"}', token="a-token-of-nobody-at-all")
STREAM = request("/call-stream", asking(interval=500), token=GUEST)
PLACES = 10
ANSWER_S, TRIES = 0.08, 12
LAPSE_S = 30.0  # until a place that a killed process held is free

shapes = pytest.mark.parametrize(("kind", "count", "args"), SHAPES)


def guests(**limits: object) -> dict[str, object]:
    """The clients, among them guests with these limits."""
    return clients(**{guest: {"token": guest, "limits": limits} for guest in GUESTS})


def listing(guest: str = GUEST) -> bytes:
    """A guest's request for a list; of calls not all may be under way at once."""
    return request("/tools", method="GET", token=guest, length=False)


def storm(fleet: Fleet, count: int, data: bytes, source: str = "127.0.0.1") -> list[Answer]:
    """The answers to so many requests at one instant, over all processes."""
    with ExitStack() as stack:
        return at_once(stack, fleet.servers, count, data, source)


def held(redis: RedisServer) -> int:
    """How many places are taken over all."""
    return sum(int(redis.do("ZCARD", key)) for key in redis.all_keys() if b":streams:" in key)


def told(answers: Sequence[Answer]) -> Counter[int]:
    """How often each status came."""
    return Counter(one.status for one in answers)


@shapes
def test_twenty_requests_in_ten_seconds_and_not_one_more(
    fleet: Starts, kind: str, count: int, args: tuple[str, ...]
) -> None:
    """Of ninety at one instant, over all processes, exactly twenty are answered; the others are told when to return."""
    started = fleet(kind, count, args=list(args), clients=guests())
    turns = iter(GUESTS)
    answers = started.undisturbed(lambda: storm(started, 90, listing(next(turns))))
    assert told(answers) == {200: 20, 429: 70}
    for refused in (one for one in answers if one.status == 429):
        assert refused.sentence.startswith("20 requests in 10 s reached")
        assert 1 <= int(refused.headers["retry-after"]) <= 10


@shapes
def test_a_hundred_requests_a_minute_and_not_one_more(
    fleet: Starts, kind: str, count: int, args: tuple[str, ...]
) -> None:
    """Of 240 at one instant exactly a hundred are answered."""
    started = fleet(kind, count, args=list(args), clients=guests(requests="100 per minute"))
    turns = iter(GUESTS)
    answers = started.undisturbed(lambda: storm(started, 240, listing(next(turns))))
    assert told(answers) == {200: 100, 429: 140}


@shapes
def test_wrong_tokens_of_an_address_are_counted_over_all(
    fleet: Starts, kind: str, count: int, args: tuple[str, ...]
) -> None:
    """Twenty are told that the token is not known, the others that there were too many; a right token still works."""
    started = fleet(kind, count, args=list(args), clients=guests(**PLENTY))
    turns = iter(ADDRESSES)

    def wrong_and_right() -> tuple[list[Answer], list[Answer]]:
        address = next(turns)
        return storm(started, 60, WRONG, address), storm(started, 12, listing(), address)

    wrong, right = started.undisturbed(wrong_and_right)
    assert told(wrong) == {401: 20, 429: 40}
    assert told(right) == {200: 12}


@shapes
def test_ten_places_of_a_client_and_not_one_more(
    fleet: Starts, redis: RedisServer, platformos: PlatformOS, kind: str, count: int, args: tuple[str, ...]
) -> None:
    """Of sixty streams at one instant exactly ten are opened. When they leave, ten others are, wherever they come."""
    started = fleet(kind, count, args=list(args), clients=guests(**{**PLENTY, "streams": PLACES}))

    def wait_free() -> None:
        wait_for(lambda: all(one.streams_open(OPERATOR) == 0 for one in started.servers) and held(redis) == 0, 15)

    def sixty() -> list[Answer]:
        """The answers to sixty at one instant, once all places are free."""
        wait_free()
        return storm(started, 60, STREAM)

    for _ in range(3):
        answers = started.undisturbed(sixty)
        assert told(answers) == {200: PLACES, 429: 60 - PLACES}
    wait_free()


@shapes
def test_places_of_a_killed_process_are_free_once_its_leases_lapse(
    fleet: Starts, redis: RedisServer, platformos: PlatformOS, kind: str, count: int, args: tuple[str, ...]
) -> None:
    """After kill -9 of all workers nobody gives the places back; a little more than 30 s later all ten are free."""
    started = fleet(kind, count, args=list(args), clients=guests(**{**PLENTY, "streams": PLACES}))
    with ExitStack() as stack:

        def all_ten() -> list[Answer]:
            """What opens ten streams, which stay open."""
            stack.close()
            wait_for(lambda: held(redis) == 0, 15)
            return at_once(stack, started.servers, PLACES, STREAM)

        assert told(started.undisturbed(all_ten)) == {200: PLACES}
        for pid in started.workers():
            kill(pid)
        killed = time.monotonic()
    for server in started.servers:
        server.wait_live()

    def all_are_free() -> bool:
        return told(started.undisturbed(lambda: storm(started, PLACES, STREAM))) == {200: PLACES}

    latest = LAPSE_S + bound(10)
    wait_for(all_are_free, latest - (time.monotonic() - killed), every=0.5)
    took = time.monotonic() - killed
    assert took > LAPSE_S / 3, "they were never held over all"
    assert took < latest


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_stream_opens_with_two_round_trips_to_redis_at_most(
    fleet: Starts, redis: RedisServer, platformos: PlatformOS, kind: str
) -> None:
    """Where each answer of Redis takes 80 ms more, the quickest stream takes less than a third would have cost."""
    platformos.add_many(1)
    with Way(redis.port) as way:
        started = fleet(kind, 1, urls=[way.url], clients=guests(**PLENTY))
        (server,) = started.servers

        def opened() -> float:
            """Seconds until a stream is open."""
            with ExitStack() as stack:
                begun = time.monotonic()
                (answer,) = at_once(stack, [server], 1, STREAM)
                assert answer.status == 200
                return time.monotonic() - begun

        def slowed() -> float:
            """The same, where Redis answers slowly."""
            way.delay = ANSWER_S
            try:
                return opened()
            finally:
                way.delay = 0.0

        with server.stream("platformos.logs.stream", {"env": "staging", "interval": 1000}, token=GUEST) as first:
            first.wait_entries(1)
            spent = [(opened(), started.undisturbed(slowed)) for _ in range(TRIES)]
        quick, slow = (min(column) for column in zip(*spent, strict=True))
        assert ANSWER_S <= slow - quick < 3 * ANSWER_S, spent
