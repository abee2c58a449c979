"""Polling: one question an environment and interval, however many readers there are."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.support.platformos import PlatformOS
from tests.support.server import Server

Start = Callable[..., Server]
STREAM = "platformos.logs.stream"


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_fifty_streams_cost_platformos_one_request_a_second(server: Start, platformos: PlatformOS, kind: str) -> None:
    """With fifty readers at 1000 ms and rows flowing, questions are a second apart, and all get every row."""
    started = server(kind)
    with ExitStack() as stack:
        readers = [stack.enter_context(started.stream(STREAM, {"env": "staging", "interval": 1000})) for _ in range(50)]
        for reader in readers:
            reader.wait_frame(lambda frame: frame.comment == "open")
        platformos.add_many(2)
        for reader in readers:
            reader.wait_entries(2)  # whoever has a row has joined: from here on nobody asks but the poll
        settled = len(platformos.requests)
        for count in range(1, 6):
            platformos.add_many(2)
            platformos.wait_for_requests(settled + count)
        for reader in readers:
            reader.wait_entries(12)
        times = [request.at for request in platformos.requests[settled - 1 :]]
        # A question may come late, never early: the second is asked after the first came, each later one a second on.
        assert times[-1] - times[0] >= len(times) - 2, times
        assert platformos.max_in_flight == 1


def test_the_smallest_interval_sets_the_pace_from_the_moment_it_is_asked_for(
    server: Start, platformos: PlatformOS
) -> None:
    """When a reader of 250 ms joins a feed of one minute, rows arrive at its pace for both."""
    started = server()
    with started.stream(STREAM, {"env": "staging", "interval": 60000}) as slow:
        platformos.wait_for_requests(1)
        slow.wait_frame(lambda frame: frame.comment == "open")
        with started.stream(STREAM, {"env": "staging", "interval": 250}) as quick:
            platformos.wait_for_requests(5)
            platformos.add_many(1)
            quick.wait_entries(1)
            slow.wait_entries(1)


def test_polling_starts_with_the_first_stream_and_stops_with_the_last(server: Start, platformos: PlatformOS) -> None:
    """There is no question before the first and after the last."""
    started = server()
    assert platformos.requests == []
    with started.stream(STREAM, {"env": "staging", "interval": 250}) as reader:
        platformos.wait_for_requests(3)
        reader.close()
    end = time.monotonic() + 3
    quiet_since = time.monotonic()
    seen = len(platformos.requests)
    while time.monotonic() < end and time.monotonic() - quiet_since < 1.2:
        if len(platformos.requests) != seen:
            seen, quiet_since = len(platformos.requests), time.monotonic()
        time.sleep(0.05)
    assert time.monotonic() - quiet_since >= 1.2, "polls go on"


def test_polls_of_a_slow_platformos_never_overlap(server: Start, platformos: PlatformOS) -> None:
    """Answers take three intervals. There is one question at a time, and nothing is lost."""
    platformos.fail("slow", seconds=0.8)
    with server().stream(STREAM, {"env": "staging", "interval": 250}) as reader:
        platformos.wait_for_requests(2)
        platformos.add_many(5)
        reader.wait_entries(5)
        assert platformos.max_in_flight == 1


def test_the_question_is_pos_clis_with_our_name(server: Start, platformos: PlatformOS) -> None:
    """It has the path, query and headers of platformos.md, on one kept connection."""
    with server().stream(STREAM, {"env": "staging", "interval": 250}):
        platformos.wait_for_requests(4)
    request = platformos.requests[0]
    assert request.path == "/api/app_builder/logs?last_id=0"
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers["authorization"] == f"Token {platformos.token}"
    assert headers["instancedomain"] == platformos.url
    assert headers["from"] == "dev@example.com"
    assert headers["user-agent"].startswith("poslogs/")
    assert platformos.connections == 1


def test_environments_are_polled_apart(server: Start, platformos: PlatformOS) -> None:
    """One environment fails, and the other's stream gets no error."""
    with PlatformOS() as other:
        started = server(environments={"staging": platformos, "production": other})
        platformos.fail("status", status=500)
        with (
            started.stream(STREAM, {"env": "staging", "interval": 250}) as failing,
            started.stream(STREAM, {"env": "production", "interval": 250}) as well,
        ):
            failing.wait_frame(lambda frame: frame.event == "error")
            other.add_many(2)
            assert [entry["env"] for entry in well.wait_entries(2)] == ["production"] * 2
            assert well.errors == []
