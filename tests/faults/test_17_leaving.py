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
from tests.faults.following import INPUT, Steady, lossless, quiet
from tests.support.need import MORE_FOLDERS
from tests.support.platformos import PlatformOS
from tests.support.quickest import WAIT_S, quickest
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
    """Idle readers leave 15 s before a heartbeat: each slot is free at once, and the polls of theirs end."""
    with PlatformOS() as production, ExitStack() as stack:
        running = server(kind, environments={"staging": platformos, "production": production})
        platformos.add_many(3)
        other = stack.enter_context(running.stream(STREAM, PRODUCTION))

        def leaving(stay: int) -> float:
            """Seconds until a reader's slot is free, where so many others stay."""
            with running.stream(STREAM, INPUT) as reader:
                reader.wait_entries(3)
                assert running.streams_open() == stay + 1
                begun = time.monotonic()
                leave(reader)
                wait_for(lambda: running.streams_open() == stay, WAIT_S)
                return time.monotonic() - begun

        with running.stream(STREAM, INPUT) as stays:
            stays.wait_entries(3)
            assert quickest(lambda: leaving(2), SLOT_S) < SLOT_S
        wait_for(lambda: running.streams_open() == 1, WAIT_S)
        assert quickest(lambda: leaving(1), SLOT_S) < SLOT_S
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
    noise = os.urandom(750_000).hex()
    with running.stream(STREAM, INPUT) as other:

        def leaving() -> float:
            """Seconds until the slot of one that left is free."""
            position = {"Last-Event-ID": (platformos.ids or ["0"])[-1]}
            with running.stream(STREAM, INPUT, gzip=gzip, receive_buffer=8192, headers=position) as reader:
                reader.wait_until(lambda: bool(reader.comments))
                reader.pause()
                platformos.add({"message": noise})
                other.wait_entries(len(platformos.ids))
                assert running.streams_open() == 2
                begun = time.monotonic()
                leave(reader)
                wait_for(lambda: running.streams_open() == 1, WAIT_S)
                assert not reader.entries
                return time.monotonic() - begun

        assert quickest(leaving, SLOT_S) < SLOT_S
        noisy = len(platformos.ids)
        platformos.add({"message": "the last"})
        assert [entry["message"] for entry in other.wait_entries(noisy + 1)] == [noise] * noisy + ["the last"]
    quiet(running)


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_readers_that_leave_while_entries_pour_in_are_no_error(
    server: Start, platformos: PlatformOS, kind: str
) -> None:
    """Thirty leave in turn by FIN and RST amid a burst. One stays and has everything."""
    running = server(kind)

    def leave(index: int) -> None:
        """One comes amid a burst, and leaves."""
        with running.stream(STREAM, INPUT, gzip=bool(index % 2)) as reader:
            platformos.add_many(200)
            reader.wait_entries(1)
            WAYS[index % 2](reader)

    def last() -> float:
        """Seconds until the slots of all that left are free, as one more has."""
        leave(0)
        return wait_for(lambda: running.streams_open() == 1, WAIT_S)

    with Steady(running.url) as stays:
        for index in range(29):
            leave(index)
        assert quickest(last, SLOT_S) < SLOT_S
        lossless([stays], platformos)
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

    def mend(self) -> None:
        """Undo that."""
        ip("-n", self.space, "route", "del", "blackhole", self.address)


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
    heartbeat = 3
    running = server(kind, clients=clients(), env={"POSLOGS_HEARTBEAT_SECONDS": str(heartbeat)}, start=False)
    running.args = ["-b", f"{cable.address}:{running.port}"]
    running.start()
    url = f"http://{cable.address}:{running.port}"

    def found() -> float:
        """Seconds from the pull until nobody is there any more."""
        with cable.open(lambda: Reader(url, {"tool": STREAM, "input": INPUT}, token=READER)) as reader:
            reader.wait_until(lambda: bool(reader.comments))
            assert open_streams(running) == 1
            begun = time.monotonic()
            cable.pull()
            platformos.add_many(rows, message="x" * 500)
            wait_for(lambda: open_streams(running) == 0, 2 * heartbeat + WAIT_S)
            seconds = time.monotonic() - begun
        cable.mend()
        assert seconds > heartbeat / 2
        return seconds

    assert quickest(found, 2 * heartbeat) < 2 * heartbeat
    running.stop()  # everything that it had to report is in its output now
    quiet(running)
