"""Promise 1: platformOS hears one question an interval and environment, whoever reads where."""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import bound, quiet
from tests.fleet.fleet import Fleet
from tests.fleet.redis_server import RedisServer
from tests.support.platformos import PlatformOS
from tests.support.reader import Reader
from tests.support.server import TOKEN, Server
from tests.wire.exchange import LIVE, STREAM, wait_for

Starts = Callable[..., Fleet]
INTERVAL_S = 0.5
ASKED = {"env": "staging", "interval": 500}
RETURN_S = 6.0  # until the poll has returned to the longer interval
SHAPES = [pytest.param(3, (), id="three servers"), pytest.param(1, ("-w", "4"), id="four workers")]
FEW_ROWS, TIMES = 3, 12
LARGE = base64.b64encode(random.Random(7).randbytes(90_000)).decode()  # does not shrink by more than a quarter


def opened(fleet: Fleet, stack: ExitStack, env: str = "staging", each: int = 8) -> list[Reader]:
    """Readers at every server, with both tools, of what is there and what comes."""
    tools = (STREAM, LIVE)
    readers = [
        stack.enter_context(server.stream(tools[number % 2], {**ASKED, "env": env, "lastId": "0"}))
        for server in fleet.servers
        for number in range(each)
    ]
    for reader in readers:
        reader.wait_frame(lambda frame: frame.comment == "open")
    return readers


def gaps(platformos: PlatformOS, since: int) -> list[float]:
    """Seconds from each question to the next, after so many."""
    ats = [one.at for one in platformos.requests[since:]]
    return [later - at for at, later in pairwise(ats)]


@pytest.mark.parametrize(("count", "args"), SHAPES)
@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_one_question_an_interval_whoever_reads_where(
    fleet: Starts, platformos: PlatformOS, kind: str, count: int, args: tuple[str, ...]
) -> None:
    """Once all read, the questions are an interval apart; every reader gets every row once."""
    platformos.add_many(5)
    started = fleet(kind, count, args=list(args))
    with ExitStack() as stack:
        readers = opened(started, stack, each=8 if count > 1 else 24)
        for reader in readers:
            reader.wait_entries(5)

        def rounds() -> tuple[int, float]:
            """How many questions came while rows did, and for how many seconds that was."""
            begun = time.monotonic()
            since = len(platformos.requests)
            for _ in range(TIMES):
                platformos.add_many(FEW_ROWS)
                for reader in readers:
                    reader.wait_entries(len(platformos.ids), 20)
            asked = len(platformos.requests) - since
            return asked, time.monotonic() - begun

        asked, took = started.undisturbed(rounds)
        assert asked <= took / INTERVAL_S + 2
        for reader in readers:
            assert reader.entry_ids == platformos.ids, reader.dump()
            assert not reader.ended
    for server in started.servers:
        quiet(server)


def test_each_environment_has_one_poll_of_its_own(fleet: Starts, platformos: PlatformOS) -> None:
    """Two environments that are read at three servers are asked as often as at one."""
    with PlatformOS() as production:
        both = {"staging": platformos, "production": production}
        started = fleet(environments=both)
        with ExitStack() as stack:
            readers = {name: opened(started, stack, name, each=2) for name in both}

            def rounds() -> tuple[dict[str, int], float]:
                """How many questions came to each while rows did, and for how many seconds that was."""
                begun = time.monotonic()
                since = {name: len(asked.requests) for name, asked in both.items()}
                for _ in range(TIMES):
                    for name, asked in both.items():
                        asked.add_many(FEW_ROWS)
                        for reader in readers[name]:
                            reader.wait_entries(len(asked.ids), 20)
                counts = {name: len(asked.requests) - since[name] for name, asked in both.items()}
                return counts, time.monotonic() - begun

            counts, took = started.undisturbed(rounds)
            for name, asked in both.items():
                assert counts[name] <= took / INTERVAL_S + 3
                assert asked.max_in_flight <= len(started.servers)  # at the start each may ask one of its own
                for reader in readers[name]:
                    assert reader.entry_ids == asked.ids


def test_an_answer_travels_once_to_each_process_however_many_read_there(
    fleet: Starts, redis: RedisServer, platformos: PlatformOS
) -> None:
    """As a large row comes, Redis sends it to each of three processes at most once, though sixteen read at each."""

    def sent() -> int:
        return int(redis.do("INFO", "stats")["total_net_output_bytes"])

    started = fleet()
    with ExitStack() as stack:
        readers = opened(started, stack, each=16)

        def came(message: str) -> int:
            """The bytes that Redis sent until a row was everywhere."""
            before = sent()
            platformos.add({"message": message})
            for reader in readers:
                reader.wait_entries(len(platformos.ids), 20)
            return sent() - before

        came("a small one")
        assert 1.5 * len(LARGE) * 3 / 4 < started.undisturbed(lambda: came(LARGE)) < 1.5 * len(LARGE) * 3


def test_each_process_says_which_of_them_polls(fleet: Starts, platformos: PlatformOS) -> None:
    """/health names the process that polls, /metrics counts it at that one alone; all agree, and it is so."""
    started = fleet()

    def says(server: Server) -> tuple[str, str | None, bool]:
        told = server.get("/health", TOKEN).json()
        (staging,) = [each for each in told["environments"] if each["name"] == "staging"]
        polls = 'poslogs_engine_polls{env="staging"} 1.0' in server.get("/metrics", TOKEN).text
        return told["process"], staging.get("polledBy"), polls

    assert {says(server)[1] for server in started.servers} == {None}
    with ExitStack() as stack:
        for reader in opened(started, stack, each=1):
            platformos.add_many(1)
            reader.wait_entries(1)

        def all_agree() -> bool:
            poller = started.server_of(started.poller())
            told = {server: says(server) for server in started.servers}
            name = told[poller][0]
            return all(told[one][1:] == (name, one is poller) for one in started.servers)

        wait_for(all_agree, 30)


def test_a_process_without_readers_asks_nothing(fleet: Starts, platformos: PlatformOS) -> None:
    """Readers at one server alone: the questions are its own, and end with its last reader."""
    started = fleet()
    lone = started.servers[1]
    with lone.stream(STREAM, {**ASKED, "lastId": "0"}) as reader:
        platformos.add_many(3)
        reader.wait_entries(3)
        assert started.poller() == lone.worker_pid()
    wait_for(lambda: lone.streams_open() == 0)

    def has_ended() -> bool:
        before = len(platformos.requests)
        time.sleep(4 * INTERVAL_S)
        return len(platformos.requests) == before

    wait_for(has_ended, 30)


def test_the_poll_keeps_the_shortest_interval_of_any_process_and_returns_to_the_longer(
    fleet: Starts, platformos: PlatformOS
) -> None:
    """A quick reader at another process than the one that polls quickens the poll, and slows it as it leaves."""
    started = fleet()
    slow, quick = 2.0, 0.25
    with started.servers[0].stream(STREAM, {**ASKED, "interval": int(slow * 1000), "lastId": "0"}) as reader:
        reader.wait_frame(lambda frame: frame.comment == "open")
        poller = started.poller(timeout=30)
        with started.others(poller)[0].stream(STREAM, {**ASKED, "interval": 250, "lastId": "0"}) as other:
            other.wait_frame(lambda frame: frame.comment == "open")
            platformos.wait_until(lambda: max(gaps(platformos, 0)[-6:], default=slow) < 3 * quick, 20)
            platformos.add_many(1)
            other.wait_entries(1)
        left = time.monotonic()

        def is_slow_again() -> bool:
            later = gaps(platformos, 0)[-1:]
            return bool(later) and later[0] > slow * 0.8

        platformos.wait_until(is_slow_again, 30)
        last_quick = max(
            (later.at for at, later in pairwise(platformos.requests)
             if later.at - at.at < slow * 0.8),
        )  # fmt: skip
        assert last_quick - left < bound(RETURN_S)
        platformos.add_many(1)
        reader.wait_entries(2)
