"""What the place of the poller promises: one poller at a time, and a feed that knows when none could start."""

from __future__ import annotations

import threading

from poslogs.streaming.feed import Feed
from poslogs.streaming.poller import Poller
from poslogs.streaming.polling import Polling
from poslogs.streaming.sharing import Alone
from poslogs.streaming.upstream import Upstream
from poslogs.supervisor import Run, Supervisor
from tests.unit.doubles import STAGING, Log


class NoThreads(Supervisor):
    def start(self, name: str, run: Run, *, detail: str = "") -> None:
        raise RuntimeError("can't start new thread")


def made(supervisor: Supervisor) -> tuple[Polling, Upstream, Poller]:
    upstream = Upstream(STAGING, Log().open_gateway, supervisor=supervisor)
    feed = Feed(upstream, window_bytes=1 << 20, lookback=30.0)
    return Polling(upstream), upstream, Poller(feed, upstream, threading.Event(), 30.0, Alone())


def test_one_that_left_does_not_take_the_place_of_another_with_it() -> None:
    """The old poller ends after the new one has begun."""
    polling, upstream, old = made(Supervisor())
    new = made(Supervisor())[2]
    assert polling.vacant
    polling.take(old)
    polling.leave(old)
    polling.take(new)
    polling.leave(old)
    assert polling.is_for(new)
    assert not polling.vacant
    assert not polling.is_for(old)
    assert upstream.outage is None


def test_where_no_thread_is_to_be_had_it_ends_and_readers_are_told() -> None:
    """All wait for the outage before the next try."""
    polling, upstream, poller = made(NoThreads())
    ended: list[Poller] = []
    assert not polling.run(polling.take(poller), ended.append)
    assert ended == [poller]
    assert upstream.outage is not None
    assert upstream.outage.sentence == "Environment staging could not be read."
