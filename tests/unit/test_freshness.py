"""What is told of an environment's last answers goes by the clock that does not jump when a machine's time is set."""

from __future__ import annotations

from poslogs.agents.polls import FRESH_SECONDS, Polls
from poslogs.doors.health import UNASKED_SECONDS, is_degraded
from tests.unit.doubles import Log, StandingClock, down, feed_of


def test_an_answer_tells_a_call_how_the_log_is_for_two_seconds() -> None:
    """An agent's call that begins later waits for an answer of its own, whatever the wall clock says."""
    upstream = feed_of(Log(), clock=(clock := StandingClock())).upstream
    assert not Polls([upstream]).were_fresh
    upstream.worked()
    clock.now += FRESH_SECONDS - 0.1
    assert Polls([upstream]).were_fresh
    clock.now += 0.1
    assert not Polls([upstream]).were_fresh


def test_an_outage_degrades_for_ten_minutes_without_a_question() -> None:
    """It may be over then. Each failed question makes it count anew."""
    feed = feed_of(Log(), clock=(clock := StandingClock()))
    assert not is_degraded(feed)
    for _ in range(2):
        feed.upstream.failed(down())
        clock.now += UNASKED_SECONDS - 0.1
        assert is_degraded(feed)
    clock.now += 0.1
    assert not is_degraded(feed)
