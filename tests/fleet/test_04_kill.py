"""Promise 4: kill -9 of the process that polls, again and again: another polls within 5 s."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import bound, flowing, lossless
from tests.fleet.fleet import LOST_POLL_S, Fleet, kill, owner
from tests.fleet.roamer import Roamer
from tests.support.platformos import PlatformOS
from tests.wire.exchange import LIVE, STREAM, wait_for

Starts = Callable[..., Fleet]
TAKES_OVER_S = 5.0
TIMES = 5


@pytest.mark.parametrize(("count", "args"), [(3, ()), (1, ("-w", "4"))], ids=["three servers", "four workers"])
@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_another_process_polls_within_five_seconds(
    fleet: Starts, platformos: PlatformOS, kind: str, count: int, args: tuple[str, ...]
) -> None:
    """Readers get every row once and in order; those elsewhere stay connected, with a pause at most."""
    platformos.add_many(5)
    started = fleet(kind, count, args=list(args))
    with ExitStack() as stack:
        readers = [
            stack.enter_context(Roamer(started.urls, number, tool=(STREAM, LIVE)[number % 2]))
            for number in range(9 if count > 1 else 16)
        ]
        for reader in readers:
            reader.wait(5)
        with flowing(platformos, 0.05):
            for _ in range(TIMES):
                poller = started.poller(timeout=20)
                here = {reader: reader.answers[-1] for reader in readers}
                elsewhere = [
                    reader
                    for reader in readers
                    if count > 1 and f":{started.server_of(poller).port}" not in reader._url
                ]
                kill(poller)
                taken_over(started, poller, time.monotonic())
                mark = len(platformos.ids)
                for reader in readers:
                    reader.wait(mark, 15)
                for reader in elsewhere:
                    assert reader.answers[-1] is here[reader], "a reader elsewhere was cut"
                    frames = [frame.at for frame in here[reader].frames if frame.event == "data"]
                    pause = max((later - at for at, later in pairwise(frames)), default=0.0)
                    assert pause < bound(LOST_POLL_S)
                for server in started.servers:
                    server.wait_live()
                wait_for(lambda: len(started.workers()) == max(count, 4 if args else 0), 20)
        lossless(readers, platformos)


def taken_over(fleet: Fleet, lost: int, killed: float) -> None:
    """Wait until another process has asked."""

    def has_asked() -> bool:
        workers = fleet.workers()
        later = [one.port for one in fleet.platformos.requests[-10:] if one.at > killed]
        return any(owner(port, fleet.platformos.port, workers) not in (None, lost) for port in later)

    wait_for(has_asked, bound(TAKES_OVER_S))
