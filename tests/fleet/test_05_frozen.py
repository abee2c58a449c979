"""Promise 5: a polling process that was frozen for 20 s can neither publish nor poll as if nothing had been."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import bound, flowing, lossless
from tests.fleet.fleet import LOST_POLL_S, REJOIN_S, TURNS, Fleet, freeze, thaw
from tests.fleet.roamer import Roamer
from tests.support.platformos import PlatformOS
from tests.wire.exchange import LIVE, STREAM, wait_for

Starts = Callable[..., Fleet]
FROZEN_S = 20.0


@pytest.mark.parametrize("amid", ["between questions", "amid a question"])
@pytest.mark.parametrize("tool", [STREAM, LIVE])
@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_poller_that_was_frozen_neither_publishes_nor_polls(fleet: Starts, kind: str, tool: str, amid: str) -> None:
    """Others go on meanwhile. Awake, it drops what it was about to publish, and nobody sees a row twice.

    Amid a question: the answer lies in its socket as it wakes, and is 20 s old.
    A process that lost Redis polls for itself: where it asked more then, all is done again, with another fleet.
    """
    for number in range(TURNS):
        with PlatformOS() as platformos:
            started = fleet(kind, environments={"staging": platformos}, env={"POSLOGS_REDIS_PREFIX": f"turn-{number}"})
            losses = started.losses()
            stale = asked_again(started, platformos, tool, amid == "amid a question")
            lost = started.losses() - losses
            for server in started.servers:
                server.kill()
        # To join again it may ask one question of its own; for the other tool a poll looks back.
        if len(stale) <= 1 or tool != STREAM:
            return
        assert lost, stale
        print("Redis was lost:", *lost.elements(), stale, sep="\n")
    raise AssertionError(f"Redis was lost in each of {TURNS} turns, and more than one question was stale in each")


def asked_again(started: Fleet, platformos: PlatformOS, tool: str, amid: bool) -> list[tuple[int, int]]:
    """The positions that were asked for after the poller woke, though a higher one was before; each with that one."""
    platformos.add_many(5)
    with ExitStack() as stack:
        readers = [stack.enter_context(Roamer(started.urls, number, tool=tool)) for number in range(12)]
        for reader in readers:
            reader.wait(5)
        poller = started.poller(platformos)
        frozen = started.server_of(poller)
        elsewhere = [reader for reader in readers if f":{frozen.port}" not in reader._url]
        here = {reader: reader.answers[-1] for reader in readers}
        if amid:
            platformos.fail("hang", times=1)
            platformos.wait_until(lambda: platformos.in_flight == 1)
        freeze(poller)
        stack.callback(thaw, poller)
        begun = time.monotonic()
        platformos.heal()
        with flowing(platformos, 0.1):
            started.poller(platformos, besides=[poller], timeout=bound(LOST_POLL_S) + 5)
            for reader in elsewhere:
                reader.wait(len(platformos.ids), 20)
            wait_for(lambda: time.monotonic() - begun > FROZEN_S, 2 * FROZEN_S)
            high = max(int(one.last_id or 0) for one in platformos.requests)
            since = len(platformos.requests)
            thaw(poller)
            for reader in readers:
                reader.wait(len(platformos.ids), 20)
            started.wait_state("ok", REJOIN_S)
        lossless(readers, platformos)
        for reader in elsewhere:
            assert reader.answers[-1] is here[reader], "a reader elsewhere was cut"
        asked = [int(one.last_id or 0) for one in platformos.requests[since:]]
        return [(one, high) for one in asked if one < high]
