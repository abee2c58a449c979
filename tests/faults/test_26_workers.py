"""Fault 26: more than one worker would each poll, limit and count by itself: refused, with the reason."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import quiet
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire.exchange import wait_for

pytestmark = pytest.mark.slow

Start = Callable[..., Server]
SENTENCE = (
    "poslogs cannot start: 2 workers would each poll, limit and count by themselves; start one worker "
    "(it holds thousands of streams), or start redis-server and set POSLOGS_REDIS_URL=redis://127.0.0.1:6379.\n"
)


@pytest.mark.parametrize(
    ("kind", "args", "env"),
    [
        ("gevent", ["-w", "2"], {}),
        ("gthread", ["--workers=2"], {}),
        ("gevent", [], {"GUNICORN_CMD_ARGS": "--workers 2"}),
    ],
    ids=["-w", "--workers", "GUNICORN_CMD_ARGS"],
)
def test_two_workers_are_refused_at_the_start_with_the_reason(
    server: Start, platformos: PlatformOS, kind: str, args: Sequence[str], env: Mapping[str, str]
) -> None:
    """However they are asked for, the start exits with 1 and that one line, and never listens."""
    running = server(kind, args=args, env=env, start=False, forked=False)
    running.start(wait=False)
    assert running.wait_exit(30) == 1
    running.out.wait_closed()
    assert running.output == SENTENCE
    assert not platformos.requests


def test_a_platform_that_counts_processors_starts_one_worker(server: Start, platformos: PlatformOS) -> None:
    """Hosts set WEB_CONCURRENCY by themselves, so it is not the operator's wish: one worker starts, and serves."""
    running = server(env={"WEB_CONCURRENCY": "2"}, own=True)
    assert len(running.worker_pids()) == 1
    quiet(running)


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_running_server_takes_no_second_worker_either(server: Start, platformos: PlatformOS, kind: str) -> None:
    """SIGTTIN, which asks gunicorn for one more worker, changes nothing but the log."""
    running = server(kind, own=True)
    running.signal(signal.SIGTTIN)
    running.out.wait("poslogs stays at one worker")
    with pytest.raises(AssertionError, match="not within"):
        wait_for(lambda: len(running.worker_pids()) > 1, 0.5)
    running.wait_live()
