"""Fault 30: behind a stock nginx frames arrive live, silence is bridged, and a client that leaves frees its slot."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import INPUT, Steady, flowing, lossless, quiet
from tests.support.nginx import Nginx
from tests.support.platformos import PlatformOS
from tests.support.reader import Reader
from tests.support.server import Server
from tests.wire.exchange import STREAM, wait_for

Start = Callable[..., Server]
LIVE_S = 1.0
CUT_S = 2  # nginx's proxy_read_timeout in tests, in place of its 60 s
HEARTBEAT_S = 0.4
PLAIN_AND_GZIP = pytest.mark.parametrize("gzip", [False, True])

pytestmark = pytest.mark.parametrize("kind", GUNICORN_KINDS)


@pytest.fixture
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """`nginx(server, "directives of the location")` starts an nginx in front of a server; returns the URL to ask."""
    with ExitStack() as stack:

        def start(server: Server, more: str = "") -> str:
            return stack.enter_context(Nginx(tmp_path_factory.mktemp("nginx"), server.url, more)).url

        yield start


def through(url: str, *, gzip: bool = False) -> Reader:
    """A stream through the proxy."""
    return Reader(url, {"tool": STREAM, "input": INPUT}, gzip=gzip)


@PLAIN_AND_GZIP
def test_frames_arrive_live_through_a_stock_proxy_pass(
    server: Start, platformos: PlatformOS, nginx: Callable[..., str], kind: str, gzip: bool
) -> None:
    """The first bytes come while platformOS hangs, then each entry by itself, the quickest in a second; gzip passes."""
    running = server(kind)
    url = nginx(running)
    platformos.fail("hang")
    took = []
    with through(url, gzip=gzip) as reader:
        reader.wait_frame(lambda frame: frame.comment == "open")
        assert reader.headers["server"].startswith("nginx")
        assert ("content-encoding" in reader.headers) is gzip
        platformos.heal()
        for number in range(1, 6):
            platformos.add({"message": "x" * number * 5000})
            listed = platformos.listed[-1][0]
            assert [entry["id"] for entry in reader.wait_entries(number)] == platformos.ids
            took.append(next(frame.at for frame in reversed(reader.frames) if frame.event == "data") - listed)
        assert min(took) < LIVE_S  # the heartbeat that would bring what a proxy kept back is 15 s away
    wait_for(lambda: running.streams_open() == 0)
    quiet(running)


@PLAIN_AND_GZIP
def test_a_silence_longer_than_the_proxy_bears_is_bridged_by_heartbeats(
    server: Start, platformos: PlatformOS, nginx: Callable[..., str], kind: str, gzip: bool
) -> None:
    """nginx cuts after CUT_S of silence. After more than twice that the stream goes on, and its next entry comes."""
    running = server(kind, env={"POSLOGS_HEARTBEAT_SECONDS": str(HEARTBEAT_S)})
    url = nginx(running, f"proxy_read_timeout {CUT_S}s;")
    begun = time.monotonic()
    with through(url, gzip=gzip) as reader:
        beats = int(2.5 * CUT_S / HEARTBEAT_S)
        reader.wait_until(lambda: reader.comments.count("heartbeat") >= beats, 30)
        assert not reader.ended
        assert reader.frames[-1].at - begun > 2 * CUT_S
        platformos.add({})
        reader.wait_entries(1)
        assert not reader.ended
    quiet(running)


def test_a_proxy_that_cuts_after_all_costs_no_entry(
    server: Start, platformos: PlatformOS, nginx: Callable[..., str], kind: str
) -> None:
    """Heartbeats are too rare for nginx, which cuts again and again. The client comes back and loses nothing."""
    running = server(kind)
    url = nginx(running, "proxy_read_timeout 1s;")
    with Steady(url) as reader:
        for times in (2, 3, 4):
            platformos.add_many(3)
            wait_for(lambda times=times: len(reader.streams) >= times, 15)  # type: ignore[misc]
        lossless([reader], platformos)
        assert not any(answer.done or answer.ended_clean for answer in reader.streams[:3])
    wait_for(lambda: running.streams_open() == 0)
    quiet(running)


@pytest.mark.parametrize("leave", [Reader.close, Reader.reset], ids=["FIN", "RST"])
def test_a_client_that_leaves_the_proxy_frees_its_slot_within_a_second(
    server: Start, platformos: PlatformOS, nginx: Callable[..., str], kind: str, leave: Callable[[Reader], None]
) -> None:
    """The next heartbeat is 15 s away. nginx closes its side, and the slot is free, for the quickest of three."""
    running = server(kind)
    url = nginx(running)
    platformos.add({})
    took = []
    with through(url) as stays:
        stays.wait_entries(1)
        for _ in range(3):
            with through(url) as leaving:
                leaving.wait_entries(1)
                assert running.streams_open() == 2
                begun = time.monotonic()
                leave(leaving)
                wait_for(lambda: running.streams_open() == 1, 10)
                took.append(time.monotonic() - begun)
        assert min(took) < 1
        assert not stays.ended
    quiet(running)


def test_a_slow_client_behind_the_proxy_loses_nothing(
    server: Start, platformos: PlatformOS, nginx: Callable[..., str], kind: str
) -> None:
    """It reads nothing while thousands of entries pass, then reads on. A quick reader is never held up."""
    running = server(kind)
    url = nginx(running)
    with (
        Reader(url, {"tool": STREAM, "input": INPUT}, receive_buffer=16_384) as slow,
        through(url, gzip=True) as quick,
    ):
        for each in (slow, quick):
            each.wait_until(lambda each=each: bool(each.comments))  # type: ignore[misc]
        slow.pause()
        platformos.add_many(20_000)
        quick.wait_entries(20_000, 30)
        assert len(slow.entries) < 20_000
        slow.resume()
        assert [entry["id"] for entry in slow.wait_entries(20_000, 30)] == platformos.ids
        assert quick.entry_ids == platformos.ids
    wait_for(lambda: running.streams_open() == 0)
    quiet(running)


def test_readers_behind_a_proxy_outlive_a_restart_of_the_server(
    server: Start, platformos: PlatformOS, nginx: Callable[..., str], kind: str
) -> None:
    """Rows flow; while the server is away nginx answers 502, and when it is back the readers have missed nothing."""
    running = server(kind)
    url = nginx(running)
    with ExitStack() as stack:
        readers = [stack.enter_context(Steady(url, gzip=bool(index % 2))) for index in range(10)]
        with flowing(platformos, every=0.05):
            for reader in readers:
                reader.wait(2)
            running.stop()
            for reader in readers:
                wait_for(lambda reader=reader: reader.answers[-1].ended)  # type: ignore[misc]
                assert reader.streams[0].ended_clean
                assert not reader.streams[0].done
            wait_for(lambda: any(answer.status == 502 for answer in readers[0].answers), 10)
            running.start()
        lossless(readers, platformos)
    wait_for(lambda: running.streams_open() == 0)
    quiet(running)
