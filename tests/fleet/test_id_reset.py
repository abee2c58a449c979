"""Ids that are reset under a fleet: told once to each reader, at any process, whatever that one knows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.faults.following import bound
from tests.faults.test_10_id_reset import heard, messages, say
from tests.faults.upstream import WERE_RESET, follow, told, wait_told
from tests.fleet.fleet import NOTICE_S, REJOIN_S, Fleet
from tests.fleet.redis_server import RedisServer
from tests.fleet.way import Way
from tests.support.platformos import PlatformOS
from tests.wire.exchange import LIVE, STREAM

Starts = Callable[..., Fleet]
LAG_S = 0.15  # by which one process learns later of what the others have found; Redis does not count as away yet
HOPS = 12
RARELY_MS = 5_000


@pytest.mark.parametrize("tool", [STREAM, LIVE])
def test_a_reader_with_an_id_from_after_a_reset_is_not_sent_back_by_a_process_that_lags(
    fleet: Starts, redis: RedisServer, platformos: PlatformOS, tool: str
) -> None:
    """It comes from a process that is a moment further; its id had been given out before the reset, too."""
    before = say(platformos, *(f"before {number}" for number in range(50)))
    with ExitStack() as stack:
        late = stack.enter_context(Way(redis.port))
        started = fleet(urls=[redis.url, late.url])
        ahead, behind = started.servers[:2]
        first, second = (stack.enter_context(follow(one, tool=tool)) for one in (ahead, behind))
        for reader in (first, second):
            heard(reader, before[-1])
        platformos.restore(20)
        say(platformos, "after the reset")
        for reader in (first, second):
            assert wait_told(reader, timeout=30) == [WERE_RESET]
            heard(reader, "after the reset")
        late.delay = LAG_S
        for hop in range(HOPS):
            say(platformos, f"hop {hop}")
            heard(first, f"hop {hop}")
            with follow(behind, tool=tool, headers={"Last-Event-ID": first.last_id}) as hopped:
                say(platformos, f"then {hop}")
                heard(hopped, f"then {hop}")
                assert messages(hopped) == [f"then {hop}"], hopped.dump()
                assert told(hopped) == []


def test_a_process_that_was_cut_off_from_redis_takes_over_the_reset_that_the_others_have_told(
    fleet: Starts, redis: RedisServer, platformos: PlatformOS
) -> None:
    """Its readers ask so rarely that it has not noticed by itself when it is back."""
    before = say(platformos, *(f"before {number}" for number in range(50)))
    with ExitStack() as stack:
        ways = [stack.enter_context(Way(redis.port)) for _ in range(3)]
        started = fleet(urls=[way.url for way in ways])
        rare = stack.enter_context(follow(started.servers[0], interval=RARELY_MS))
        readers = [stack.enter_context(follow(server)) for server in started.servers[1:]]
        for reader in (rare, *readers):
            heard(reader, before[-1])
        ways[0].close()
        started.wait_state("degraded", NOTICE_S, started.servers[:1])
        platformos.restore(20)
        after = say(platformos, "after 1", "after 2")
        for reader in readers:
            assert wait_told(reader, timeout=30) == [WERE_RESET]
            heard(reader, after[-1])
        assert told(rare) == []
        ways[0].open()
        started.wait_state("ok", REJOIN_S)
        assert wait_told(rare, timeout=bound(6 * RARELY_MS / 1000)) == [WERE_RESET]
        after += say(platformos, "after 3")
        for reader in (rare, *readers):
            heard(reader, after[-1], 30)
            assert messages(reader) == before + after, reader.dump()
            assert told(reader) == [WERE_RESET]
