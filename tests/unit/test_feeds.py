"""What the feeds of a process promise."""

from __future__ import annotations

import os
from dataclasses import replace

from poslogs.platformos.environments import Environment
from poslogs.streaming.feeds import Feeds
from tests.unit.doubles import Log

STAGING = Environment("staging", "https://example.com")


def test_a_child_has_feeds_of_its_own() -> None:
    """The parent's feeds have pollers that do not run in the child."""
    feeds = Feeds(Log().open_gateway, window_bytes=1 << 20, lookback=30.0)
    parents = feeds.of(STAGING)
    assert feeds.of(STAGING) is parents
    read, write = os.pipe()
    with feeds._known().lock:  # a thread that has it is not there in the child
        pid = os.fork()
        if pid == 0:  # no assertion here: a child must not run the tests
            before = feeds.all()
            os.write(write, b"own" if before == [] and feeds.of(STAGING) is not parents else b"other")
            os._exit(0)
    os.close(write)
    assert os.read(read, 10) == b"own"
    os.close(read)
    os.waitpid(pid, 0)
    assert feeds.all() == [parents]


def test_a_caller_with_earlier_credentials_does_not_bring_them_back() -> None:
    """A request or a turn of a stream may begin with an environment before `.pos` is read again, and go on after it."""
    feeds = Feeds(Log().open_gateway, window_bytes=1 << 20, lookback=30.0)
    production = replace(STAGING, name="production")
    feeds.of(STAGING)
    renewed = {each.name: replace(each, token="another-token") for each in (STAGING, production)}
    feeds.forget(renewed)
    for each in (STAGING, production):
        assert feeds.of(each).upstream.environment == renewed[each.name]
