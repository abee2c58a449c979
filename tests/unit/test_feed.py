"""What the one poller of an environment promises, to platformOS and to its readers."""

from __future__ import annotations

import threading

import pytest

from poslogs.platformos.entries import Page
from poslogs.platformos.environments import Environment
from poslogs.streaming.contents import Failure
from poslogs.streaming.feed import LINGER_SECONDS, OWN_QUESTIONS
from poslogs.streaming.lookback import MAX_ROWS
from poslogs.streaming.notices import MAX_REPORTED
from poslogs.streaming.poller import HOLD_SECONDS, RETURN_SECONDS
from tests.unit.doubles import (
    HOUR,
    LIVE,
    PATIENCE,
    PLAIN,
    Follower,
    Log,
    RunningClock,
    StandingClock,
    down,
    entry,
    eventually,
    feed_of,
    hurry,
    ids_of,
    in_threads,
)

# One poller


def test_many_readers_share_one_poller_and_one_poll_at_a_time() -> None:
    """Thirty readers attach at the same instant while platformOS is slow: one gateway, one question under way."""
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
    """The interval passes many times while platformOS answers: there is one question, then the next."""
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
    """Readers of 60 s and 3 s: a poll every 3 s; when the quick one has left, one every 60 s."""
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
    """The feed rests for an hour; a reader of 2 s comes after ten: the next poll is due already."""
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
    """0, then 7 at once because the first answer brought history, then 7 until there is more, then that."""
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


# Nobody reads


def test_polls_cease_when_nobody_reads() -> None:
    """The last reader leaves: whatever time passes, no further question, and after the linger no poller."""
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


def test_a_reader_that_comes_back_soon_finds_the_window_and_the_pace() -> None:
    """A hundred reconnects at one moment within the linger: the poller is the same, and polls once more at most."""
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
    """After the linger the window is gone; a reader at 2 gets what came after 2, by one question."""
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
    """A reader that still stands in the old window is told that it was left behind, whatever the new one holds."""
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
    """The count is of those that are here."""
    feed = feed_of(Log())
    reader = Follower()
    feed.join(reader)
    feed.join(reader)
    assert feed.readers == 1
    feed.leave(reader)
    feed.leave(reader)
    feed.leave(Follower())
    assert feed.readers == 0


# Positions


def test_readers_before_the_window_are_turned_to_questions_of_their_own() -> None:
    """A feed that began at 5: a reader at 4 cannot follow, one at 5 can."""
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
    """The first reader's position is far past everything; the feed finds the end, and others follow there."""
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
    """Two rows came since the last poll, and the next is due in an hour: what the reader asked by itself has them."""
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
    assert feed.attach(knows_more, 12) == (None, [], True)
    assert knows_more.number is None
    clock.turn(RETURN_SECONDS, feed)
    assert feed.high == 12
    assert feed.attach(knows_more, 12) == (None, [], False)
    assert not feed.outdated(12)
    assert feed.attach(Follower(), 13) == (None, [], True)
    asked = len(log.polls)
    clock.turn(RETURN_SECONDS, feed)
    assert len(log.polls) == asked, "nobody has seen further: the next poll is due in an hour"
    feed.leave(first)


def test_the_window_leaves_a_reader_behind_that_takes_nothing() -> None:
    """Its place is gone, and it is told so instead of getting what comes after a gap."""
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


# A backlog


def test_a_backlog_in_pages_is_asked_for_page_after_page() -> None:
    """A thousand rows in pages of 100, an interval of an hour: all of them come now."""
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
    """After a page it asks no more until one reader has taken it, or HOLD_SECONDS have passed."""
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


# Late rows


def test_the_overlap_is_read_again_for_live_readers_alone() -> None:
    """Plain readers: questions at the cursor. A live one: below it, as long as the rows there are young."""
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
    """The same batch, two selections."""
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
    """Answers hold five rows, and twenty young rows lie behind the cursor: new ones come all the same."""
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
    """Answers held a thousand rows, and now just the three hundred that are read again."""
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
    """Right after the answer that ends a backlog a row appears five rows behind the cursor, and 700 above it."""

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
    """Two thousand rows, an interval of an hour: all of them come now, though each question looks back.

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
    assert feed.rounds <= 1
    feed.leave(live)


def test_a_feed_remembers_no_more_of_the_overlap_than_it_reads_again() -> None:
    """A day of plain streams: what is remembered of the rows that passed stays bounded."""
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
    assert len(feed._poller._lookback._recent) <= MAX_ROWS
    feed.leave(reader)


# Trouble


def test_a_failed_poll_waits_before_the_next_whatever_the_interval() -> None:
    """An interval of 0.25 s: the first wait is 0.5 to 1 s, the second 1 to 2 s, and a good answer ends it."""
    log = Log(clock=(clock := StandingClock(0.0)))
    log.failure = down()
    feed = feed_of(log, clock=clock)
    reader = Follower(interval=0.25)
    feed.join(reader)
    feed.attach(reader, 0)
    log.wait(lambda _: log.asked)
    for _ in range(35):
        clock.turn(0.1, feed)
    first, second, third, *_ = [asked.at for asked in log.asked]
    assert 0.5 <= second - first <= 1.11
    assert 1.0 <= third - second <= 2.11
    assert feed.upstream.outage is not None
    log.failure = None
    clock.turn(30.0, feed)
    assert feed.upstream.outage is None
    before = len(log.asked)
    clock.turn(0.25, feed)
    assert len(log.asked) == before + 1
    feed.leave(reader)


def test_the_waiting_after_a_reader_s_own_failed_question_is_shared() -> None:
    """A question of a reader's own failed: the poller does not ask before the outage's wait is over either."""
    log = Log(1, 2, 3, clock=(clock := StandingClock(0.0)))
    feed = feed_of(log, clock=clock)
    reader = Follower(interval=1.0)
    feed.join(reader)
    feed.attach(reader, 2)
    reader.take(feed)
    clock.turn(0.0, feed)
    polls = len(log.polls)
    log.failure = down("Too busy.", retry_after=20.0)
    question = feed.upstream.backfill(0, wake := threading.Event())
    assert wake.wait(PATIENCE)
    assert (question.done, question.answer) == (True, None)
    log.failure = None
    clock.turn(19.0, feed)
    assert len(log.polls) == polls
    clock.turn(1.5, feed)
    assert len(log.polls) == polls + 1
    assert feed.upstream.outage is None
    feed.leave(reader)


def test_an_outage_is_one_until_a_question_is_answered() -> None:
    """Readers tell outages apart by identity: three failures in a row are the same one."""
    log = Log(clock=(clock := StandingClock(0.0)))
    log.failure = down("First.")
    feed = feed_of(log, clock=clock)
    reader = Follower(interval=1.0)
    feed.join(reader)
    feed.attach(reader, 0)
    log.wait(lambda _: log.asked)
    clock.turn(0.0, feed)
    outage = feed.upstream.outage
    log.failure = down("Second.")
    clock.turn(31.0, feed)
    clock.turn(31.0, feed)
    assert outage is not None
    assert feed.upstream.outage is outage
    assert (outage.tries, outage.sentence) == (3, "Second.")
    assert b"First." in outage.chunk.plain
    feed.leave(reader)


def test_a_refused_token_ends_the_poller_and_wakes_everyone() -> None:
    """No further question is asked with it; readers find the refusal; the next reader begins anew."""
    log = Log(1)
    feed = feed_of(log)
    reader = Follower(interval=0.002)
    feed.join(reader)
    feed.attach(reader, 0)
    reader.take(feed)
    reader.wake.clear()
    log.failure = down("No.", refused=True)
    assert reader.wake.wait(PATIENCE)
    eventually(lambda: log.closed == 1, "the poller did not end")
    asked = len(log.asked)
    assert feed.upstream.refusal is not None
    assert b"No." in feed.upstream.refusal.plain
    feed.leave(reader)
    log.failure = None
    again = Follower()
    feed.join(again)
    assert feed.upstream.refusal is None
    feed.attach(again, 0)
    assert ids_of(again.take(feed)) == [1]
    assert log.opened == 2
    assert len(log.asked) > asked
    feed.leave(again)


def test_renewed_credentials_are_used_from_the_next_poll_on() -> None:
    """The environment's token changes while the feed runs: a new gateway, the old one given back, nothing lost."""
    log = Log(1)
    feed = feed_of(log)
    doors = []
    feed.upstream.gateways._open = lambda environment: doors.append(environment) or log.open_gateway(environment)
    reader = Follower(interval=0.002)
    feed.join(reader)
    feed.attach(reader, 0)
    reader.take(feed)
    renewed = Environment("staging", "https://staging.example.com", "me@example.com", "another-token")
    feed.upstream.renew(renewed)
    log.add(2)
    assert ids_of(reader.take(feed)) == [2]
    log.wait(lambda _: log.opened == 2)
    assert doors[-1] is renewed
    eventually(lambda: log.closed == 1, "the old gateway was not given back")
    feed.leave(reader)


def test_a_fault_of_ours_is_an_outage_and_no_end() -> None:
    """A gateway that raises something odd: told in plain words, without its text, and asked again."""
    log = Log(1, clock=(clock := StandingClock(0.0)))
    log.failure = RuntimeError("/home/us/secret-token")
    feed = feed_of(log, clock=clock)
    reader = Follower(interval=1.0)
    feed.join(reader)
    feed.attach(reader, 0)
    log.wait(lambda _: log.asked)
    clock.turn(0.0, feed)
    assert feed.upstream.outage is not None
    assert feed.upstream.outage.sentence == "Environment staging could not be read."
    assert b"secret" not in feed.upstream.outage.chunk.plain
    log.failure = None
    clock.turn(31.0, feed)
    assert ids_of(reader.take(feed)) == [1]
    feed.leave(reader)


def test_refused_rows_are_told_once_however_often_they_come() -> None:
    """The same reasons with the same marks give a frame once; a new one is told alone."""
    feed = feed_of(Log())
    reasons = ["a row that is no object|aa", "a row that is no object|bb", "a row without a usable id|cc"]
    first = feed.upstream.notice(Page([], reasons, 0))
    assert first is not None
    assert first.contents == (
        Failure("3 rows were left out of environment staging: a row that is no object, a row without a usable id."),
    )
    assert feed.upstream.notice(Page([], reasons, 0)) is None
    second = feed.upstream.notice(Page([], [*reasons, "a row that is no object|dd"], 0))
    assert second is not None
    assert second.contents == (Failure("1 row was left out of environment staging: a row that is no object."),)


def test_the_number_of_remembered_refusals_is_bounded() -> None:
    """So many different bad rows do not fill the memory; all are counted."""
    feed = feed_of(Log())
    for number in range(30):
        feed.upstream.notice(Page([], [f"a row that is no object|{number}-{row}" for row in range(1000)], 0, 5))
    assert len(feed.upstream.notices._reported) <= MAX_REPORTED
    assert feed.upstream.notices.left_out == 30 * 1005


# Questions of readers


def test_readers_that_ask_the_same_share_the_question() -> None:
    """Ten readers at one position: platformOS is asked once, all ten get the answer."""
    log = Log(1, 2, 3)
    feed = feed_of(log)
    wakes = [threading.Event() for _ in range(10)]
    with log.hold():
        questions = in_threads(*[lambda wake=wake: feed.upstream.backfill(1, wake) for wake in wakes])
        log.wait(lambda _: log.asked)
    assert all(wake.wait(PATIENCE) for wake in wakes)
    assert log.own == [1]
    (question,) = set(questions)
    assert [entry.id for entry in question.answer.entries] == [2, 3]  # type: ignore[attr-defined]


def test_an_answer_is_not_given_to_those_who_ask_later() -> None:
    """A question that has been answered is asked anew: what came meanwhile is in it."""
    log = Log(1)
    feed = feed_of(log)
    for expected in ([1], [1, 2]):
        question = feed.upstream.backfill(0, wake := threading.Event())
        assert wake.wait(PATIENCE)
        assert question.answer is not None
        assert [entry.id for entry in question.answer.entries] == expected
        log.add(2)


def test_own_questions_are_few_at_once() -> None:
    """Twenty readers of two clients at twenty positions: OWN_QUESTIONS under way, the others wait, all are answered."""
    log = Log(*range(1, 30))
    feed = feed_of(log)
    wakes = [threading.Event() for _ in range(20)]
    with log.hold():
        questions = [feed.upstream.backfill(position, wake, "ab"[position % 2]) for position, wake in enumerate(wakes)]
        log.wait(lambda _: len(log.asked) == OWN_QUESTIONS)
    assert all(wake.wait(PATIENCE) for wake in wakes)
    assert log.busiest == OWN_QUESTIONS
    assert [question.answer.entries[0].id for question in questions if question.answer] == list(range(1, 21))


def test_gateways_of_own_questions_are_used_again_while_the_poller_lives() -> None:
    """Ten questions one after another: the poller's gateway or one besides it, and all are given back in the end."""
    log = Log(*range(1, 30))
    clock = RunningClock()
    feed = feed_of(log, clock=clock)
    reader = Follower()
    feed.join(reader)
    feed.attach(reader, 20)
    reader.take(feed)
    for position in range(10):
        feed.upstream.backfill(position, wake := threading.Event())
        assert wake.wait(PATIENCE)
    assert log.opened <= 2
    feed.leave(reader)
    clock.turn(LINGER_SECONDS + 1)
    feed.leave(Follower())
    eventually(lambda: log.closed == log.opened, "gateways stayed open")


def test_rows_that_platformos_repeats_below_the_position_are_no_answer() -> None:
    """A log that answers more than was asked for: only what lies past the position counts."""

    class Generous(Log):
        def answer(self, last_id: int) -> list[object]:
            return super().answer(max(0, last_id - 2))

    log = Generous(1, 2, 3, 4)
    feed = feed_of(log)
    question = feed.upstream.backfill(3, wake := threading.Event())
    assert wake.wait(PATIENCE)
    assert question.answer is not None
    assert question.answer.entries == [entry(4)]
    reader = Follower(interval=0.002)
    feed.join(reader)
    feed.attach(reader, 3)
    assert ids_of(reader.take(feed)) == [4]
    log.add(5)
    assert ids_of(reader.take(feed)) == [5]
    feed.leave(reader)


def test_the_tail_of_a_feed_that_does_not_run_is_platformos_s_to_tell() -> None:
    """So is one that the window may not hold whole, or whose end it has not seen."""
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
    """Each looks at its own end then."""
    feed = feed_of(Log())
    readers = [Follower() for _ in range(5)]
    for reader in readers:
        feed.join(reader)
    feed.wake()
    assert all(reader.wake.is_set() for reader in readers)
