"""Fault 24: a stop or a reload under a hundred streams is clean and quick, and the readers go on afterwards."""

from __future__ import annotations

import contextlib
import re
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import INPUT, Crowd, Lean, Steady, bound, flowing, gone, lossless, quiet
from tests.support.platformos import PlatformOS
from tests.support.server import TOKEN, Server
from tests.wire import exchange
from tests.wire.exchange import STREAM, asking, connected, wait_for

Start = Callable[..., Server]
STREAMS = 100
MANY = 1000
IDLE = 100
GONE_S = 3.0
NUMBERS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]

pytestmark = pytest.mark.parametrize("kind", GUNICORN_KINDS)


def stopped_after(server: Server, number: signal.Signals) -> float:
    """Seconds from the signal until the worker is gone; a little more than promised if it is still there then."""
    worker = server.worker_pid()
    begun = time.monotonic()
    server.signal(number)
    with contextlib.suppress(AssertionError):
        wait_for(lambda: gone(worker), bound(GONE_S) + 0.5)
    return time.monotonic() - begun


@pytest.mark.slow
@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_a_hundred_streams_end_cleanly_within_three_seconds_and_resume_without_loss(
    server: Start, platformos: PlatformOS, kind: str, number: signal.Signals
) -> None:
    """While rows flow each stream ends with the last chunk and without `done`; the process ends, and all come back."""
    running = server(kind)
    with ExitStack() as stack:
        readers = [stack.enter_context(Steady(running.url, gzip=bool(index % 2))) for index in range(STREAMS)]
        with flowing(platformos, every=0.1):
            for reader in readers:
                reader.wait(2)
            old = running.worker_pid()
            begun = time.monotonic()
            running.signal(number)
            if number is signal.SIGHUP:
                wait_for(lambda: gone(old), 10)
                took = time.monotonic() - begun
                running.wait_live()
            else:
                assert running.wait_exit(10) == 0
                took = time.monotonic() - begun
                running.start()
            assert took < bound(GONE_S)
            for reader in readers:
                wait_for(lambda reader=reader: len(reader.streams) >= 2, 20)  # type: ignore[misc]
                ended = reader.streams[0]
                assert ended.ended_clean, ended.dump()
                assert not ended.done
                assert ended.frames[-1].comment == "closing"
                assert ended.gzip_ended_right is (ended.headers.get("content-encoding") == "gzip")
        lossless(readers, platformos)
        assert running.streams_open() == STREAMS
    wait_for(lambda: running.streams_open() == 0)


@pytest.mark.long
@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_a_thousand_streams_end_cleanly_within_three_seconds_and_resume_without_loss(
    server: Start, platformos: PlatformOS, kind: str, number: signal.Signals
) -> None:
    """There are idle connections too. Readers come back spread over time, and get the rows from meanwhile once."""
    running = server(kind, args=["--threads", str(MANY + 100)] if kind == "gthread" else [])
    platformos.add_many(3)
    with ExitStack() as stack:
        crowd = stack.enter_context(Crowd(running, MANY))
        crowd.open()
        for _ in range(IDLE):
            stack.enter_context(connected(running))
        crowd.wait(3)
        took = stopped_after(running, number)
        crowd.wait_end()
        assert took < bound(GONE_S)
        assert {end[-5:] for end in crowd.ends} == {b"0\r\n\r\n"}
        assert not any(b"[DONE]" in end for end in crowd.ends)
        returns = {int(re.findall(rb"^retry: (\d+)$", end, re.MULTILINE)[-1]) for end in crowd.ends}
        assert max(returns) - min(returns) > 2000  # ms
        assert len(returns) > MANY / 5
        platformos.add_many(3)
        if number is not signal.SIGHUP:
            assert running.wait_exit() == 0
            running.start()
        running.wait_live()
        crowd.open()
        crowd.wait(6)
        assert all(ids == [1, 2, 3, 4, 5, 6] for ids in crowd.ids)
        assert running.streams_open() == MANY
    wait_for(lambda: running.streams_open() == 0)
    quiet(running)


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_connections_that_are_kept_alive_and_bodies_that_never_end_hold_up_no_stop(
    server: Start, platformos: PlatformOS, kind: str, number: signal.Signals
) -> None:
    """One has had its answer and stays, one has sent half of its body, yet the process ends in time."""
    running = server(kind)
    head = exchange.request("/call", b"", f"Content-Length: {len(asking()) * 2}", token=TOKEN, length=False)
    with connected(running) as half:
        half.sendall(head + asking())
        assert running.get("/health").status_code == 200
        assert stopped_after(running, number) < bound(GONE_S)
    quiet(running)


@pytest.mark.parametrize(
    ("number", "data"),
    [(signal.SIGTERM, b""), (signal.SIGHUP, b"GET /health HT")],
    ids=["SIGTERM-silent", "SIGHUP-half a head"],
)
def test_connections_that_never_asked_for_anything_hold_up_no_stop(
    server: Start, platformos: PlatformOS, kind: str, number: signal.Signals, data: bytes
) -> None:
    """Browsers open connections ahead of their requests, and some never send one."""
    running = server(kind)
    with connected(running) as early:
        early.sendall(data)
        assert running.get("/health").status_code == 200  # so it was accepted
        assert stopped_after(running, number) < bound(GONE_S)
    quiet(running)


@pytest.mark.slow
@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_a_reader_that_has_stopped_reading_holds_up_no_stop(
    server: Start, platformos: PlatformOS, kind: str, number: signal.Signals
) -> None:
    """Its TCP window is closed, so nothing reaches it. The process still ends in time, and the reader resumes."""
    running = server(kind)
    platformos.add_many(20_000)
    with Lean(running, receive_buffer=16_384) as slow, running.stream(STREAM, INPUT) as quick:
        slow.read(10)
        quick.wait_entries(20_000, 30)
        took = stopped_after(running, number)
        quick.wait_end()
        assert quick.ended_clean
        assert took < bound(GONE_S)
        if number is not signal.SIGHUP:
            running.wait_exit()
            running.start()
        slow.read(20_000)
        assert slow.ids == [int(number) for number in platformos.ids]


def test_a_stop_while_platformos_hangs_is_as_quick(server: Start, platformos: PlatformOS, kind: str) -> None:
    """Polls and questions without an answer hold up nothing."""
    running = server(kind)
    platformos.fail("hang")
    with ExitStack() as stack:
        for position in range(10):
            reader = running.stream(STREAM, INPUT, headers={"Last-Event-ID": str(position)})
            stack.enter_context(reader).wait_until(lambda reader=reader: bool(reader.comments))  # type: ignore[misc]
        platformos.wait_until(lambda: platformos.in_flight > 0)
        begun = time.monotonic()
        running.signal(signal.SIGTERM)
        assert running.wait_exit(30) == 0
        assert time.monotonic() - begun < bound(GONE_S)
    quiet(running)


def test_requests_during_a_reload_are_all_answered(server: Start, platformos: PlatformOS, kind: str) -> None:
    """They come one after the other, each on its own connection, while a stream holds the old worker up."""
    running = server(kind)
    with running.stream(STREAM, INPUT) as reader:
        reader.wait_until(lambda: bool(reader.comments))
        old = running.worker_pid()
        running.signal(signal.SIGHUP)
        statuses = []

        def asked() -> bool:
            statuses.append(exchange.get(running, "/health", token=TOKEN).status)
            return gone(old) and len(statuses) > 10  # however slow the machine is

        wait_for(asked, 10)
        reader.wait_end()
    assert len(statuses) > 10
    assert set(statuses) == {200}
    quiet(running)
