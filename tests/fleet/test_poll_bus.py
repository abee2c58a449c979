"""What Redis does with claims and outcomes: one asks at a time, what comes too late counts nowhere, nothing grows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from poslogs.fleet.address import Address
from poslogs.fleet.engine import Engine
from poslogs.fleet.members import Members
from poslogs.fleet.poll_bus import CLAIM_SECONDS, GRACE_SECONDS, KEPT_SECONDS, STREAM_BYTES, PollBus
from poslogs.fleet.polls import Polls
from poslogs.fleet.stand import Stand
from poslogs.platformos.environments import Environment
from poslogs.streaming.bus import Note
from poslogs.supervisor import Supervisor
from tests.fleet.redis_server import RedisServer
from tests.fleet.starting import supervised
from tests.wire.exchange import wait_for

STAGING = Environment("staging", "https://staging.example.com", "me@example.com", "secret-token")
HOUR = 3600.0


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """A Redis for all tests here; each has a prefix of its own."""
    with RedisServer() as server:
        yield server


class Process:
    """One process's engine and bus."""

    def __init__(self, server: RedisServer, prefix: str, supervisor: Supervisor) -> None:
        self.wake = threading.Event()
        self.engine = Engine(Address(server.url), prefix, supervisor)
        self.polls = Polls(self.engine, Members(self.engine), supervisor)
        self.bus = PollBus(self.polls, STAGING, self.wake)
        self.engine.begin()
        wait_for(lambda: self.engine.state.ok, 10)

    def claim(self, cursor: str = "", interval: float = 0.0, high: int = 10, **kw: Any) -> Stand:
        """Claim the next question; again where Redis was lost meanwhile, as it stood still."""
        wish = {"late": None, "whole": False, "joins": False, **kw}
        for _ in range(3):
            before = self.engine.state
            stand = self.bus.claim(cursor, high, interval, **wish)
            if stand is not None:
                return stand
            wait_for(lambda: self.engine.state.ok, 15)
            assert self.engine.state.term != before.term, "no stand, though Redis was not lost"
        raise AssertionError("Redis was lost again and again")

    def publish(self, cursor: str, data: bytes = b"data", high: int = 10, **kw: Any) -> Stand:
        """Publish an outcome."""
        stand = self.bus.publish(cursor, data, high, Note(**kw))
        assert stand is not None
        return stand


Starts = Callable[[], Process]


@pytest.fixture
def process(server: RedisServer, request: pytest.FixtureRequest) -> Iterator[Starts]:
    """Makes processes that share an environment; their loops end with the test."""
    with ExitStack() as stack:
        yield lambda: Process(server, request.node.name, stack.enter_context(supervised()))


@pytest.fixture
def two(process: Starts) -> tuple[Process, Process]:
    """Two of them."""
    return process(), process()


def test_of_many_that_claim_at_once_one_asks(process: Starts) -> None:
    """Eight processes claim at the same instant; the others are told to come back."""
    processes = [process() for _ in range(8)]
    start, found = threading.Barrier(8), list[Stand]()

    def claim(process: Process) -> None:
        start.wait()
        found.append(process.claim())

    threads = [threading.Thread(target=claim, args=(it,)) for it in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [stand.granted for stand in found].count(True) == 1
    assert all(stand.wait > 0 for stand in found if not stand.granted)


def test_the_next_question_is_an_interval_after_the_last_whoever_asked_it(two: tuple[Process, Process]) -> None:
    """The one that asked last has a start on the others."""
    one, other = two
    begun = time.monotonic()
    assert one.claim().granted
    assert one.publish("", b"").granted
    for _ in range(3):
        since = time.monotonic()
        again = one.claim(interval=5.0)
        assert not again.granted
        assert 4.7 - (time.monotonic() - begun) < again.wait <= 5.0  # a twentieth of the interval is forgiven
        assert again.age is not None
        later = other.claim(interval=5.0)
        assert not later.granted
        took = time.monotonic() - since
        assert again.wait + GRACE_SECONDS - 0.01 - took < later.wait <= 5.5
        if took < GRACE_SECONDS - 0.01:  # else this machine stood still between the two
            break
    assert again.wait < later.wait
    assert other.claim(interval=0.0).granted


def test_what_is_published_comes_to_all_that_follow_in_one_chain(two: tuple[Process, Process]) -> None:
    """Each outcome names the one before; the one that has not taken in the last may not ask."""
    one, other = two
    other.bus.follow("")
    tip = ""
    for number in range(3):
        assert one.claim(tip).granted
        tip = one.publish(tip, b"data %d" % number, high=10 + number).tip
    assert not other.claim("", interval=1.0).granted
    came: list[Any] = []

    def all_came() -> bool:
        came.extend(other.bus.came())
        return len(came) == 3

    wait_for(all_came, 10)
    assert [it.data for it in came] == [b"data 0", b"data 1", b"data 2"]
    assert [it.before for it in came] == ["", came[0].id, came[1].id]
    assert other.wake.is_set()
    stand = other.claim(came[-1].id)
    assert stand.granted
    assert stand.high == 12


def test_one_that_joins_may_ask_unless_others_know_more(two: tuple[Process, Process]) -> None:
    """Positions of 19 digits are compared as numbers."""
    one, other = two
    most = 2**63 - 1
    assert one.claim(high=most).granted
    one.publish("", high=most)
    assert not other.claim(high=most - 1, joins=True, interval=1.0).granted
    assert other.claim(high=most, joins=True).granted


def test_a_claim_that_lapsed_counts_nowhere(two: tuple[Process, Process]) -> None:
    """A process stands still amid a question: another asks, and what the first brings is refused."""
    one, other = two
    assert one.claim().granted
    wait_for(lambda: other.claim().granted, CLAIM_SECONDS + 10.0)
    late = one.publish("")
    assert not late.granted
    assert late.tip == ""
    one.bus.done()  # which is not its own any more
    assert other.publish("").granted


def test_a_question_that_takes_long_keeps_its_claim(two: tuple[Process, Process]) -> None:
    """The listener of the process renews it meanwhile."""
    one, other = two
    one.bus.follow("")
    assert one.claim().granted
    end = time.monotonic() + CLAIM_SECONDS * 2
    while time.monotonic() < end:
        assert not other.claim().granted
        time.sleep(0.2)
    assert one.publish("").granted


def test_after_a_flush_nothing_goes_on_as_if_nothing_had_been(
    server: RedisServer, two: tuple[Process, Process]
) -> None:
    """The claim that was granted before does not count, and the tip is gone."""
    one, other = two
    assert one.claim().granted
    tip = one.publish("").tip
    assert one.claim(tip).granted
    server.flush()
    assert not one.publish(tip).granted
    assert other.claim(tip).tip == ""
    assert not other.claim(tip).granted
    assert other.claim("").granted


def test_after_a_failure_nobody_asks_before_its_wait_is_over(two: tuple[Process, Process]) -> None:
    """All are told, and the one that is answered next ends it."""
    one, other = two
    assert one.claim().granted
    begun = time.monotonic()
    failed = one.bus.failed("", b"failed", 2.5)
    assert failed is not None
    assert failed.granted
    assert failed.failing
    stand = other.claim(failed.tip)
    assert not stand.granted
    assert 2.4 - (time.monotonic() - begun) < stand.wait <= 2.5
    wait_for(lambda: other.claim(failed.tip).granted, 15)
    assert not other.publish(failed.tip).failing


def test_wishes_of_any_process_are_told_to_the_one_that_asks(two: tuple[Process, Process]) -> None:
    """A wish for late rows lapses; one for a whole answer ends with such an answer."""
    one, other = two
    other.claim("?", interval=HOUR, late=3.0, whole=True)
    stand = one.claim()
    assert stand.granted
    assert stand.late
    assert stand.whole
    more = one.publish("", goes_on=True)
    assert more.whole
    assert not one.publish(more.tip, syncs=True, ends=True).whole
    assert one.claim("?", interval=HOUR).rounds == 1
    wait_for(lambda: not one.claim("?", interval=HOUR).late, 25.0)


def test_what_stays_in_redis_is_bounded_has_an_end_and_holds_no_secret(
    server: RedisServer, two: tuple[Process, Process], request: pytest.FixtureRequest
) -> None:
    """The oldest outcomes go as the bytes are too many."""
    one, _ = two
    tip = ""
    pieces = 32
    piece = STREAM_BYTES // pieces
    for _ in range(pieces + 5):
        assert one.claim(tip).granted
        tip = one.publish(tip, bytes(piece)).tip
    keys = server.do("KEYS", f"{request.node.name}:1:*staging*")
    assert len(keys) == 3
    stream = next(key for key in keys if key.endswith(b":log"))
    assert server.do("XLEN", stream) == pieces
    for key in keys:
        assert 0 < server.do("PTTL", key) <= KEPT_SECONDS * 1000
        for secret in (b"secret-token", b"me@example.com"):
            assert secret not in key
            assert secret not in server.do("DUMP", key)
