"""Promise 3: a reader that is cut resumes at any other process: nothing lost, nothing twice."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import flowing, lossless, quiet
from tests.fleet.fleet import Fleet
from tests.fleet.roamer import Roamer
from tests.support.platformos import PlatformOS
from tests.wire.exchange import LIVE, STREAM, wait_for

Starts = Callable[..., Fleet]
ROUNDS = 25
HISTORY = 50


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_readers_that_are_cut_at_any_moment_go_on_at_another_process(
    fleet: Starts, platformos: PlatformOS, kind: str
) -> None:
    """Both tools, plain and gzip, while rows keep coming; each comes back at the next of three processes."""
    platformos.add_many(HISTORY)
    started = fleet(kind)
    chance = random.Random(7)
    with ExitStack() as stack:
        readers = [
            stack.enter_context(Roamer(started.urls, number, tool=(STREAM, LIVE)[number % 2], gzip=number % 3 == 0))
            for number in range(12)
        ]
        for reader in readers:
            reader.wait(HISTORY)
        with flowing(platformos):
            for _ in range(ROUNDS):
                before = len(platformos.ids)
                for reader in chance.sample(readers, 4):
                    reader.cut()
                wait_for(lambda before=before: len(platformos.ids) > before + 5)  # type: ignore[misc]
        lossless(readers, platformos)
        assert min(len(reader.streams) for reader in readers) > 3
    for server in started.servers:
        quiet(server)


def test_a_reader_that_resumes_within_what_is_shared_costs_no_question(fleet: Starts, platformos: PlatformOS) -> None:
    """At a process that has read nothing yet, too: it is served from what the others have read."""
    platformos.add_many(HISTORY)
    started = fleet()
    first, second, third = started.servers
    with first.stream(STREAM, {"env": "staging", "interval": 500, "lastId": "0"}) as reader:
        reader.wait_entries(HISTORY)
        platformos.add_many(HISTORY)
        reader.wait_entries(2 * HISTORY)
        for other in (second, third):
            since = len(platformos.requests)
            with other.stream(
                STREAM, {"env": "staging", "interval": 500}, headers={"Last-Event-ID": str(HISTORY + 10)}
            ) as resumed:
                missed = platformos.ids[HISTORY + 10 :]
                resumed.wait_entries(len(missed))
                assert resumed.entry_ids == missed
                platformos.add_many(1)
                resumed.wait_entries(len(missed) + 1)
                reader.wait_entries(len(platformos.ids))
            behind = [one.last_id for one in platformos.requests[since:] if int(one.last_id or 0) < 2 * HISTORY]
            assert len(behind) <= 1, behind  # one for an environment and process that joins
