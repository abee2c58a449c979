"""Promise 5: a polling process that was frozen for 20 s can neither publish nor poll as if nothing had been."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import bound, flowing, lossless
from tests.fleet.fleet import LOST_POLL_S, REJOIN_S, Fleet, freeze, thaw
from tests.fleet.roamer import Roamer
from tests.support.platformos import PlatformOS
from tests.wire.exchange import LIVE, STREAM, wait_for

Starts = Callable[..., Fleet]
FROZEN_S = 20.0
INTERVAL_S = 0.25  # of the readers


@pytest.mark.parametrize("amid", ["between questions", "amid a question"])
@pytest.mark.parametrize("tool", [STREAM, LIVE])
@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_poller_that_was_frozen_neither_publishes_nor_polls(
    fleet: Starts, platformos: PlatformOS, kind: str, tool: str, amid: str
) -> None:
    """Others go on meanwhile. Awake, it drops what it was about to publish, and nobody sees a row twice.

    Amid a question: the answer lies in its socket as it wakes, and is 20 s old.
    """
    platformos.add_many(5)
    started = fleet(kind)
    with ExitStack() as stack:
        readers = [stack.enter_context(Roamer(started.urls, number, tool=tool)) for number in range(12)]
        for reader in readers:
            reader.wait(5)
        poller = started.poller()
        frozen = started.server_of(poller)
        elsewhere = [reader for reader in readers if f":{frozen.port}" not in reader._url]
        here = {reader: reader.answers[-1] for reader in readers}
        if amid == "amid a question":
            platformos.fail("hang", times=1)
            platformos.wait_until(lambda: platformos.in_flight == 1)
        losses = started.losses()
        freeze(poller)
        stack.callback(thaw, poller)
        begun = time.monotonic()
        platformos.heal()
        with flowing(platformos, 0.1):
            started.poller(besides=[poller], timeout=bound(LOST_POLL_S) + 5)
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
        if tool == STREAM:  # for the other tool a poll looks back
            stale = [int(one.last_id or 0) for one in platformos.requests[since:] if int(one.last_id or 0) < high]
            # To join again it may ask one question of its own, and a process that lost Redis asks until it is back.
            own = (started.losses() - losses) * REJOIN_S / INTERVAL_S
            assert len(stale) <= 1 + own, (stale, high)
        for reader in elsewhere:
            assert reader.answers[-1] is here[reader], "a reader elsewhere was cut"
