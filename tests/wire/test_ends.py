"""Ends: a server that stops lets its readers go cleanly, and they go on elsewhere."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.support.platformos import PlatformOS
from tests.support.server import Server

Start = Callable[..., Server]
STREAM = "platformos.logs.stream"
PATIENCE_S = 8.0  # less than gunicorn's, which ends by force after 10 s what does not end by itself


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_every_stream_cleanly_and_without_done(
    server: Start, platformos: PlatformOS, kind: str, number: signal.Signals
) -> None:
    """Forty streams, plain and gzip, get a farewell with `retry:`, the last chunk and no `done`; the process ends."""
    started = server(kind)
    platformos.add_many(3)
    with ExitStack() as stack:
        readers = [
            stack.enter_context(started.stream(STREAM, {"env": "staging"}, gzip=bool(index % 2))) for index in range(40)
        ]
        for reader in readers:
            reader.wait_entries(3)
        started.signal(number)
        for reader in readers:
            reader.wait_end()
        assert started.wait_exit(PATIENCE_S) == 0
        for index, reader in enumerate(readers):
            assert reader.ended_clean
            assert not reader.done
            assert reader.frames[-1].comment == "closing"
            assert 200 <= int(reader.frames[-1].retry or 0) <= 3000
            assert reader.gzip_ended_right is bool(index % 2)
        assert len({reader.frames[-1].retry for reader in readers}) > 5
    assert "Traceback" not in started.output


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_ctrl_c_ends_without_a_traceback(server: Start, platformos: PlatformOS, kind: str) -> None:
    """A terminal tells the worker too, beside the master, which then tells it once more: it is told twice to end."""
    for streams in (0, 0, 0, 0, 1):
        started = server(kind, own=True)
        with ExitStack() as stack:
            readers = [stack.enter_context(started.stream(STREAM, {"env": "staging"})) for _ in range(streams)]
            for reader in readers:
                reader.wait_frame(lambda frame: frame.comment == "open")
            os.killpg(started.pid, signal.SIGINT)
            for reader in readers:
                reader.wait_end()
                assert reader.ended_clean
        assert started.wait_exit(PATIENCE_S) == 0
        started.out.wait_closed()
        assert "Traceback" not in started.output, started.output


def test_a_reader_resumes_after_a_restart_without_loss(server: Start, platformos: PlatformOS) -> None:
    """Rows from before, from while the server is away, and from after come once each."""
    started = server()
    platformos.add_many(2)
    with started.stream(STREAM, {"env": "staging", "interval": 250}) as first:
        first.wait_entries(2)
        started.signal(signal.SIGTERM)
        first.wait_end()
    started.wait_exit()
    platformos.add_many(2)
    started.start()
    with started.stream(
        STREAM, {"env": "staging", "interval": 250}, headers={"Last-Event-ID": str(first.last_id)}
    ) as second:
        second.wait_entries(2)
        platformos.add_many(1)
        second.wait_entries(3)
        assert first.entry_ids + second.entry_ids == platformos.ids


def test_a_reload_lets_streams_go_and_serves_on(server: Start, platformos: PlatformOS) -> None:
    """At SIGHUP the old worker's streams end without `done`. Who comes back at once meets the new worker."""
    started = server()
    platformos.add_many(1)
    with started.stream(STREAM, {"env": "staging"}) as reader:
        reader.wait_entries(1)
        started.signal(signal.SIGHUP)
        reader.wait_end()
        assert reader.ended_clean
        assert not reader.done
    with started.stream(STREAM, {"env": "staging"}) as reader:
        reader.wait_entries(1)


def test_readyz_and_livez_tell_nothing_but_ok(server: Start, platformos: PlatformOS) -> None:
    """The two probes need no token."""
    started = server()
    for path in ("/livez", "/readyz"):
        answer = started.get(path, token=None)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
