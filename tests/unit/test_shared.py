"""What the shared poll promises a process that takes in what others find."""

from __future__ import annotations

from typing import Any, cast

from poslogs.fleet.poll_bus import Came
from poslogs.fleet.stand import Stand
from poslogs.streaming.membership import State
from poslogs.streaming.packing import Failed, Packed, pack
from poslogs.streaming.poller import Poller
from poslogs.streaming.shared import Shared
from poslogs.streaming.sharing import Wish
from poslogs.streaming.uptake import Uptake
from tests.unit.doubles import Log, StandingClock, feed_of

WISH = Wish(interval=3.0, late=False, high=0, linger=3.0)


def stand(tip: str, answered: int, *, failing: bool) -> Stand:
    return Stand(False, 1.0, tip, 0, 1.0, False, False, True, failing, answered, 0, "other")


class Meeting:
    """A bus whose other process does what the test says."""

    def __init__(self) -> None:
        self.stand = stand("1-1", 0, failing=False)
        self.published: list[Came] = []

    def claim(self, *_: Any, **__: Any) -> Stand:
        return self.stand

    def came(self) -> list[Came]:
        came, self.published = self.published, []
        return came

    def follow(self, cursor: str) -> None:
        """All comes anyway."""


def test_an_answer_from_before_a_failure_does_not_end_the_outage() -> None:
    """Another process had an answer, then a failure: both are known here when the next question is claimed."""
    clock, meeting = StandingClock(), Meeting()
    feed = feed_of(Log(), clock=clock)
    uptake = Uptake(feed, feed.upstream, cast("Poller", None), 30.0)
    shared = Shared(cast("Any", meeting), clock)
    shared.membership.cursor = "1-1"
    shared.membership.be(State.MEMBER)
    shared.claim(WISH, uptake)

    meeting.published.append(Came("1-2", "1-1", pack(Packed(Failed("It is down.", 3.0), 0, syncs=False))))
    assert shared.take_in(uptake)
    outage = feed.upstream.outage
    assert outage is not None
    meeting.stand = stand("1-2", 1, failing=True)
    shared.claim(WISH, uptake)
    assert feed.upstream.outage is outage

    meeting.stand = stand("1-2", 2, failing=False)
    shared.claim(WISH, uptake)
    assert feed.upstream.outage is None
