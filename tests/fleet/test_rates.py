"""What request rates promise over several processes: they hold exactly over all, in one round trip a request."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from flask import Flask, Response, g
from flask.testing import FlaskClient

from poslogs.access.client import Client
from poslogs.access.limits import WRONG_TOKENS, Limits
from poslogs.errors import TooMany
from poslogs.fleet.engine import Engine
from poslogs.fleet.rates import SCHEME
from tests.fleet.redis_server import RedisServer
from tests.fleet.starting import NOTICE_SECONDS, REJOIN_SECONDS, eventually, joined, supervised, undisturbed
from tests.unit.doubles import in_threads

RATES = "100 per minute; 20 per 10 seconds"


class App:
    """An app of one process: `/` is counted by the rates of one client, `/own` counts itself."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.limits = Limits(f"{SCHEME}://", {"engine": engine})
        self.requests = RATES
        made = self.made = Flask("test")

        @made.before_request
        def come_in() -> None:
            g.client = Client(id="mine", name="Mine", digest=b"", requests=self.requests)

        self.limits.install(made)

        @made.get("/")
        def plain() -> str:
            return "plain"

        @made.errorhandler(TooMany)
        def refused(refusal: TooMany) -> Response:
            return Response(refusal.sentence, refusal.status, headers=refusal.headers)

    def get(self, count: int = 1) -> list[Response]:
        """The answers of some requests, one after the other."""
        client: FlaskClient = self.made.test_client()
        return [client.get("/") for _ in range(count)]


@pytest.fixture
def app(redis: RedisServer) -> Iterator[Callable[[], App]]:
    """Makes apps, each with an engine of its own."""
    with supervised() as one, supervised() as two, supervised() as three:
        supervisors = iter((one, two, three))
        yield lambda: App(joined(redis.url, next(supervisors)))


def statuses(answers: list[Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def test_a_storm_over_three_processes_is_let_in_as_often_as_the_rate_says(
    app: Callable[[], App], redis: RedisServer
) -> None:
    """21 threads send three each at the same instant, over three processes: 20 of the 63 are answered."""
    three = [app(), app(), app()]

    def storm() -> Counter[int]:
        redis.flush()  # as if nobody had asked before
        found = in_threads(*[lambda each=each: each.get(3) for each in three for _ in range(7)])
        return statuses([answer for some in found for answer in some])  # type: ignore[attr-defined]

    assert undisturbed([each.engine for each in three], storm) == {200: 20, 429: 43}


def test_the_headers_tell_what_is_left_over_all(app: Callable[[], App]) -> None:
    one, two = app(), app()
    begun = time.time()
    one.get(5)
    (answer,) = two.get()
    assert answer.headers["X-RateLimit-Limit"] == "20"
    assert answer.headers["X-RateLimit-Remaining"] == "14"
    assert begun + 9.9 <= int(answer.headers["X-RateLimit-Reset"]) <= time.time() + 12
    refused = two.get(15)[-1]
    assert refused.status_code == 429
    assert refused.get_data(as_text=True).startswith("20 requests in 10 s reached; try again in ")
    assert 1 <= int(refused.headers["Retry-After"]) <= 10


def test_refused_requests_are_not_counted_against_the_longer_rate(app: Callable[[], App]) -> None:
    """Twenty that were answered and a hundred that were refused leave eighty in the minute; fewer, if it took long."""
    one = app()
    answered = statuses(one.get(120))[200]
    assert answered < 100
    one.requests = "100 per minute"
    assert one.get()[0].headers["X-RateLimit-Remaining"] == str(100 - answered - 1)


def test_a_request_asks_redis_once(app: Callable[[], App], redis: RedisServer) -> None:
    """Both rates, and what the headers tell of them, are one script."""
    one = app()
    one.get()
    before = redis.calls("evalsha"), redis.calls("eval")
    one.get(10)
    assert (redis.calls("evalsha") - before[0], redis.calls("eval") - before[1]) == (10, 0)


def test_wrong_tokens_are_counted_over_all(app: Callable[[], App], redis: RedisServer) -> None:
    one, two = app(), app()

    def is_one_too_many() -> bool:
        """Whether one more than all that may be wrong is refused, when half of these came to each."""
        redis.flush()  # as if no token had been wrong before
        for each in (one, two):
            with each.made.app_context():
                for _ in range(WRONG_TOKENS.amount // 2):
                    each.limits.wrong_token("192.0.2.1")
        with two.made.app_context():
            two.limits.wrong_token("192.0.2.2")
        with one.made.app_context(), suppress(TooMany):
            one.limits.wrong_token("192.0.2.1")
            return False
        return True

    assert undisturbed([one.engine, two.engine], is_one_too_many)


@pytest.mark.parametrize(
    "breaking", [RedisServer.kill, RedisServer.freeze, RedisServer.fill, RedisServer.follow_nobody]
)
def test_while_redis_is_away_each_process_counts_for_itself(
    breaking: Callable[[RedisServer], None], app: Callable[[], App], redis: RedisServer
) -> None:
    """No request fails, from the very instant on at which Redis breaks."""
    one, two = app(), app()
    one.requests = two.requests = "50 per minute"
    assert statuses(one.get(5)) == {200: 5}
    breaking(redis)
    assert statuses(one.get(52)) == {200: 50, 429: 2}
    eventually(lambda: not two.engine.state.ok, NOTICE_SECONDS)
    assert statuses(two.get(52)) == {200: 50, 429: 2}


def test_a_flush_in_the_middle_of_a_storm_fails_no_request(app: Callable[[], App], redis: RedisServer) -> None:
    """Windows begin afresh then, and the scripts are given again."""
    one = app()
    one.requests = "100000 per minute"
    over = threading.Event()

    def ask() -> Counter[int]:
        found: Counter[int] = Counter()
        while not over.is_set():
            found += statuses(one.get(5))
        return found

    def flush() -> None:
        for _ in range(5):
            redis.flush()
        over.set()

    found = in_threads(flush, ask, ask, ask)
    assert all(set(each) == {200} for each in found if isinstance(each, Counter)), found
    assert one.engine.state.term == 1
    eventually(lambda: one.engine.state.ok, REJOIN_SECONDS)
