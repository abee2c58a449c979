"""Fault 17: a reader that leaves, however it leaves, frees its slot at once; the last one ends the polling."""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import INPUT, Steady, bound, lossless, quiet
from tests.support.need import MORE_FOLDERS
from tests.support.platformos import PlatformOS
from tests.support.reader import Reader
from tests.support.server import Server
from tests.wire.exchange import READER, STREAM, clients, open_streams, wait_for

Start = Callable[..., Server]
SLOT_S = 1.0
PRODUCTION = {**INPUT, "env": "production"}


def by_fin(reader: Reader) -> None:
    """Read all that came, then close the connection."""
    reader.close()


def by_rst(reader: Reader) -> None:
    """Reset the connection."""
    reader.reset()


def by_half_close(reader: Reader) -> None:
    """Close the sending side and stay. A proxy does this when its client has left."""
    reader._socket.shutdown(1)


WAYS = [by_fin, by_rst, by_half_close]


@pytest.mark.parametrize("leave", WAYS)
@pytest.mark.parametrize("kind", [*GUNICORN_KINDS, "waitress", "flask"])
def test_a_reader_that_leaves_frees_its_slot_within_a_second_and_the_last_ends_the_polling(
    server: Start, platformos: PlatformOS, kind: str, leave: Callable[[Reader], None]
) -> None:
    """Two idle readers leave 15 s before a heartbeat: each slot is free at once, and the polls of theirs end."""
    with PlatformOS() as production, ExitStack() as stack:
        running = server(kind, environments={"staging": platformos, "production": production})
        platformos.add_many(3)
        other = stack.enter_context(running.stream(STREAM, PRODUCTION))
        readers = [stack.enter_context(running.stream(STREAM, INPUT)) for _ in range(2)]
        for reader in readers:
            reader.wait_entries(3)
        for left, reader in ((2, readers[0]), (1, readers[1])):
            assert running.streams_open() == left + 1
            begun = time.monotonic()
            leave(reader)
            wait_for(lambda left=left: running.streams_open() == left)  # type: ignore[misc]
            assert time.monotonic() - begun < bound(SLOT_S)
        asked = len(platformos.requests)
        production.wait_for_requests(len(production.requests) + 6)  # several intervals pass
        assert len(platformos.requests) <= asked + 1  # one may have been on its way
        assert not other.ended
        quiet(running)


@pytest.mark.parametrize("leave", [by_fin, by_rst])
@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_reader_that_leaves_in_mid_frame_frees_its_slot_within_a_second(
    server: Start, platformos: PlatformOS, kind: str, gzip: bool, leave: Callable[[Reader], None]
) -> None:
    """It read half of a long entry, and the server waits to send the rest: its slot is free, others get all of it."""
    running = server(kind)
    with (
        running.stream(STREAM, INPUT) as other,
        running.stream(STREAM, INPUT, gzip=gzip, receive_buffer=8192) as reader,
    ):
        reader.wait_until(lambda: bool(reader.comments))
        reader.pause()
        noise = os.urandom(750_000).hex()
        platformos.add({"message": noise})
        other.wait_entries(1)
        assert running.streams_open() == 2
        begun = time.monotonic()
        leave(reader)
        wait_for(lambda: running.streams_open() == 1)
        assert time.monotonic() - begun < bound(SLOT_S)
        assert not reader.entries
        platformos.add({})
        assert [len(entry["message"]) for entry in other.wait_entries(2)] == [len(noise), len("row 2")]
    quiet(running)


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_readers_that_leave_while_entries_pour_in_are_no_error(
    server: Start, platformos: PlatformOS, kind: str
) -> None:
    """Thirty leave in turn by FIN and RST amid a burst. One stays and has everything."""
    running = server(kind)
    with Steady(running.url) as stays:
        for index in range(30):
            with running.stream(STREAM, INPUT, gzip=bool(index % 2)) as reader:
                platformos.add_many(200)
                reader.wait_entries(1)
                WAYS[index % 2](reader)
        lossless([stays], platformos)
        wait_for(lambda: running.streams_open() == 1, bound(SLOT_S))
    quiet(running)


@dataclass(frozen=True)
class Cable:
    """A cable to a machine that is a network namespace here; the server listens at `address`."""

    space: str
    address: str

    def open(self, make: Callable[[], Reader]) -> Reader:
        """What `make` makes on the far machine."""
        made: list[Reader] = []

        def over_there() -> None:  # a socket stays in the namespace of the thread that made it
            with open(f"/run/netns/{self.space}") as space:
                assert ctypes.CDLL(None, use_errno=True).setns(space.fileno(), 0) == 0
            made.append(make())

        thread = threading.Thread(target=over_there)
        thread.start()
        thread.join()
        return made[0]

    def pull(self) -> None:
        """Let nothing come back from the far machine any more."""
        ip("-n", self.space, "route", "add", "blackhole", self.address)


def ip(*args: str) -> None:
    """Run `ip`. Raises CalledProcessError, or FileNotFoundError where there is none."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *MORE_FOLDERS])
    subprocess.run(["ip", *args], check=True, capture_output=True, text=True, env={**os.environ, "PATH": path})


@pytest.fixture
def cable() -> Iterator[Cable]:
    """A cable; the test is skipped where no network namespace can be made."""
    name = f"plc{os.getpid()}"
    third, fourth = os.getpid() // 64 % 256, os.getpid() % 64 * 4
    near, far = f"10.231.{third}.{fourth + 1}", f"10.231.{third}.{fourth + 2}"
    with ExitStack() as stack:
        try:
            ip("netns", "add", name)
            stack.callback(ip, "netns", "del", name)  # takes the cable with it
            ip("link", "add", name, "type", "veth", "peer", "name", "far", "netns", name)
            ip("addr", "add", f"{near}/30", "dev", name)
            ip("link", "set", name, "up")
            ip("-n", name, "addr", "add", f"{far}/30", "dev", "far")
            ip("-n", name, "link", "set", "far", "up")
        except (subprocess.CalledProcessError, OSError) as error:
            pytest.skip(f"no network namespace can be made here: {getattr(error, 'stderr', None) or error}")
        yield Cable(name, near)


@pytest.mark.parametrize("rows", [0, 20_000], ids=["idle", "in the thick of it"])
@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_pulled_cable_is_found_within_two_heartbeats(
    server: Start, platformos: PlatformOS, cable: Cable, kind: str, rows: int
) -> None:
    """Nothing reports it to the server, but nobody acknowledges a heartbeat or an entry."""
    heartbeat = 2
    running = server(kind, clients=clients(), env={"POSLOGS_HEARTBEAT_SECONDS": str(heartbeat)}, start=False)
    running.args = ["-b", f"{cable.address}:{running.port}"]
    running.start()
    url = f"http://{cable.address}:{running.port}"
    with cable.open(lambda: Reader(url, {"tool": STREAM, "input": INPUT}, token=READER)) as reader:
        reader.wait_until(lambda: bool(reader.comments))
        assert open_streams(running) == 1
        cable.pull()
        platformos.add_many(rows, message="x" * 500)
        assert wait_for(lambda: open_streams(running) == 0, bound(2 * heartbeat)) > heartbeat / 2
    running.stop()  # everything that it had to report is in its output now
    quiet(running)
