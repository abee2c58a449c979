"""What a stream of several environments promises: exactly once across cuts at any frame, each order kept."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Generator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poslogs.platformos.environments import Environment
from poslogs.streaming.feed import Feed
from poslogs.streaming.frames import error, position
from poslogs.streaming.joint import JointStream
from poslogs.streaming.positions import parsed
from poslogs.streaming.refused import AGAIN_SECONDS, Refused
from poslogs.streaming.selection import Selection
from poslogs.streaming.stream import Start, Stream
from poslogs.streaming.upstream import Upstream
from tests.support.frame import Frame, FrameParser
from tests.support.tries import tries
from tests.unit.doubles import Log

NAMES = ("staging", "production", "a name, with: signs")


class Site:
    """Three environments, each with a log of its own."""

    def __init__(self) -> None:
        self.logs = {name: Log(page=7) for name in NAMES}
        self.environments = {
            name: Environment(name, f"https://{number}.example.com") for number, name in enumerate(NAMES)
        }
        self.feeds = {
            name: Feed(Upstream(environment, self.logs[name].open_gateway), window_bytes=4000, lookback=30.0)
            for name, environment in self.environments.items()
        }

    def stream(self, selection: Selection, starts: dict[str, Start]) -> JointStream:
        """One reader of all three."""

        def part(environment: Environment, start: Start) -> Stream:
            return Stream(
                self.feeds[environment.name], selection=selection, start=start, interval=0.002, heartbeat=3600.0
            )

        chosen = {self.environments[name]: start for name, start in starts.items()}
        return JointStream(part, chosen, every=False, most=20, away={}, heartbeat=10.0)


def frames(stream: JointStream) -> Generator[Frame, None, None]:
    """What comes, frame by frame, as a reader sees it that may be cut after each."""
    parser = FrameParser()
    with closing(stream.chunks()) as chunks:  # type: ignore[type-var]  # a generator
        for chunk in chunks:
            assert chunk.plain != b": heartbeat\n\n", "something is missing"
            yield from parser.feed(chunk.plain, 0.0)


@pytest.mark.parametrize("late", [False, True], ids=["stream", "live"])
@given(seed=st.integers(0, 2**32))
@tries(25)
def test_every_entry_comes_once_whatever_is_cut(late: bool, seed: int) -> None:
    """Random rows in three environments while it is read, random cuts, random filters; windows that hold little."""
    chance = random.Random(seed)
    site = Site()
    wanted = chance.choice([None, "error"])
    expected: dict[str, list[str]] = {name: [] for name in NAMES}

    def add() -> None:
        name = chance.choice(NAMES)
        number = max(site.logs[name].rows, default=0) + chance.randint(1, 3)
        kind = chance.choice(["error", "info"])
        site.logs[name].add(number, error_type=kind)
        if wanted in (None, kind):
            expected[name].append(str(number))

    for _ in range(chance.randint(0, 60)):
        add()
    came: dict[str, list[str]] = {name: [] for name in NAMES}
    starts = dict.fromkeys(NAMES, Start(position=0))
    left = chance.randint(1, 40)  # rows that are added while it is read
    while left or came != expected:
        if came == expected:
            left -= 1
            add()
            continue
        stream = site.stream(Selection(wanted, late=late), starts)
        cut = chance.randint(1, 30)
        with closing(frames(stream)) as reading:
            for frame in reading:
                if frame.event == "data":
                    entry = frame.inner
                    came[entry["env"]].append(entry["id"])
                if frame.id is not None:
                    starts = parsed(frame.id)
                    cut -= 1
                if left:
                    left -= 1
                    add()
                if not cut or came == expected:
                    break
        stream.close()
        assert all(list(dict.fromkeys(ids)) == ids for ids in came.values()), (seed, came)
    assert came == expected


def test_chunks_are_made_once_for_all_who_stand_alike() -> None:
    """Two readers of the same environments at the same place are given the same bytes."""
    site = Site()
    starts = dict.fromkeys(NAMES, Start(position=0))
    got: list[list[object]] = []
    site.logs["staging"].add(*range(1, 4))

    def read(stream: JointStream, found: list[object], ready: threading.Event) -> None:
        with closing(stream.chunks()) as chunks:  # type: ignore[type-var]  # a generator
            for chunk in chunks:
                if b"id: " in chunk.plain:
                    found.append(chunk)
                    ready.set()
                    if b"staging:9" in chunk.plain:
                        return

    threads = []
    for _ in range(2):
        found: list[object] = []
        ready = threading.Event()
        stream = site.stream(Selection(None, late=False), starts)
        thread = threading.Thread(target=read, args=(stream, found, ready), daemon=True)
        thread.start()
        assert ready.wait(10)
        got.append(found)
        threads.append(thread)
    site.logs["staging"].add(9)
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert got[0][-1] is got[1][-1]


def test_a_refused_environment_is_tried_again_after_a_while_and_told_of_once() -> None:
    """What the reader knows is not told again; what works in between makes it news."""
    refused, now = Refused(), 100.0
    env = Environment("staging", "https://0.example.com")
    assert refused.due == math.inf
    refused.add(env, now)
    assert refused.due == now + AGAIN_SECONDS
    assert refused.take(now) == []
    assert refused.take(now + AGAIN_SECONDS) == [env]
    assert refused.due == math.inf
    refused.add(env, now)
    refused.discard("production")
    assert refused.due < math.inf
    refused.discard("staging")
    assert refused.due == math.inf
    assert refused.take(now) == []


def test_only_the_same_refusal_soon_after_it_is_nothing_new_to_a_reader() -> None:
    """Outages are told each time, and so is a refusal after the environment worked, or a long time."""
    refused, now = Refused(), 100.0
    env, down, no = Environment("staging", "https://0.example.com"), error("it is down"), error("it is refused")
    assert [refused.knows("staging", chunk, now) for chunk in (down, down, no, no)] == [False] * 4
    refused.add(env, now)
    again = now + AGAIN_SECONDS + 1
    assert not refused.knows("production", no, again)
    assert not refused.knows("staging", down, again)
    assert refused.knows("staging", no, again)
    assert not refused.knows("staging", no, now + 3 * AGAIN_SECONDS)
    refused.add(env, again)
    assert not refused.knows("staging", position(7), again)
    assert not refused.knows("staging", no, again)
