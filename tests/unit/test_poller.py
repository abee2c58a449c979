"""What the one poller of an environment promises, to platformOS and to its readers."""

from __future__ import annotations

from typing import Any

import pytest

from poslogs.streaming.feed import Feed
from poslogs.streaming.lookback import MAX_ROWS
from poslogs.streaming.polled import LINGER_SECONDS
from poslogs.streaming.poller import HOLD_SECONDS
from poslogs.streaming.sharing import Alone
from poslogs.streaming.upstream import Upstream
from tests.unit.doubles import (
    HOUR,
    LIVE,
    STAGING,
    Follower,
    Log,
    StandingClock,
    eventually,
    feed_of,
    hurry,
    ids_of,
    in_threads,
)


def test_many_readers_share_one_poller_and_one_poll_at_a_time() -> None:
    """Thirty readers that attach at once, while platformOS is slow, cause one gateway and one question."""
    log = Log(1, 2, 3)
    feed = feed_of(log)
    readers = [Follower(interval=0.001) for _ in range(30)]
    with log.hold():
        for reader in readers:
            feed.join(reader)
        in_threads(*[lambda reader=reader: feed.attach(reader, 0) for reader in readers])
        log.wait(lambda _: log.asked)
        feed.leave(Follower())  # wakes it; it must not ask a second time
        assert len(log.asked) == 1
    assert {ids_of(reader.take(feed))[-1] for reader in readers} == {3}
    log.wait(lambda _: len(log.asked) > 5)
    assert (log.opened, log.busiest) == (1, 1)
    assert log.own == []
    for reader in readers:
        feed.leave(reader)


def test_a_slow_answer_is_not_overtaken_by_the_next_question() -> None:
    """The interval passes many times while platformOS answers. There is one question, then the next."""
    log = Log(clock=(clock := StandingClock()))
    feed = feed_of(log, clock=clock)
    reader = Follower(interval=1.0)
    with log.hold():
        feed.join(reader)
        feed.attach(reader, 0)
        log.wait(lambda _: log.asked)
        for _ in range(5):
            clock.now += 1.0
            feed.leave(Follower())
        assert len(log.asked) == 1
    log.wait(lambda _: len(log.asked) == 2)
    assert log.busiest == 1
    feed.leave(reader)


def test_the_smallest_interval_sets_the_pace() -> None:
    """With readers of 60 s and 3 s polls come every 3 s; after the quick one has left, every 60 s."""
    log = Log(clock=(clock := StandingClock(0.0)))
    feed = feed_of(log, clock=clock)
    slow, quick = Follower(interval=60.0), Follower(interval=3.0)
    for reader in (slow, quick):
        feed.join(reader)
        feed.attach(reader, 0)
    clock.turn(0.0, feed)
    for _ in range(4):
        clock.turn(1.5, feed)
    assert [asked.at for asked in log.asked] == [0.0, 3.0, 6.0]
    feed.leave(quick)
    clock.turn(59.5, feed)
    clock.turn(0.5, feed)
    assert [asked.at for asked in log.asked][3:] == [66.0]
    feed.leave(slow)


def test_a_quick_reader_that_joins_is_served_at_its_own_pace_at_once() -> None:
    """The feed's interval is an hour. When a reader of 2 s comes after ten, the next poll is due already."""
    log = Log(clock=(clock := StandingClock(0.0)))
    feed = feed_of(log, clock=clock)
    slow, quick = Follower(interval=HOUR), Follower(interval=2.0)
    feed.join(slow)
    feed.attach(slow, 0)
    clock.turn(0.0, feed)
    clock.turn(10.0, feed)
    assert len(log.asked) == 1
    feed.join(quick)
    feed.attach(quick, 0)
    clock.turn(0.0, feed)
    assert [asked.at for asked in log.asked] == [0.0, 10.0]
    feed.leave(slow)
    feed.leave(quick)


def test_the_next_question_continues_after_the_newest_entry() -> None:
    """It asks after 0, at once after 7, since the first answer brought history, and after 7 until there is more."""
    log = Log(3, 7, clock=(clock := StandingClock(0.0)))
    feed = feed_of(log, clock=clock)
    reader = Follower(interval=3.0)
    feed.join(reader)
    feed.attach(reader, 0)
    reader.take(feed)
    clock.turn(0.0, feed)
    clock.turn(3.0, feed)
    log.add(9)
    clock.turn(3.0, feed)
    clock.turn(3.0, feed)
    assert log.polls[:2] == [0, 7]
    assert all(last_id in (6, 7) for last_id in log.polls[2:-1])  # now and then the newest row is asked for again
    assert log.polls[-1] == 9
    feed.leave(reader)


def test_polls_cease_when_nobody_reads() -> None:
    """After the last reader has left no question is asked, however long that is; after the linger the poller ends."""
    log = Log(1, clock=(clock := StandingClock(0.0)))
    feed = feed_of(log, clock=clock)
    reader = Follower(interval=0.5)
    feed.join(reader)
    feed.attach(reader, 0)
    reader.take(feed)
    clock.turn(1.0, feed)
    feed.leave(reader)
    asked = len(log.asked)
    clock.turn(LINGER_SECONDS - 1.0, feed)
    assert len(log.asked) == asked
    clock.now += 2.0
    feed.leave(Follower())
    eventually(lambda: log.closed == log.opened == 1, "the gateway was not given back")
    assert len(log.asked) == asked
    assert feed.high == 0


def test_a_backlog_in_pages_is_asked_for_page_after_page() -> None:
    """A thousand rows in pages of 100 all come now, despite an interval of an hour."""
    log = Log(*range(1, 1001), page=100)
    feed = feed_of(log)
    reader = Follower()
    feed.join(reader)
    feed.attach(reader, 0)
    got: list[int] = []
    while len(got) < 1000:
        got += ids_of(reader.take(feed))
    assert got == list(range(1, 1001))
    feed.leave(reader)


def test_amid_a_backlog_the_poller_waits_for_the_quickest_reader_alone() -> None:
    """After a page it does not ask again until one reader has taken it, or HOLD_SECONDS have passed."""
    log = Log(*range(1, 101), page=20, clock=(clock := StandingClock(0.0)))
    feed = feed_of(log, clock=clock)
    quick, slow = Follower(), Follower()
    for reader in (quick, slow):
        feed.join(reader)
        feed.attach(reader, 0)
    log.wait(lambda _: log.asked)
    clock.turn(HOLD_SECONDS / 2, feed)
    assert log.polls == [0]
    assert ids_of(quick.take(feed))[-1] == 20
    log.wait(lambda _: log.polls == [0, 20])
    clock.turn(HOLD_SECONDS / 2, feed)
    assert log.polls == [0, 20]
    clock.now += HOLD_SECONDS
    feed.leave(Follower())
    log.wait(lambda _: log.polls == [0, 20, 40])
    feed.leave(quick)
    feed.leave(slow)


def test_the_overlap_is_read_again_for_live_readers_alone() -> None:
    """For plain readers it asks at the cursor; for a live one below it, as long as the rows there are young."""
    log = Log(10, 20, clock=(clock := StandingClock(0.0)))
    feed = feed_of(log, lookback=30.0, clock=clock)
    plain, live = Follower(interval=3.0), Follower(interval=3.0, selection=LIVE)
    feed.join(plain)
    feed.attach(plain, 0)
    plain.take(feed)
    clock.turn(0.0, feed)
    clock.turn(3.0, feed)
    assert log.polls[:2] == [0, 20]
    assert min(log.polls[1:]) >= 19  # now and then the newest row is asked for again
    feed.join(live)
    feed.attach(live, 20)
    clock.turn(3.0, feed)
    assert log.polls[-1] == 0
    clock.turn(30.0, feed)
    assert log.polls[-1] == 0  # 30 s after they came
    clock.turn(3.0, feed)
    assert log.polls[-1] >= 19
    feed.leave(plain)
    feed.leave(live)


def test_a_late_row_is_one_batch_for_live_readers_and_nothing_for_others() -> None:
    """Both read the same batch, with different selections."""
    log = Log(10, 20)
    feed = feed_of(log)
    plain, live = Follower(), Follower(selection=LIVE)
    for reader in (plain, live):
        feed.join(reader)
        feed.attach(reader, 0)
        assert ids_of(reader.take(feed)) == [10, 20]
    log.add(15)
    with hurry(feed):
        assert ids_of(live.take(feed)) == [15]
        assert plain.take(feed) == b""
        log.add(30)
        assert ids_of(live.take(feed)) == [30]
        assert ids_of(plain.take(feed)) == [30]
    feed.leave(plain)
    feed.leave(live)


def test_re_reading_never_keeps_new_rows_out_of_a_short_answer() -> None:
    """Answers hold five rows, and twenty young rows lie below the cursor. New ones still come."""
    log = Log(page=5)
    feed = feed_of(log, lookback=600.0)
    live = Follower(interval=0.002, selection=LIVE)
    feed.join(live)
    feed.attach(live, 0)
    for start in range(1, 40, 3):
        ids = list(range(start, start + 3))
        log.add(*ids)
        got: list[int] = []
        while len(got) < 3:
            got += ids_of(live.take(feed))
        assert got == ids
    feed.leave(live)


def test_an_answer_that_re_reading_fills_to_the_last_row_keeps_no_new_rows_out() -> None:
    """Answers held a thousand rows, and now only the three hundred that are read again."""
    log = Log(*range(1, 1001), page=1000)
    feed = feed_of(log, lookback=600.0, window_bytes=8 << 20)
    live = Follower(interval=0.002, selection=LIVE)
    feed.join(live)
    feed.attach(live, 0)
    got: list[int] = []
    while len(got) < 1000:
        got += ids_of(live.take(feed))
    log.wait(lambda log: log.asked[-1].last_id == 700)
    log.page = 300
    log.add(*range(1001, 1011))
    while len(got) < 1010:
        got += ids_of(live.take(feed))
    assert got == list(range(1, 1011))
    feed.leave(live)


@pytest.mark.parametrize("page", [20, 100, 300, 1000, 5000])
def test_a_late_row_among_the_newest_comes_however_many_rows_come_after_it_at_once(page: int) -> None:
    """Right after the answer that ends a backlog a row appears five rows below the cursor, and 700 above it."""

    class Growing(Log):
        def answer(self, last_id: int) -> list[object]:
            rows = super().answer(last_id)
            if 996 not in self.rows and rows and rows[-1] is self.rows[1000]:
                self.add(996, *range(1001, 1701))
            return rows

    log = Growing(*range(1, 996), *range(997, 1001), page=page)
    feed = feed_of(log, window_bytes=8 << 20)
    live = Follower(selection=LIVE)
    feed.join(live)
    feed.attach(live, 0)
    got: list[int] = []
    with hurry(feed):
        while len(got) < 1700:
            got += ids_of(live.take(feed))
    assert sorted(got) == list(range(1, 1701))
    feed.leave(live)


@pytest.mark.parametrize("page", [20, 100, 300, 1000])
def test_a_backlog_is_asked_for_page_after_page_for_live_readers_too(page: int) -> None:
    """Two thousand rows all come now, despite an interval of an hour, though each question looks back.

    A look that finds nothing new in a full answer has not reached the end of the log: readers ahead must not think so.
    """
    log = Log(*range(1, 2001), page=page)
    feed = feed_of(log, window_bytes=8 << 20)
    live = Follower(selection=LIVE)
    feed.join(live)
    feed.attach(live, 0)
    got: list[int] = []
    while len(got) < 2000:
        got += ids_of(live.take(feed))
    assert got == list(range(1, 2001))
    assert feed.progress.rounds <= 1
    feed.leave(live)


def test_a_feed_remembers_no_more_of_the_overlap_than_it_reads_again() -> None:
    """After a day of plain streams what is remembered of past rows is bounded."""
    log = Log(clock=(clock := StandingClock(0.0)))
    feed = feed_of(log, lookback=30.0, clock=clock)
    reader = Follower(interval=3.0)
    feed.join(reader)
    feed.attach(reader, 0)
    clock.turn(0.0, feed)
    for turn in range(40):
        log.add(*range(turn * 50 + 1, turn * 50 + 51))
        clock.turn(3.0, feed)
        reader.take(feed)
        log.rows.clear()
    assert len(feed._polling._poller._uptake.lookback._recent) <= MAX_ROWS
    feed.leave(reader)


class Unsure(Alone):
    """The sharing of a process that does not know what others have found until it asks by itself."""

    def confirm(self, *_: Any) -> bool:
        return False


def test_an_answer_without_the_newest_row_assures_no_reader_until_it_is_known_why() -> None:
    """Ids may have been reset, and its position may be from the log since: it would get rows of the log before."""
    log = Log(*range(1, 11))
    upstream = Upstream(STAGING, log.open_gateway)
    feed = Feed(upstream, window_bytes=1 << 20, lookback=30.0, share=lambda _: Unsure())
    first, second = Follower(), Follower(selection=LIVE)
    feed.join(first)
    feed.attach(first, 0)
    first.take(feed)
    count = len(log.asked)
    for number in (8, 9, 10):
        log.rows.pop(number)
    with log.hold(lambda _: len(log.asked) > count + 1):  # the questions that follow an answer up to 7
        feed.join(second)
        log.wait(lambda log: len(log.asked) == count + 2)
        assert feed.is_blind(second)
    log.add(8)
    eventually(lambda: feed.history.generation == 1)
    eventually(lambda: not feed.is_blind(second))
    feed.leave(first)
    feed.leave(second)
