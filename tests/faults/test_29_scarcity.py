"""Fault 29: no disk to write to, no home, no descriptors left: the service goes on, or refuses new streams."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import INPUT, Steady, gone, lossless, quiet
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire.exchange import (
    READER,
    STREAM,
    asking,
    clients,
    close_all,
    connected,
    get,
    open_streams,
    post,
    wait_for,
)

FILES = 120  # descriptors that the server may have
READ_ONLY = """
mount --bind "$PWD" "$PWD" && cd "$PWD" && mount -o remount,bind,ro "$PWD" && mount -o remount,bind,ro / || exit 71
if touch here "$(mktemp -u)" "$HOME/here" 2>/dev/null; then exit 72; fi
"""

Start = Callable[..., Server]
Confine = Callable[..., Server]

pytestmark = [pytest.mark.parametrize("kind", GUNICORN_KINDS), pytest.mark.slow]


class Confined(Server):
    """A server that is started by a command before its own."""

    before: Sequence[str] = ()

    def _command(self) -> list[str]:
        return [*self.before, *super()._command()]


@pytest.fixture
def confined(platformos: PlatformOS, tmp_path: Path) -> Iterator[Confine]:
    """Starts a server out of a shell that has done `script` before, in namespaces of its own as `unshare` says."""
    with ExitStack() as stack:

        def start(kind: str, script: str, unshare: Sequence[str] = (), **kw: Any) -> Server:
            given: dict[str, Any] = {"environments": {"staging": platformos}, "clients": clients(), **kw}
            server = Confined(tmp_path, kind, start=False, **given)
            server.before = [*unshare, "sh", "-c", f'{script}\nexec "$@"', "sh"]
            stack.callback(server.stop)
            server.start()
            return server

        yield start


def mounts() -> list[str]:
    """The command that gives a process mounts of its own. Skips where that is not allowed."""
    for command in (["unshare", "-m"], ["unshare", "-rm"]):
        try:
            subprocess.run([*command, "sh", "-c", "mount --bind /tmp /tmp"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return command
    pytest.skip("no process here may have mounts of its own, so no disk can be made read-only")


def test_a_read_only_disk_and_no_home_make_no_difference(confined: Confine, platformos: PlatformOS, kind: str) -> None:
    """It starts, streams, reloads and stops without having wanted to write anything."""
    home = {"gevent": "unset HOME", "gthread": "export HOME=/nonexistent"}[kind]  # gunicorn's master alone looks for it
    running = confined(kind, READ_ONLY + home, mounts())
    platformos.add_many(3)
    with running.stream(STREAM, INPUT, token=READER, gzip=True) as reader:
        reader.wait_entries(3)
        old = running.worker_pid()
        running.signal(signal.SIGHUP)
        reader.wait_end()
        assert reader.ended_clean
    wait_for(lambda: gone(old), 10)
    running.wait_live()
    with running.stream(STREAM, INPUT, token=READER) as reader:
        reader.wait_entries(3)
    running.signal(signal.SIGTERM)
    assert running.wait_exit() == 0
    assert sorted(os.listdir(running.folder)) == [".pos", "clients.json"]
    quiet(running)


def test_streams_beyond_the_descriptors_are_refused_and_room_is_made_when_some_end(
    confined: Confine, platformos: PlatformOS, kind: str
) -> None:
    """Of 120 descriptors half are kept back. Streams beyond the capacity get 503, everything else is answered."""
    running = confined(kind, f"ulimit -n {FILES}", env={"POSLOGS_MAX_STREAMS": "5000"})  # a wish beyond what there is
    told = re.search(r"capacity +(\d+) streams", running.out.wait("Paste"))
    assert told is not None
    capacity = int(told[1])
    assert 1 <= capacity < FILES
    with ExitStack() as stack:
        readers = [stack.enter_context(running.stream(STREAM, INPUT, token=READER)) for _ in range(capacity)]
        assert {reader.status for reader in readers} == {200}
        for number in range(FILES):
            refused = post(running, asking(), token=READER)
            assert refused.status == 503
            assert refused.sentence.startswith("This server has as many streams as it can hold")
            assert int(refused.headers["retry-after"]) >= 1
            if number % 10 == 0:
                assert get(running, "/health").status == 200
        platformos.add_many(3)
        for reader in readers:
            reader.wait_entries(3)
        readers[0].close()
        stack.enter_context(running.stream(STREAM, INPUT, token=READER)).wait_entries(3)
    wait_for(lambda: open_streams(running) == 0)
    quiet(running)


def test_connections_that_use_up_the_descriptors_end_no_stream_and_are_survived(
    confined: Confine, platformos: PlatformOS, kind: str
) -> None:
    """Strangers hold more connections than there are descriptors. Streams go on, and afterwards all is well."""
    running = confined(kind, f"ulimit -n {FILES}")
    worker = running.worker_pid()
    with Steady(running.url, token=READER) as steady:
        platformos.add({})
        steady.wait(1)
        socks = []
        with ExitStack() as stack:
            socks = [stack.enter_context(connected(running)) for _ in range(FILES + 30)]
            for count in range(2, 6):
                platformos.add({})
                steady.wait(count)
            close_all(socks)
        wait_for(lambda: open_streams(running) == 1)
        assert running.worker_pid() == worker
        assert len(steady.answers) == 1
        lossless([steady], platformos)
    quiet(running)


def test_descriptors_that_run_out_all_the_same_are_told_in_a_line_and_survived(
    server: Start, platformos: PlatformOS, kind: str
) -> None:
    """Descriptors are taken from a running worker: its stream goes on, and once there are more, so does all else."""
    running = server(kind, clients=clients(), own=True)
    worker = running.worker_pid()
    platformos.add({})
    with running.stream(STREAM, INPUT, token=READER) as reader, ExitStack() as stack:
        reader.wait_entries(1)
        bounds = resource.prlimit(worker, resource.RLIMIT_NOFILE)
        used = max(int(name) for name in os.listdir(f"/proc/{worker}/fd"))
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (used + 5, bounds[1]))
        for _ in range(20):
            stack.enter_context(connected(running))
        running.out.wait("Connections have to wait: Too many open files.")
        for count in range(2, 5):
            platformos.add({})
            reader.wait_entries(count)
        resource.prlimit(worker, resource.RLIMIT_NOFILE, bounds)
        assert get(running, "/health").status == 200
        assert open_streams(running) == 1
        assert running.output.count("Connections have to wait") == 1
        assert running.worker_pid() == worker
    quiet(running)
