"""What a feed promises to its readers: positions, a window, and a way on where that has moved past them."""

from __future__ import annotations

import threading

import pytest

from poslogs.streaming.polled import LINGER_SECONDS
from poslogs.streaming.poller import RETURN_SECONDS
from poslogs.streaming.readers import Attached
from tests.unit.doubles import (
    PATIENCE,
    PLAIN,
    Follower,
    Log,
    RunningClock,
    StandingClock,
    eventually,
    feed_of,
    ids_of,
)


def test_a_reader_that_comes_back_soon_finds_the_window_and_the_pace() -> None:
    """After a hundred reconnects within the linger the poller is the same, and polls at most once more."""
    log = Log(1, 2, 3, clock=(clock := StandingClock(0.0)))
    feed = feed_of(log, clock=clock)
    first = Follower(interval=3.0)
    feed.join(first)
    feed.attach(first, 0)
    first.take(feed)
    clock.turn(0.0, feed)
    feed.leave(first)
    before = len(log.asked)
    for _ in range(100):
        again = Follower(interval=3.0)
        feed.join(again)
        assert feed.attach(again, 3)
        feed.leave(again)
    clock.turn(0.0, feed)
    assert len(log.asked) <= before + 1
    assert log.opened == 1


def test_a_feed_that_ended_begins_anew_at_the_reader_s_position() -> None:
    """After the linger the window is gone. A reader at 2 gets what came after 2, by one question."""
    log = Log(1, 2, 3)
    clock = RunningClock()
    feed = feed_of(log, clock=clock)
    first = Follower()
    feed.join(first)
    feed.attach(first, 0)
    first.take(feed)
    feed.leave(first)
    clock.turn(LINGER_SECONDS + 1)
    feed.leave(Follower())
    eventually(lambda: log.closed == 1, "the poller did not end")
    asked = len(log.polls)
    log.add(4)
    second = Follower()
    feed.join(second)
    assert feed.attach(second, 2)
    assert ids_of(second.take(feed)) == [3, 4]
    assert log.polls[asked] == 2
    assert log.opened == 2
    feed.leave(second)


def test_a_batch_of_a_feed_s_earlier_life_is_not_taken_for_one_of_its_present() -> None:
    """A reader that still stands in the old window finds itself left behind, whatever the new window holds."""
    log = Log(1)
    clock = RunningClock()
    feed = feed_of(log, clock=clock)
    old, new = Follower(), Follower()
    feed.join(old)
    feed.attach(old, 0)
    old.take(feed)
    feed.leave(old)
    clock.turn(LINGER_SECONDS + 1)
    feed.leave(Follower())
    eventually(lambda: log.closed == 1, "the poller did not end")
    log.add(2, 3)
    feed.join(new)
    feed.attach(new, 1)
    new.take(feed)
    with pytest.raises(LookupError):
        feed.take(old)
    assert old.number is None
    feed.leave(new)


def test_readers_that_leave_twice_or_never_came_do_no_harm() -> None:
    """Only readers that are here are counted."""
    feed = feed_of(Log())
    reader = Follower()
    feed.join(reader)
    feed.join(reader)
    assert feed.readers == 1
    feed.leave(reader)
    feed.leave(reader)
    feed.leave(Follower())
    assert feed.readers == 0


def test_readers_before_the_window_are_turned_to_questions_of_their_own() -> None:
    """In a feed that began at 5 a reader at 4 cannot follow, one at 5 can."""
    log = Log(*range(1, 9))
    feed = feed_of(log)
    first = Follower()
    feed.join(first)
    feed.attach(first, 5)
    first.take(feed)
    assert feed.attach(Follower(), 4) is None
    assert feed.attach(Follower(), 5)
    feed.leave(first)


def test_a_reader_from_the_future_does_not_take_the_feed_from_the_others() -> None:
    """The first reader's position is far past everything. The feed finds the end, and others follow there."""
    log = Log(1, 2, 3)
    feed = feed_of(log)
    future, now = Follower(interval=0.005), Follower(interval=0.005)
    feed.join(future)
    feed.attach(future, 2**62)
    log.wait(lambda _: len(log.asked) > 2)
    feed.join(now)
    eventually(lambda: feed.high == 3)
    attached = feed.attach(now, 3)
    assert attached
    assert not attached.ahead
    again = feed.attach(future, 2**62)
    assert again
    assert again.ahead
    log.add(4)
    assert ids_of(now.take(feed)) == [4]
    feed.leave(future)
    feed.leave(now)


def test_a_reader_that_knows_more_than_the_window_waits_and_the_poller_asks_at_once() -> None:
    """Two rows came since the last poll, and the next is due in an hour; the reader's own answer has them."""
    log = Log(*range(1, 11), clock=(clock := StandingClock(0.0)))
    feed = feed_of(log, clock=clock)
    first = Follower(interval=3600.0)
    feed.join(first)
    feed.attach(first, 0)
    first.take(feed)
    clock.turn(0.0, feed)
    log.add(11, 12)
    wake = threading.Event()
    question = feed.upstream.backfill(10, wake)
    assert question is not None
    assert wake.wait(PATIENCE)
    knows_more = Follower()
    assert feed.attach(knows_more, 12) == Attached(None, [], ahead=True)
    assert knows_more.number is None
    clock.turn(RETURN_SECONDS, feed)
    assert feed.high == 12
    attached = feed.attach(knows_more, 12)
    assert attached is not None
    assert not attached.ahead
    assert not feed.outdated(12)
    assert feed.attach(Follower(), 13) == Attached(None, [], ahead=True)
    asked = len(log.polls)
    for _ in range(3):
        clock.turn(RETURN_SECONDS, feed)
    assert len(log.polls) <= asked + 1, "one early question for a reader that waits, and no more"
    feed.leave(first)


def test_the_window_leaves_a_reader_behind_that_takes_nothing() -> None:
    """Its place is gone: it gets LookupError instead of entries after a gap."""
    log = Log(1)
    feed = feed_of(log, window_bytes=1)
    slow, quick = Follower(interval=0.002), Follower(interval=0.002)
    for reader in (slow, quick):
        feed.join(reader)
        feed.attach(reader, 0)
        reader.take(feed)
    for number in (2, 3, 4):
        log.add(number)
        quick.take(feed)
    with pytest.raises(LookupError):
        feed.take(slow)
    assert slow.number is None
    feed.leave(slow)
    feed.leave(quick)


def test_the_tail_of_a_feed_that_does_not_run_is_platformos_s_to_tell() -> None:
    """The same holds for a tail that the window may not hold whole, or whose end it has not seen."""
    log = Log(*range(1, 9))
    feed = feed_of(log)
    assert feed.tail(3, PLAIN, 8) is None
    reader = Follower()
    feed.join(reader)
    feed.attach(reader, 5)
    reader.take(feed)
    assert feed.tail(4, PLAIN, 8) is None
    assert feed.tail(3, PLAIN, 8) == 5
    assert feed.tail(1, PLAIN, 8) == 7
    assert feed.tail(0, PLAIN, 8) == 8
    assert feed.tail(1, PLAIN, 9) is None
    feed.leave(reader)


def test_waking_a_feed_wakes_all_its_readers() -> None:
    """Each reader then checks whether it must end."""
    feed = feed_of(Log())
    readers = [Follower() for _ in range(5)]
    for reader in readers:
        feed.join(reader)
    feed.wake()
    assert all(reader.wake.is_set() for reader in readers)
