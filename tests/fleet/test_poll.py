"""The shared poll with real processes and a real Redis: late rows and ids that are reset reach all, each once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.fleet.redis_server import RedisServer
from tests.support.platformos import PlatformOS
from tests.support.reader import Reader
from tests.support.server import Server
from tests.wire.exchange import LIVE, wait_for

ASKED = {"env": "staging", "interval": 300}
STEP = 10  # ids between two rows, for late ones to come into
PATIENCE_S = 60.0


class Three:
    """Three servers over one Redis and one platformOS, with a live reader at each."""

    def __init__(self, stack: ExitStack, started: Callable[..., Server], kind: str) -> None:
        self.platformos = stack.enter_context(PlatformOS())
        self.redis = stack.enter_context(RedisServer())
        self.platformos.add({"id": STEP})
        shared = {"environments": {"staging": self.platformos}, "env": {"POSLOGS_REDIS_URL": self.redis.url}}
        self.servers = [stack.enter_context(started(kind, **shared)) for _ in range(3)]
        self.readers = [
            stack.enter_context(server.stream(LIVE, {**ASKED, "lastId": str(STEP)})) for server in self.servers
        ]
        for reader in self.readers:
            reader.wait_frame(lambda frame: frame.comment == "open")
        self._top = STEP

    def all_get(self, ids: list[int]) -> None:
        """Wait until every reader has these rows."""
        wanted = {str(number) for number in ids}
        wait_for(lambda: all(wanted <= set(reader.entry_ids) for reader in self.readers), PATIENCE_S)

    def step(self, *, late: bool = True) -> None:
        """A row comes, and then one below it; every reader gets both."""
        self._top += STEP
        self.platformos.add({"id": self._top})
        self.all_get([self._top])
        if late:
            self.platformos.reveal({"id": self._top - STEP // 2})
            self.all_get([self._top - STEP // 2])

    def each_once(self, readers: list[Reader]) -> None:
        """Assert that these readers got every row, and none twice."""
        wanted = sorted(set(self.platformos.ids) - {str(STEP)}, key=int)
        for reader in readers:
            assert sorted(reader.entry_ids, key=int) == wanted, reader.dump()

    def are_one(self) -> None:
        """Wait until the questions are as many as one process would ask: the last ten, an interval apart."""
        interval = ASKED["interval"] / 1000  # type: ignore[operator]

        def is_one_poll() -> bool:
            ats = [request.at for request in self.platformos.requests[-10:]]
            return len(ats) == 10 and ats[-1] - ats[0] > 9 * interval * 0.8

        since = len(self.platformos.requests)
        self.platformos.wait_until(lambda: len(self.platformos.requests) >= since + 10, PATIENCE_S)
        self.platformos.wait_until(is_one_poll, PATIENCE_S)


@pytest.fixture
def three(started: Callable[..., Server]) -> Iterator[Callable[[str], Three]]:
    """Starts them."""
    with ExitStack() as stack:
        yield lambda kind: Three(stack, started, kind)


FAULTS: dict[str, Callable[[RedisServer], object]] = {
    "nothing": lambda _: None,
    "a flush": RedisServer.flush,
    "an empty restart": RedisServer.restart,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_late_row_reaches_live_readers_of_every_process_once(three: Callable[[str], Three], fault: str) -> None:
    """Also of rows that come, late or not, right after Redis has lost all."""
    all_ = three("gevent")
    for _ in range(3):
        all_.step()
    FAULTS[fault](all_.redis)
    for _ in range(3):
        all_.step()
    all_.are_one()
    all_.step()
    all_.each_once(all_.readers)


@pytest.mark.parametrize("kind", ["gevent", "gthread"])
def test_while_redis_hangs_each_polls_for_itself_and_then_all_are_one_again(
    three: Callable[[str], Three], kind: str
) -> None:
    """Rows come before, meanwhile and after it, late ones among them."""
    all_ = three(kind)
    all_.step()
    all_.redis.freeze()
    for _ in range(3):
        all_.step()
    all_.redis.thaw()
    for _ in range(3):
        all_.step()
    all_.are_one()
    all_.step()
    all_.each_once(all_.readers)


def test_a_process_that_stood_still_goes_on_with_what_it_missed(three: Callable[[str], Three]) -> None:
    """One after another is frozen while rows come to the others, late ones among them."""
    all_ = three("gevent")
    all_.step()
    everyone = list(all_.readers)
    for server, reader in zip(all_.servers, everyone, strict=True):
        pid = server.worker_pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            all_.readers = [it for it in everyone if it is not reader]
            for _ in range(3):
                all_.step()
        finally:
            os.kill(pid, signal.SIGCONT)
        all_.readers = everyone
        all_.step()
    all_.each_once(everyone)


def test_ids_that_are_reset_are_noticed_once_for_all(three: Callable[[str], Three]) -> None:
    """Each reader is told once, and goes on with what is new."""
    all_ = three("gevent")
    for _ in range(3):
        all_.step(late=False)
    all_.platformos.restore(2 * STEP)
    new = all_.platformos.add({"id": 2 * STEP + 1, "message": "new"})
    all_.all_get(new)
    all_.are_one()
    for reader in all_.readers:
        assert [error for error in reader.errors if "were reset" in str(error)][1:] == [], reader.dump()
        assert reader.entry_ids.count(str(new[0])) == 1
