"""Servers that are lent to one test after another: each test has one that is like new."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.lent import FEW_WRONG, LATELY_S, PLENTY, Lender
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.unit.doubles import StandingClock, eventually

STREAM = "platformos.logs.stream"
INPUT = {"env": "staging", "interval": 250}
TWICE = {"some": {"token": "a-token-of-some-client", "limits": {"requests": "2 per minute"}}}


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def lender(started: Callable[..., Server], clock: StandingClock) -> Iterator[Lender]:
    """One of this test's own, which has lent nothing yet."""
    with Lender(started, clock) as lender:
        yield lender


def test_a_server_that_comes_back_is_lent_again_like_new(lender: Lender, platformos: PlatformOS) -> None:
    """It has no rows, streams, output or spent rates of an earlier test."""
    token = TWICE["some"]["token"]
    platformos.add_many(5)
    with lender.lend("gthread", environments={"staging": platformos}, clients=TWICE) as server:
        pid, left = server.pid, server.stream(STREAM, INPUT, token=token)
        left.wait_entries(5)
        server.wait_output("Paste this into another shell")
        assert server.get("/tools", token).status_code == 200
        assert server.get("/tools", token).status_code == 429
    left.wait_end()
    assert left.errors
    with (
        PlatformOS() as another,
        lender.lend("gthread", environments={"staging": another}, clients=TWICE) as server,
    ):
        asked = len(platformos.requests)
        another.add({"message": "of another"})
        assert server.pid == pid
        with server.stream(STREAM, INPUT, token=token) as reader:
            assert [entry["message"] for entry in reader.wait_entries(1)] == ["of another"]
            assert server.get("/tools", token).status_code == 200
        assert "Paste this" not in server.output
        assert len(platformos.requests) == asked
    left.close()


def kill(server: Server) -> None:
    """Have gunicorn start another worker."""
    before = server.worker_pid()
    os.kill(before, signal.SIGKILL)
    eventually(lambda: before not in server.worker_pids())


@pytest.mark.parametrize("spoil", [Server.stop, kill])
def test_a_server_that_is_not_as_it_was_is_ended(
    lender: Lender, platformos: PlatformOS, spoil: Callable[[Server], None]
) -> None:
    """One that was stopped, or whose worker was killed."""
    with lender.lend("gthread", environments={"staging": platformos}) as server:
        spoil(server)
    assert not server.is_running
    with lender.lend("gthread", environments={"staging": platformos}) as another:
        assert another is not server
        assert another.streams_open() == 0


def test_a_server_where_many_tokens_were_guessed_rests_until_that_is_forgotten(
    lender: Lender, platformos: PlatformOS, clock: StandingClock
) -> None:
    """More than the next test should have to count with, in one test or in several soon one after the other."""
    given = {"environments": {"staging": platformos}}

    def guess(times: int) -> Server:
        with lender.lend("gthread", **given) as server:
            for number in range(times):
                assert server.get("/tools", f"guess {number}").status_code == 401
            return server

    first = guess(FEW_WRONG)
    assert guess(1) is first
    assert guess(0) is not first
    clock.now += LATELY_S
    assert guess(0) is first


def test_servers_that_differ_in_more_than_files_are_not_the_same(lender: Lender, platformos: PlatformOS) -> None:
    """They differ by kind, app or variables. A server with its own options or files is not lent at all."""
    given = {"environments": {"staging": platformos}}
    with lender.lend("gthread", **given) as one, lender.lend("gthread", **given) as busy:
        assert one is not busy
    with lender.lend("gthread", env={"POSLOGS_HEARTBEAT_SECONDS": "3"}, **given) as other:
        assert other not in (one, busy)
    with lender.lend("gthread", app="tests.page.cached:app", **given) as other:
        assert other not in (one, busy)
    assert lender.can_lend("gthread", clients={"some": {"limits": {"requests": PLENTY}}}, **given)
    for asked in ({"environments": None}, {"args": []}, {"clients": Path("clients.json")}, {"start": False}):
        assert not lender.can_lend("gthread", **{**given, **asked}), asked


def test_a_client_keeps_its_id_where_a_test_cannot_spend_its_rate(lender: Lender, platformos: PlatformOS) -> None:
    """A test may look for that id in clients.json."""
    listed = {**TWICE, "other": {"token": "a-token-of-another", "limits": {"requests": PLENTY}}}
    for _ in range(2):
        with lender.lend("gthread", environments={"staging": platformos}, clients=listed) as server:
            names = list(json.loads(server.clients_file.read_text()))
    assert names == ["some-1", "other"]
