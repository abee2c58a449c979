"""Fault 28: files that break while the server runs do not take it down, not even when it is told to reload."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import INPUT, gone
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire.exchange import OTHER, READER, STREAM, clients, get, unharmed, wait_for

Start = Callable[..., Server]
KEPT = "The last good one stays in use."

pytestmark = pytest.mark.parametrize("kind", GUNICORN_KINDS)


def cut(path: Path) -> None:
    """Leave half of the file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    """Leave an empty file."""
    path.write_bytes(b"")


def unreadable(path: Path) -> None:
    """Make the file unreadable, even for root."""
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    """Put a pipe without a writer in its place: opening that as a file waits forever."""
    path.unlink()
    os.mkfifo(path)


def endless(path: Path) -> None:
    """Put a device without an end in its place."""
    path.unlink()
    path.symlink_to("/dev/zero")


def huge(path: Path) -> None:
    """Make it a gibibyte of nothing."""
    os.truncate(path, 1 << 30)


def mend(path: Path, text: str) -> None:
    """Make the file as it should be."""
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink()
    path.write_text(text)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (unreadable, "cannot be read (is a directory)"),
        (pipe, "cannot be read (is a pipe; put a regular file there)"),
        (endless, "cannot be read (is a device; put a regular file there)"),
        (huge, "is larger than 4194304 bytes"),
    ],
    ids=["folder", "pipe", "device", "huge"],
)
@pytest.mark.parametrize("name", ["clients.json", ".pos"])
def test_a_file_that_cannot_be_read_is_told_and_the_last_good_one_kept(
    server: Start, platformos: PlatformOS, kind: str, name: str, broken: Callable[[Path], None], told: str
) -> None:
    """With something else in its place there is one line in the log, and streams go on. Once mended, it is read."""
    running = server(kind, clients=clients())
    path = running.folder / name
    good = path.read_text()
    with running.stream(STREAM, INPUT, token=READER) as old:
        broken(path)
        running.out.wait(f"{name} {told}. {KEPT}")
        platformos.add({})
        old.wait_entries(1)
        with running.stream(STREAM, INPUT, token=READER) as new:
            new.wait_entries(1)
        mend(path, good)
        running.out.wait(f"{name} was read again.")
        assert not old.ended
    unharmed(running)


@pytest.mark.parametrize(
    ("name", "broken", "told"),
    [("clients.json", cut, ""), (".pos", emptied, ".pos is empty; it must hold a JSON object.")],
    ids=["clients cut", ".pos emptied"],
)
def test_a_reload_with_a_broken_file_does_not_take_the_service_down(
    server: Start, platformos: PlatformOS, kind: str, name: str, broken: Callable[[Path], None], told: str
) -> None:
    """At SIGHUP what runs goes on, and the reason is logged. Once the file is mended, the next SIGHUP reloads."""
    running = server(kind, clients=clients())
    path = running.folder / name
    good = path.read_text()
    old = running.worker_pid()
    with running.stream(STREAM, INPUT, token=READER) as before:
        before.wait_until(lambda: bool(before.comments))
        broken(path)
        running.signal(signal.SIGHUP)
        running.out.wait(f"Not reloaded, and all goes on as it was: {told}")
        platformos.add({})
        with running.stream(STREAM, INPUT, token=READER) as reader:
            reader.wait_entries(1)
        before.wait_entries(1)
        assert running.worker_pids() == [old]
    mend(path, good)
    running.signal(signal.SIGHUP)
    wait_for(lambda: gone(old), 20)
    running.wait_live()


def test_a_worker_that_dies_while_a_file_is_broken_is_back_once_it_is_mended(
    server: Start, platformos: PlatformOS, kind: str
) -> None:
    """With half of clients.json on disk nobody can be served; once the file is whole, everybody is."""
    running = server(kind, clients=clients())
    good = running.clients_file.read_text()
    cut(running.clients_file)
    os.kill(running.worker_pid(), signal.SIGKILL)
    running.out.wait_until(lambda text: text.count("poslogs cannot start: ") >= 2)  # it is tried again
    mend(running.clients_file, good)
    running.wait_live()
    assert get(running, "/tools").status == 200


def test_a_reload_reads_what_is_in_the_files_now(server: Start, platformos: PlatformOS, kind: str) -> None:
    """Both files are edited and SIGHUP is sent at the same moment: the new worker knows the new token and place."""
    with PlatformOS() as moved:
        running = server(kind, clients=clients())
        moved.add_many(2)
        old = running.worker_pid()
        running.clients_file.write_text(json.dumps(clients(other={"token": OTHER})))
        running.write_pos({"staging": moved})
        running.signal(signal.SIGHUP)
        wait_for(lambda: gone(old), 10)
        running.wait_live()
        with running.stream(STREAM, INPUT, token=OTHER) as reader:
            assert [entry["id"] for entry in reader.wait_entries(2)] == moved.ids
        assert not platformos.requests
    unharmed(running)
