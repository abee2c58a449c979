"""Fault 16: a reader that reads nothing while 100,000 entries pass costs no memory and loses nothing."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from poslogs.servers.listeners import tune
from tests.conftest import GUNICORN_KINDS
from tests.faults.following import Lean, memory, quiet
from tests.support.platformos import PlatformOS
from tests.support.server import REPO, Server
from tests.wire.exchange import STREAM, wait_for

Start = Callable[..., Server]
ROWS = 100_000
PAGE = 5000
SMALL_BUFFER = 16 * 1024
SHIPPED = REPO / "gunicorn.conf.py"
CUT_S = 4  # TCP_USER_TIMEOUT in tests, in place of the two minutes that are shipped


@pytest.mark.slow
@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_reader_that_reads_nothing_while_100_000_entries_pass_loses_none_and_costs_no_memory(
    server: Start, platformos: PlatformOS, kind: str
) -> None:
    """One reader follows, one has stopped. The window stays small, and the slow one gets all, once, in order."""
    platformos.page = PAGE
    running = server(kind, env={"POSLOGS_WINDOW_MB": "4"}, own=True)
    platformos.add_many(PAGE)
    with Lean(running, receive_buffer=SMALL_BUFFER) as slow, Lean(running) as quick, Lean(running, filter="nothing"):
        quick.read(PAGE)
        slow.read(10)
        before = memory(running.worker_pid())
        platformos.add_many(ROWS)
        quick.read(PAGE + ROWS)
        passed = memory(running.worker_pid())
        assert slow.connections == 1
        slow.read(PAGE + ROWS)
        caught_up = memory(running.worker_pid())
        ids = [int(number) for number in platformos.ids]
        assert quick.ids == ids
        assert slow.ids == ids
        assert passed - before < 60
        assert caught_up - before < 60
        platformos.add({})
        slow.read(PAGE + ROWS + 1)
        quick.read(PAGE + ROWS + 1)
    quiet(running)


@pytest.fixture
def impatient(tmp_path: Path) -> list[str]:
    """Arguments that start a server which gives up on a reader after CUT_S; all else is as shipped."""
    config = tmp_path / "gunicorn.conf.py"
    config.write_text(
        "import runpy, socket\n"
        f"globals().update(runpy.run_path({str(SHIPPED)!r}))\n"
        "def post_fork(server, worker):\n"
        "    for listener in worker.sockets:\n"
        f"        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, {CUT_S * 1000})\n"
    )
    return ["-c", str(config)]


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_reader_that_is_there_but_does_not_read_is_not_taken_for_a_lost_one(
    server: Start, platformos: PlatformOS, kind: str
) -> None:
    """Its TCP window is closed for ten heartbeats. A lost reader is given up within two, but its stream goes on."""
    running = server(kind, env={"POSLOGS_HEARTBEAT_SECONDS": "0.5"})
    platformos.add_many(20_000)
    with (
        Lean(running, receive_buffer=SMALL_BUFFER) as slow,
        running.stream(STREAM, {"env": "staging", "interval": 250}) as beside,
    ):
        slow.read(10)
        beside.wait_entries(20_000, 30)
        beats = beside.comments.count("heartbeat")
        beside.wait_until(lambda: beside.comments.count("heartbeat") >= beats + 10, 20)
        assert running.streams_open() == 2
        slow.read(20_000)
        assert slow.connections == 1
        assert slow.ids == [int(number) for number in platformos.ids]
    quiet(running)


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_reader_that_stalls_for_good_is_cut_and_resumes_without_loss(
    server: Start, platformos: PlatformOS, impatient: list[str], kind: str
) -> None:
    """Its TCP window is closed for longer than the server waits: its slot is free, others go on, without an error."""
    running = server(kind, args=impatient)
    platformos.add_many(20_000)
    with Lean(running, receive_buffer=SMALL_BUFFER) as slow, Lean(running) as quick:
        slow.read(10)
        quick.read(10)
        assert running.streams_open() == 2  # before the other reads on: that may last longer than the server waits
        quick.read(20_000)
        wait_for(lambda: running.streams_open() == 1, CUT_S + 20)
        platformos.add_many(10)
        quick.read(20_010)
        slow.read(20_010)
        assert slow.connections == 2
        assert slow.ids == quick.ids == [int(number) for number in platformos.ids]
    running.stop()  # everything that it had to report is in its output now
    quiet(running)


def test_what_is_shipped_bears_a_minute_s_stall_gives_up_after_two_and_sends_little_ahead() -> None:
    """A worker sets both on the listener, and the connections that it accepts have them."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        tune([listening])
        with socket.create_connection(listening.getsockname()) as peer:
            accepted, _ = listening.accept()
            with accepted:
                assert 60_000 < accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 120_000
                assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 512 * 1024
                assert peer.getpeername() == listening.getsockname()
