"""Outages over a fleet: what platformOS says to one process is told once at all, and all wait as long."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import quiet
from tests.faults.upstream import all_lossless, arrived, follow, told, wait_told
from tests.fleet.fleet import Fleet
from tests.support.platformos import PlatformOS
from tests.support.reader import Reader
from tests.wire.exchange import LIVE, STREAM

Starts = Callable[..., Fleet]
PAUSE_S = 4
TRIES = 3
SLACK_S = 0.05
REFUSED = "platformOS refused the token of environment staging; run `pos-cli env refresh-token staging`."

pytestmark = pytest.mark.parametrize("kind", GUNICORN_KINDS)


def readers(fleet: Fleet, stack: ExitStack) -> list[Reader]:
    """One with each tool at each server, which has read what is there."""
    found = [stack.enter_context(follow(server, tool=tool)) for server in fleet.servers for tool in (STREAM, LIVE)]
    for reader in found:
        arrived(reader, fleet.platformos.ids[-1])
    return found


def test_an_outage_is_told_once_to_each_reader_at_any_process(fleet: Starts, platformos: PlatformOS, kind: str) -> None:
    """Some tries fail, one at a time over all; then every reader has every row, on the connection that it had."""
    platformos.add_many(2)
    started = fleet(kind)
    with ExitStack() as stack:
        all_ = readers(started, stack)
        platformos.fail("status", status=502)
        platformos.add_many(2)
        for reader in all_:
            assert wait_told(reader, timeout=20) == ["platformOS answered 502 for environment staging."]
        since = len(platformos.requests)
        platformos.wait_for_requests(since + TRIES, 30)
        assert platformos.max_in_flight <= len(started.servers)  # at the start each may ask one of its own
        platformos.heal()
        all_lossless([(platformos, all_)], timeout=60)
        for reader in all_:
            assert len(told(reader)) == 1, reader.dump()
            assert not reader.ended
    for server in started.servers:
        quiet(server)


@pytest.mark.parametrize("status", [429, 503])
def test_no_process_asks_before_the_pause_is_over_that_one_was_told(
    fleet: Starts, platformos: PlatformOS, kind: str, status: int
) -> None:
    """`Retry-After` binds all, those whose interval is over meanwhile too; each reader is told of it once."""
    platformos.add_many(2)
    started = fleet(kind)
    with ExitStack() as stack:
        all_ = readers(started, stack)
        since = len(platformos.requests)
        platformos.fail("status", times=1, status=status, headers={"Retry-After": str(PAUSE_S)})
        for reader in all_:
            assert wait_told(reader, timeout=20) == [f"platformOS answered {status} for environment staging."]
        all_lossless([(platformos, all_)], timeout=60)
        asked = [one.at for one in platformos.requests[since:]]
        assert max(later - at for at, later in pairwise(asked)) >= PAUSE_S - SLACK_S, asked
        assert [len(told(reader)) for reader in all_] == [1] * len(all_)


def test_each_process_is_refused_for_itself_and_ends_its_own_readers(
    fleet: Starts, platformos: PlatformOS, kind: str
) -> None:
    """A token that platformOS takes no longer costs a question a process; all readers end, with the remedy."""
    platformos.add_many(2)
    started = fleet(kind)
    with ExitStack() as stack:
        all_ = readers(started, stack)
        since = len(platformos.requests)
        platformos.fail("status", status=401)
        for reader in all_:
            reader.wait_end(30)
            assert told(reader) == [REFUSED], reader.dump()
            assert reader.done
        assert len(platformos.requests) - since <= len(started.servers) + 1  # one may have been under way
