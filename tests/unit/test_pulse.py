"""What a pulse promises: a heartbeat when nothing was sent, each notice once, and an end that comes first."""

from __future__ import annotations

import math

import pytest

from poslogs.streaming.cursor import Cursor
from poslogs.streaming.frames import DONE, HEARTBEAT
from poslogs.streaming.pulse import Ended, Pulse, Reported
from poslogs.streaming.upstream import Upstream
from tests.unit.doubles import PLAIN, STAGING, Log, StandingClock, down


def made(duration: float = math.inf) -> tuple[Pulse, StandingClock, Upstream]:
    clock = StandingClock(0.0)
    upstream = Upstream(STAGING, Log().open_gateway, clock=clock)
    return Pulse(Reported(upstream, Cursor(0, PLAIN)), clock, 15.0, duration), clock, upstream


def test_a_heartbeat_leaves_when_nothing_was_sent_for_its_time() -> None:
    """Something sent after 10 s delays it."""
    pulse, clock, _ = made()
    assert list(pulse.idle()) == [math.inf]
    clock.now = 10.0
    pulse.sent(DONE)
    clock.now = 15.0
    assert list(pulse.idle()) == [math.inf]
    clock.now = 25.0
    assert list(pulse.idle()) == [math.inf, HEARTBEAT]
    assert pulse.beat_due == 40.0
    pulse.poke()
    assert list(pulse.idle()) == [HEARTBEAT]


def test_it_rests_while_it_waits_alone() -> None:
    """Only then may a heartbeat leave without a turn of the stream."""
    pulse, _, _ = made()
    steps = pulse.idle(rests=True)
    assert not pulse.beats(1.0)
    next(steps)
    assert pulse.beats(1.0)
    assert pulse.beat_due == 16.0
    assert list(steps) == []
    assert not pulse.beats(2.0)


def test_the_first_end_counts_and_the_deadline_ends_with_done() -> None:
    """Notes may come from anywhere, again and again."""
    pulse, clock, _ = made(duration=5.0)
    pulse.look()
    clock.now = 5.0
    with pytest.raises(Ended) as ended:
        pulse.look()
    assert ended.value.last == (DONE,)
    pulse.end(HEARTBEAT)
    pulse.end()
    with pytest.raises(Ended) as ended:
        pulse.look()
    assert ended.value.last == (HEARTBEAT,)


def test_an_outage_is_reported_once_and_a_refusal_ends_the_stream() -> None:
    """The next outage is reported again."""
    pulse, _, upstream = made()
    for _ in range(2):
        upstream.failed(down("Down."))
        upstream.failed(down("Still."))
        (notice,) = pulse.idle()
        assert b"Down." in notice.plain
        assert list(pulse.idle()) == [math.inf]
        upstream.worked()
    upstream.failed(down("No.", refused=True))
    with pytest.raises(Ended) as ended:
        list(pulse.idle())
    assert ended.value.last[-1] is DONE


def test_a_rest_ends_when_there_is_enough() -> None:
    """It also ends when its time is over."""
    pulse, clock, _ = made()
    assert list(pulse.rest(3.0, lambda: True)) == []
    steps = pulse.rest(3.0)
    assert next(steps) == 3.0
    clock.now = 3.0
    assert list(steps) == []
