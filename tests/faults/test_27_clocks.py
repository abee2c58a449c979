"""Fault 27: the clock on the wall jumps an hour either way: heartbeats, deadlines, slots and limits do not notice."""

from __future__ import annotations

import shutil
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import quiet
from tests.faults.upstream import longest_silence
from tests.support.lent import REST_ENVIRONMENTS
from tests.support.need import missing
from tests.support.platformos import PlatformOS
from tests.support.quickest import TRIES, WAIT_S, quickest
from tests.support.reader import Reader
from tests.support.server import Server
from tests.wire.exchange import LIVE, READER, clients, get, open_streams, post, wait_for

Start = Callable[..., Server]
HOUR = 3600
HEARTBEAT_S = 0.5
DURATION_S = 3.0
LATE_S = 1.0  # by which neither an end nor a heartbeat may be late
SLOT_S = 1.0  # after which the slot of one that left must be free
BEATS = 2  # that come after each thing that happens
WINDOW_S = 6
RATE = f"3 per {WINDOW_S} second"
LIMITED = {HOUR: "limited-token-3e1b", -HOUR: "limited-token-77c0"}  # by the jump that it meets

EITHER_WAY = pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["ahead", "back"])

pytestmark = pytest.mark.parametrize("kind", GUNICORN_KINDS)


class WallClock:
    """The wall clock of the servers that are started with `env`."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc") or missing("no C compiler: install the package gcc")
        self._shift = folder / "shift"
        self._shift.write_bytes(struct.pack("q", 0))
        library = folder / "clock.so"
        source = Path(__file__).with_name("clock.c")
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source)], check=True)
        self.env = {"LD_PRELOAD": str(library), "CLOCK_SHIFT_FILE": str(self._shift)}

    def jump(self, seconds: int) -> None:
        """Set the clock off by this much."""
        with self._shift.open("r+b") as file:
            file.write(struct.pack("q", seconds))


@pytest.fixture(scope="module")
def wall(tmp_path_factory: pytest.TempPathFactory) -> WallClock:
    """The clock of all servers here."""
    return WallClock(tmp_path_factory.mktemp("clock"))


@pytest.fixture(scope="module")
def servers(started: Start, wall: WallClock) -> Iterator[Callable[[str], Server]]:
    """The server of each kind, which runs on from test to test."""
    running: dict[str, Server] = {}
    env = {**wall.env, "POSLOGS_HEARTBEAT_SECONDS": str(HEARTBEAT_S)}
    limited = {f"limited{jump}": {"token": LIMITED[jump], "limits": {"requests": RATE}} for jump in LIMITED}
    with ExitStack() as stack:

        def of_kind(kind: str) -> Server:
            if kind not in running:
                running[kind] = stack.enter_context(
                    started(kind, environments=REST_ENVIRONMENTS, clients=clients(**limited), env=env)
                )
            return running[kind]

        yield of_kind


@pytest.fixture
def running(servers: Callable[[str], Server], platformos: PlatformOS, wall: WallClock, kind: str) -> Iterator[Server]:
    """A server whose clock is right until it jumps."""
    running = servers(kind)
    running.out.forget()
    running.write_pos({"staging": platformos})
    running.wait_live()
    yield running
    wall.jump(0)


def told(server: Server) -> float:
    """The time that the server thinks it is, in seconds since 1970."""
    return parsedate_to_datetime(get(server, "/livez", token=None).headers["date"]).timestamp()


def beating(*readers: Reader, more: int = BEATS) -> None:
    """Assert that each reader gets more heartbeats from now on."""
    wanted = [(each, each.comments.count("heartbeat") + more) for each in readers]
    for reader, count in wanted:
        reader.wait_until(lambda reader=reader, count=count: reader.comments.count("heartbeat") >= count)  # type: ignore[misc]
        assert not reader.ended


@EITHER_WAY
def test_heartbeats_deadlines_polls_and_slots_go_on(
    running: Server, platformos: PlatformOS, wall: WallClock, jump: int
) -> None:
    """The stream has heartbeats and polls as before, and recovers from an outage. Who leaves frees its slot.

    Another, which began right before the jump, lasts as long as it should.
    """
    input_ = {"env": "staging", "interval": 250}
    with ExitStack() as stack:
        readers = [stack.enter_context(running.stream(LIVE, input_, token=READER)) for _ in range(1 + TRIES)]
        beating(*readers, more=1)
        reader = readers[0]

        def jumped() -> float:
            """Seconds by which the other's end or a heartbeat was late, at worst."""
            wall.jump(0)
            assert abs(told(running) - time.time()) < HOUR / 2
            errors = len(reader.errors)
            begun = time.monotonic()
            with running.stream(LIVE, {**input_, "maxDuration": int(DURATION_S * 1000)}, token=READER) as timed:
                timed.wait_frame(lambda frame: frame.comment == "open")
                wall.jump(jump)
                assert abs(told(running) - time.time() - jump) < HOUR / 2
                beating(*readers)
                platformos.fail("status", times=1, status=500)
                platformos.add_many(3)
                count = len(platformos.ids)
                assert [entry["id"] for entry in reader.wait_entries(count)] == platformos.ids
                reader.wait_until(lambda: len(reader.errors) > errors)
                assert len(reader.errors) == errors + 1
                beating(reader)
                timed.wait_end(60)
                assert timed.done
                lasted = timed.frames[-1].at - begun
            assert lasted >= DURATION_S - 0.01
            return max(lasted - DURATION_S, max(longest_silence(each, begun) for each in readers) - HEARTBEAT_S)

        def freed() -> float:
            """Seconds until the slot of one that leaves is free."""
            begun = time.monotonic()
            readers.pop().close()
            wait_for(lambda: open_streams(running) == len(readers), WAIT_S)
            return time.monotonic() - begun

        assert quickest(jumped, LATE_S) < LATE_S
        wait_for(lambda: open_streams(running) == len(readers), WAIT_S)
        assert quickest(freed, SLOT_S) < SLOT_S
        assert not reader.ended
    wait_for(lambda: open_streams(running) == 0, 20)
    assert "Traceback" not in running.output


@EITHER_WAY
def test_a_client_at_its_limit_waits_as_long_as_it_was_told(running: Server, wall: WallClock, jump: int) -> None:
    """Of three requests allowed in six seconds the fourth is still refused after the jump, and allowed in time."""
    assert [get(running, "/tools", token=LIMITED[jump]).status for _ in range(4)] == [200, 200, 200, 429]
    wall.jump(jump)
    refused = get(running, "/tools", token=LIMITED[jump])
    assert refused.status == 429
    assert 1 <= int(refused.headers["retry-after"]) <= WINDOW_S
    assert 0 <= int(refused.headers["x-ratelimit-reset"]) - told(running) <= WINDOW_S + 1
    time.sleep(int(refused.headers["retry-after"]))
    assert get(running, "/tools", token=LIMITED[jump]).status == 200
    quiet(running)


def test_an_address_that_guesses_tokens_gets_no_more_tries(running: Server, wall: WallClock) -> None:
    """A minute allows twenty guesses, some before a jump ahead and some after it. Right tokens pass."""
    statuses = [post(running, b"{}", token="a guess").status for _ in range(10)]
    wall.jump(HOUR)
    statuses += [post(running, b"{}", token="a guess").status for _ in range(12)]
    assert statuses == [401] * 20 + [429] * 2
    assert get(running, "/tools").status == 200
    quiet(running)
