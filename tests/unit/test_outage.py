"""What an outage promises: growing, jittered, bounded waits, and one frame that reports it."""

from __future__ import annotations

import json
import math

import pytest

from poslogs.streaming.outage import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, Outage
from tests.unit.doubles import StandingClock, down, events


@pytest.mark.parametrize("run", range(20))
def test_waits_double_up_to_a_bound_with_jitter(run: int) -> None:
    """Each is between half and the whole of 1, 2, 4, 8, 16, 30, 30, ... seconds."""
    clock = StandingClock(1000.0)
    outage = Outage(down(), clock)
    for tries in range(1, 40):
        whole = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (tries - 1))
        assert outage.tries == tries
        assert whole / 2 <= outage.until - clock.now <= whole
        assert not outage.claim()
        clock.now = outage.until
        assert outage.claim()
        outage.again(down())


def test_after_each_wait_one_question_is_asked_by_whoever_claims_it() -> None:
    """Nobody else may ask until that has failed. Failures of questions that began before the claim count once."""
    clock = StandingClock(0.0)
    outage = Outage(down(), clock)
    outage.again(down())
    outage.again(down())
    assert outage.tries == 1
    clock.now = outage.until
    assert outage.claim()
    assert outage.until == math.inf
    assert not outage.claim()
    outage.again(down())
    assert outage.tries == 2
    assert outage.until < math.inf


def test_no_failure_makes_a_wait_shorter_that_platformos_asked_for() -> None:
    """After a Retry-After of 100 s and an error of another kind the wait is still 100 s."""
    clock = StandingClock(0.0)
    outage = Outage(down(retry_after=100.0), clock)
    clock.now = 10.0
    outage.again(down())
    assert outage.until == 100.0
    assert outage.pause == 90.0
    clock.now = 101.0
    assert outage.pause == 0.0


def test_waits_are_not_the_same_for_all() -> None:
    """Fifty servers do not return in the same instant."""
    clock = StandingClock(0.0)
    assert len({Outage(down(), clock).until for _ in range(50)}) > 40


def test_a_longer_wait_that_platformos_asked_for_is_kept() -> None:
    """A Retry-After of 20 s is kept; with one of 0.1 s our own wait counts."""
    clock = StandingClock(0.0)
    outage = Outage(down(retry_after=20.0), clock)
    assert outage.until == 20.0
    assert Outage(down(retry_after=0.1), clock).until >= 0.5
    clock.now = 50.0
    assert outage.claim()
    outage.again(down(retry_after=0.0))
    assert 51.0 <= outage.until <= 52.0


def test_the_frame_tells_how_it_began_and_stays_the_same() -> None:
    """Readers that come late get the same frame. The sentence for people is the latest."""
    outage = Outage(down("First."), StandingClock())
    chunk = outage.chunk
    outage.again(down("Second."))
    assert outage.chunk is chunk
    assert outage.sentence == "Second."
    (event,) = events(chunk.plain)
    assert event.type == "error"
    inner = json.loads(json.loads(event.data)["text"])
    assert (inner["type"], inner["message"]) == ("error", "First.")
