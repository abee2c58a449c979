"""Fault 25: the worker is killed again and again while entries flow: it comes back, and no reader misses anything."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import Steady, flowing, gone, lossless
from tests.support.platformos import PlatformOS
from tests.support.server import CLIENTS, Server
from tests.wire.exchange import wait_for

Start = Callable[..., Server]
READERS = 10
KILLS = 5
PATIENCE_S = 30.0

pytestmark = pytest.mark.parametrize("kind", GUNICORN_KINDS)


@pytest.mark.slow
def test_readers_survive_kill_after_kill_of_the_worker_without_loss(
    server: Start, platformos: PlatformOS, kind: str
) -> None:
    """There are five kills, each once every reader is served again. Slots are as many as readers: none stays taken."""
    only = {"default": {**CLIENTS["default"], "limits": {"requests": "100000 per minute", "streams": READERS}}}
    running = server(kind, clients=only)
    master = running.pid
    workers = [running.worker_pid()]
    with ExitStack() as stack:
        readers = [stack.enter_context(Steady(running.url, gzip=bool(index % 2))) for index in range(READERS)]
        with flowing(platformos):
            for reader in readers:
                reader.wait(2)
            for _ in range(KILLS):
                os.kill(workers[-1], signal.SIGKILL)
                wait_for(lambda: gone(workers[-1]))
                wait_for(lambda: bool(set(running.worker_pids()) - set(workers)), PATIENCE_S)
                workers.append((set(running.worker_pids()) - set(workers)).pop())
                before = len(platformos.ids)
                for reader in readers:
                    reader.wait(before + 1, PATIENCE_S)
        lossless(readers, platformos)
        assert running.streams_open() == READERS
        for reader in readers:
            assert len(reader.streams) >= KILLS + 1
            assert not any(answer.done for answer in reader.answers)
    wait_for(lambda: running.streams_open() == 0)
    assert (running.pid, running.worker_pids()) == (master, workers[-1:])


def test_a_kill_before_anything_was_read_loses_nothing(server: Start, platformos: PlatformOS, kind: str) -> None:
    """The worker dies before platformOS has answered anyone. Readers that come back start from the beginning."""
    running = server(kind)
    platformos.add_many(5)
    platformos.fail("hang")
    with Steady(running.url) as reader:
        wait_for(lambda: bool(reader.streams))
        old = running.worker_pid()
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: gone(old))
        platformos.add_many(5)
        platformos.heal()
        lossless([reader], platformos, PATIENCE_S)


def test_a_kill_in_the_middle_of_a_backlog_loses_nothing(server: Start, platformos: PlatformOS, kind: str) -> None:
    """Thousands of entries are on their way to readers at different positions."""
    running = server(kind, env={"POSLOGS_WINDOW_MB": "1"})
    platformos.add_many(10_000)
    with ExitStack() as stack:
        readers = [stack.enter_context(Steady(running.url, gzip=gzip)) for gzip in (False, True, False)]
        for count in (1, 3000, 6000):
            wait_for(lambda count=count: any(reader.count >= count for reader in readers), PATIENCE_S)  # type: ignore[misc]
            old = running.worker_pids()
            os.kill(old[0], signal.SIGKILL)
            wait_for(lambda old=old: bool(set(running.worker_pids()) - set(old)), PATIENCE_S)  # type: ignore[misc]
        lossless(readers, platformos, PATIENCE_S)
