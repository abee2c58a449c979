"""What one reader's stream promises, from its first bytes to a proper end."""

from __future__ import annotations

import itertools
import random
import re
import threading
import time
import zlib
from collections.abc import Collection

import pytest

from poslogs.platformos import answers
from poslogs.streaming.batch import Batch
from poslogs.streaming.body import Body
from poslogs.streaming.feed import Feed
from poslogs.streaming.frames import DONE
from poslogs.streaming.readers import Attached
from poslogs.streaming.selection import Selection
from poslogs.streaming.stream import Start, Stream
from poslogs.supervisor import Run, Supervisor
from tests.unit.doubles import (
    HOUR,
    LIVE,
    PATIENCE,
    PLAIN,
    Follower,
    Log,
    Reading,
    RunningClock,
    down,
    entry,
    events,
    eventually,
    feed_of,
    hurry,
    ids_of,
    in_threads,
)

HEARTBEAT_BYTES = b": heartbeat\n\n"
DONE_BYTES = b"event: done\ndata: [DONE]\n\n"
ERROR = re.compile(
    rb'event: error\ndata: \{"type":"error","text":"\{\\"type\\":\\"error\\",\\"message\\":\\"([^"\\]*)\\",'
    rb'\\"timestamp\\":\\"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\\"\}"\}\n\n'
)


def told(chunk: bytes) -> str:
    """The sentence of a chunk that is one error frame."""
    found = ERROR.fullmatch(chunk)
    assert found, chunk
    return found.group(1).decode()


def were_reset(chunk: bytes) -> tuple[str, int]:
    """The sentence of an error frame, and the position of the frame after it."""
    error, _, position = chunk.removesuffix(b"\n\n").rpartition(b"\n\n")
    return told(error + b"\n\n"), int(position.removeprefix(b"id: "))


def polled(log: Log) -> None:
    """Wait until the poller has taken in all that the log lists."""
    newest = max(log.rows, default=0)
    log.wait(lambda _: log.polls and log.polls[-1] == newest)


def pass_by(feed: Feed, log: Log, *ids: int) -> None:
    """Let rows pass, each in a poll of its own; readers of long intervals need not read them."""
    with Reading(feed, start=Start(position=max(log.rows, default=0)), interval=0.002) as quick:
        quick.open()
        for number in ids:
            log.add(number)
            quick.until(number)


# The beginning


def test_the_first_bytes_leave_before_anything_was_asked() -> None:
    """The open comment comes at once, while platformOS answers nothing."""
    log = Log(1)
    with log.hold(), Reading(feed_of(log)) as reading:
        assert reading.next() == b": open\n\n"
        assert log.asked == []


def test_an_entry_arrives_as_the_contract_prints_it() -> None:
    """The test compares one row, byte by byte."""
    log = Log()
    log.add(123, created_at="2024-01-01T12:00:00Z", message="hello", error_type="info")
    with Reading(feed_of(log)) as reading:
        reading.open()
        assert reading.next() == (
            b"id: 123\nevent: data\n"
            b'data: {"type":"text","text":"{\\"id\\":\\"123\\",\\"timestamp\\":\\"2024-01-01T12:00:00.000Z\\",'
            b'\\"type\\":\\"info\\",\\"message\\":\\"hello\\",\\"data\\":{},\\"env\\":\\"staging\\",'
            b'\\"error_type\\":\\"info\\"}"}\n\n'
        )


def test_a_stream_without_a_start_begins_as_pos_cli_does() -> None:
    """The first question is for last_id=0. All that it brings comes, and then what is new."""
    log = Log(4, 5)
    feed = feed_of(log)
    with Reading(feed, interval=0.01) as reading:
        assert reading.open().until(5) == [4, 5]
        assert log.asked[0].last_id == 0
        log.add(6)
        assert reading.until(6) == [6]


def test_a_stream_continues_after_its_last_id() -> None:
    """Of five rows a stream after the third gets the fourth and fifth, and asks only for them."""
    log = Log(1, 2, 3, 4, 5)
    with Reading(feed_of(log), start=Start(position=3)) as reading:
        assert reading.open().until(5) == [4, 5]
        assert min(asked.last_id for asked in log.asked) == 3


def test_readers_that_begin_together_share_the_questions() -> None:
    """For five streams without a start, one after another, platformOS is asked for last_id=0 once."""
    log = Log(1, 2, 3)
    feed = feed_of(log)
    readings = [Reading(feed) for _ in range(5)]
    for reading in readings:
        assert reading.open().until(3) == [1, 2, 3]
    assert [asked.last_id for asked in log.asked].count(0) == 1
    for reading in readings:
        reading.stream.close()


def test_a_later_reader_begins_with_what_platformos_gives_for_zero() -> None:
    """A feed that began long ago after id 5 has nothing earlier, so a fresh stream asks by itself, from 0."""
    log = Log(*range(1, 8))
    clock = RunningClock()
    feed = feed_of(log, clock=clock)
    with Reading(feed, start=Start(position=5)) as early:
        early.open().until(7)
        clock.turn(60)
        with Reading(feed) as fresh:
            assert fresh.open().until(7) == [1, 2, 3, 4, 5, 6, 7]
            assert log.own[0] == 0


def test_a_fresh_reader_of_an_old_feed_begins_where_platformos_begins_now() -> None:
    """The window may hold more than platformOS still lists. The start is what platformOS gives for last_id=0."""
    log = Log(1, 2, 3)
    clock = RunningClock()
    feed = feed_of(log, clock=clock)
    with Reading(feed) as early:
        early.open().until(3)
        polled(log)
        clock.turn(60)
        del log.rows[1]
        with Reading(feed) as fresh:
            assert fresh.open().until(3) == [2, 3]


@pytest.mark.parametrize(("tail", "expected"), [(1, [9]), (3, [7, 8, 9]), (100, list(range(1, 10)))])
def test_a_tail_begins_with_the_newest_entries(tail: int, expected: list[int]) -> None:
    """Of nine rows in pages of two the N newest come, oldest first, then what follows."""
    log = Log(*range(1, 10), page=2)
    with Reading(feed_of(log), start=Start(tail=tail), interval=0.01) as reading:
        assert reading.open().until(9) == expected
        log.add(10)
        assert reading.until(10) == [10]


def test_a_tail_of_zero_begins_with_what_comes_from_now_on() -> None:
    """What is there is read but not sent; what comes later is sent."""
    log = Log(*range(1, 10), page=4)
    with Reading(feed_of(log), start=Start(tail=0), interval=0.01) as reading:
        reading.open()
        thread = threading.Thread(target=reading.until, args=(10,), daemon=True)
        thread.start()
        log.wait(lambda _: 9 in log.polls)
        log.add(10)
        thread.join(PATIENCE)
        assert ids_of(b"".join(reading.got)) == [10]


def test_a_tail_ends_on_a_log_that_has_something_more_at_each_question() -> None:
    """The tail does not wait for rows that are younger than the stream: they follow."""

    class Busy(Log):
        def answer(self, last_id: int) -> Collection[object]:
            self.add(max(self.rows) + 1, created_at="2999-01-01T00:00:00Z")
            return super().answer(last_id)

    log = Busy(*range(1, 10), page=4)
    with Reading(feed_of(log), start=Start(tail=3), interval=0.01) as reading:
        found = reading.open().until(12)
    assert 8 <= found[0] <= 12
    assert found == list(range(found[0], found[-1] + 1))


def test_a_tail_counts_the_entries_that_its_filter_keeps() -> None:
    """The two newest errors come from among many infos."""
    log = Log()
    for number in range(1, 21):
        log.add(number, error_type="LiquidError" if number in (3, 7, 12) else "info")
    with Reading(feed_of(log), start=Start(tail=2), selection=Selection("liquiderror", late=False)) as reading:
        assert reading.open().until(12) == [7, 12]


@pytest.mark.parametrize("tail", [2, 50])
def test_a_tail_from_a_running_feed_is_the_same(tail: int) -> None:
    """The window gives the tail when it can, and the follow-up loses nothing and doubles nothing."""
    log = Log(*range(1, 10))
    feed = feed_of(log)
    with Reading(feed) as first:
        first.open().until(9)
        polled(log)
        with Reading(feed, start=Start(tail=tail)) as second:
            assert second.open().until(9) == list(range(1, 10))[-tail:]
            log.add(10, 11)
            with hurry(feed):
                assert second.until(11) == [10, 11]


# Following


def test_every_reader_gets_every_entry_once_and_in_order() -> None:
    """Three readers get forty rows, listed in ragged steps, all in order."""
    log = Log()
    feed = feed_of(log)
    readings = [Reading(feed, interval=0.005).open() for _ in range(3)]
    rest = iter(range(1, 41))
    for size in (1, 5, 2, 12, 1, 19):
        ids = list(itertools.islice(rest, size))
        log.add(*ids)
        for reading in readings:
            assert reading.until(ids[-1]) == ids
    for reading in readings:
        reading.stream.close()


def test_a_filter_matches_the_whole_type_or_error_type_without_case() -> None:
    """Of five rows `liquiderror` keeps the one with this error_type, and `error` all of this type."""
    log = Log()
    for number, error_type in enumerate(["info", "LiquidError", "LiquidErrors", "ERROR", "warning"], 1):
        log.add(number, error_type=error_type)
    feed = feed_of(log)
    with (
        Reading(feed, selection=Selection("liquiderror", late=False)) as one,
        Reading(feed, selection=Selection("error", False)) as all_,
    ):
        assert one.open().until(2) == [2]
        one.quiet()
        assert all_.open().until(4) == [2, 3, 4]


def test_a_chunk_holds_whole_frames_only() -> None:
    """A thousand rows of a kilobyte come in several chunks. Each ends where a frame ends."""
    log = Log()
    log.add(*range(1, 1001), message="x" * 1000)
    with Reading(feed_of(log)) as reading:
        reading.open().until(1000)
        assert len(reading.got) > 5
        assert all(chunk.startswith(b"id: ") and chunk.endswith(b"\n\n") for chunk in reading.got[1:])
        assert [number for chunk in reading.got for number in ids_of(chunk)] == list(range(1, 1001))


def test_a_reader_that_resumes_inside_a_batch_gets_what_lies_past_its_position() -> None:
    """Of ten rows in one batch a reader after the sixth gets four at once, without a question."""
    log = Log(*range(1, 11))
    feed = feed_of(log)
    with Reading(feed) as first:
        first.open().until(10)
        with Reading(feed, start=Start(position=6)) as second:
            assert second.open().until(10) == [7, 8, 9, 10]
            assert log.own == []


def test_a_reader_ahead_of_the_feed_gets_nothing_twice() -> None:
    """Its own question sees what the next poll brings too. That comes once, and within its interval.

    The feed rests; row 4 appears; a later reader begins at 0 and gets 1 to 3; the feed polls for it: 4, then 5.
    """
    log = Log(1, 2, 3)
    clock = RunningClock()
    feed = feed_of(log, clock=clock)
    with Reading(feed) as early:
        early.open().until(3)
        polled(log)
        clock.turn(60)
        log.add(4)
        with Reading(feed, interval=0.01) as fresh:
            assert fresh.open().until(4) == [1, 2, 3, 4]
            log.add(5)
            with hurry(feed):
                assert fresh.until(5) == [5]
                assert early.until(5) == [4, 5]


def test_a_tail_ahead_of_the_feed_gets_nothing_twice() -> None:
    """The same with `tail`, whose own question sees a row before the poller does."""
    log = Log(1, 2, 3)
    feed = feed_of(log)
    with Reading(feed) as early:
        early.open().until(3)
        polled(log)
        log.add(4)
        with Reading(feed, start=Start(tail=2)) as fresh:
            assert fresh.open().until(4) == [3, 4]
            log.add(5)
            with hurry(feed):
                assert fresh.until(5) == [5]


# Left behind


def test_a_reader_that_the_window_left_behind_catches_up_by_itself_and_follows_again() -> None:
    """Twenty pages pass a window of one page while the reader reads nothing. They come by its own question."""
    log = Log(1, 2)
    feed = feed_of(log, window_bytes=1)
    with Reading(feed) as slow:
        assert slow.open().until(2) == [1, 2]
        pass_by(feed, log, *range(3, 23))
        assert slow.until(22) == list(range(3, 23))
        assert log.own[0] == 2
        questions = len(log.own)
        pass_by(feed, log, 23)
        assert slow.until(23) == [23]
        assert len(log.own) == questions


def test_catching_up_takes_page_after_page() -> None:
    """With pages of three rows it asks after each page's last id until it is back in the window."""
    log = Log(1, page=3)
    feed = feed_of(log, window_bytes=1)
    with Reading(feed) as slow:
        slow.open().until(1)
        pass_by(feed, log, *range(2, 12))
        assert slow.until(11) == list(range(2, 12))
        assert log.own[:3] == [1, 4, 7]


def test_a_reader_that_resumed_inside_a_batch_and_is_left_behind_gets_nothing_twice() -> None:
    """It got the rest of its batch at once. When the window has gone, it continues after that rest."""
    log = Log(*range(1, 11))
    feed = feed_of(log, window_bytes=1)
    with Reading(feed) as first:
        first.open().until(10)
        with Reading(feed, start=Start(position=6)) as slow:
            assert slow.open().until(10) == [7, 8, 9, 10]
            pass_by(feed, log, 11, 12)
            assert slow.until(12) == [11, 12]


def test_a_reader_from_long_ago_asks_by_itself() -> None:
    """Its position is before the window's floor. It asks by itself, and loses nothing."""
    log = Log(*range(1, 6))
    feed = feed_of(log)
    with Reading(feed, start=Start(position=4)) as first:
        first.open().until(5)
        with Reading(feed, start=Start(position=1)) as old:
            assert old.open().until(5) == [2, 3, 4, 5]
            assert log.own[0] == 1
            pass_by(feed, log, 6)
            assert old.until(6) == [6]


@pytest.mark.parametrize("seed", range(4))
def test_random_readers_of_a_random_log_get_all_of_it_once(seed: int) -> None:
    """Amid ragged rows, small pages, a small window and failures even slow readers end with every row in order."""
    dice = random.Random(seed)
    log = Log(page=dice.choice([3, 40, 1000]))
    feed = feed_of(log, window_bytes=dice.choice([1, 2000, 100_000]))
    last = 300
    done = threading.Event()

    def read(seed: int, start: Start) -> list[int]:
        own = random.Random(seed)
        found: list[int] = []
        with Reading(feed, start=start, interval=own.choice([0.001, 0.02]), heartbeat=PATIENCE) as reading:
            while last not in found:
                chunk = reading.next()
                assert chunk != HEARTBEAT_BYTES, found
                found += ids_of(chunk)
                if own.random() < 0.5 and not done.is_set():
                    time.sleep(own.random() / 100)  # dawdling, not waiting for anything
        return found

    def write() -> None:
        number = 0
        while number < last:
            size = min(dice.choice([1, 1, 2, 5, 30]), last - number)
            log.add(*range(number + 1, number + size + 1))
            number += size
            time.sleep(dice.random() / 200)
        done.set()

    starts = [Start(), Start(position=0), Start(position=0), Start(position=7)]
    *found, _ = in_threads(
        *[lambda n=n, start=start: read(seed * 100 + n, start) for n, start in enumerate(starts)], write
    )
    whole = list(range(1, last + 1))
    assert found[0] == found[1] == found[2] == whole
    assert found[3] == whole[7:]


# Late rows


def test_a_late_row_reaches_live_readers_once_and_others_never() -> None:
    """After rows 10 and 20, two live streams get row 15 once, with the position 20. The plain one never does."""
    log = Log(10, 20)
    feed = feed_of(log)
    with Reading(feed, selection=LIVE) as one, Reading(feed, selection=LIVE) as two, Reading(feed) as plain:
        for reading in (one, two, plain):
            assert reading.open().until(20) == [10, 20]
        log.add(15)
        with hurry(feed):
            for reading in (one, two):
                chunk = reading.next()
                assert chunk.startswith(b'id: 20\nevent: data\ndata: {"type":"text","text":"{\\"id\\":\\"15\\",')
                assert ids_of(chunk) == [15]
            log.add(30)
            assert [reading.until(30) for reading in (one, two, plain)] == [[30], [30], [30]]


def test_without_a_live_reader_the_overlap_is_not_read() -> None:
    """Plain streams never ask below their cursor."""
    log = Log(10, 20)
    feed = feed_of(log)
    with Reading(feed, interval=0.005) as plain:
        plain.open().until(20)
        log.wait(lambda _: len(log.polls) > 8)
        assert min(log.polls[1:]) >= 19  # the newest row again, from time to time


def test_a_filter_keeps_late_rows_out_too() -> None:
    """A live stream of errors gets the late error and not the late info."""
    log = Log(10, 20)
    feed = feed_of(log)
    log.add(21, error_type="error")
    with Reading(feed, selection=Selection("error", late=True)) as live, hurry(feed):
        assert live.open().until(21) == [21]
        log.add(13)
        log.add(14, error_type="error")
        assert live.until(14) == [14]


def test_a_live_reader_that_asked_by_itself_gets_a_late_row_once() -> None:
    """Its own question brought the late row already. It does not come again when the feed finds it."""
    log = Log(10, 20)
    feed = feed_of(log)
    with Reading(feed, selection=LIVE, start=Start(position=8)) as early:
        early.open().until(20)
        polled(log)
        log.add(15)
        with Reading(feed, selection=LIVE, start=Start(position=5)) as second:
            assert second.open().until(20) == [10, 15, 20]
            second.quiet()  # it follows the feed by now
            with hurry(feed):
                assert early.until(15) == [15]
                log.add(30)
                assert second.until(30) == [30]


def test_a_live_reader_that_asked_by_itself_does_not_miss_a_late_row() -> None:
    """The row becomes visible, and the feed finds it, after the reader's question and before it follows."""
    log = Log(10, 20)
    feed = feed_of(log)
    with Reading(feed, selection=LIVE, start=Start(position=8)) as early:
        early.open().until(20)
        with Reading(feed, selection=LIVE, start=Start(position=5)) as second:
            assert second.open().until(20) == [10, 20]
            log.add(15)
            with hurry(feed):
                assert early.until(15) == [15]
                log.add(30)
                assert second.until(30) == [15, 30]


def test_a_live_reader_that_was_left_behind_still_gets_a_late_row() -> None:
    """The window let the late row go before a slow live reader took it."""
    log = Log(10, 20)
    feed = feed_of(log, window_bytes=1)
    with Reading(feed, selection=LIVE) as slow:
        slow.open().until(20)
        with Reading(feed, selection=LIVE, start=Start(position=20), interval=0.005) as quick:
            quick.open()
            log.add(15)
            quick.until(15)
        pass_by(feed, log, 30, 40)
        assert sorted(slow.until(40)) == [15, 30, 40]


def test_a_tail_counts_a_late_row_by_its_id() -> None:
    """After 10, 20 and the late 15 the newest entry is 20, the newest two are 15 and 20."""
    log = Log(10, 20)
    feed = feed_of(log)
    with Reading(feed, selection=LIVE) as live:
        live.open().until(20)
        log.add(15)
        with hurry(feed):
            live.until(15)
        with Reading(feed, start=Start(tail=1)) as one, Reading(feed, start=Start(tail=2)) as two:
            found = one.open().next()
            assert ids_of(found) == [20]
            found = two.open().next()
            assert ids_of(found) == [15, 20]


@pytest.mark.parametrize(
    ("tail", "expected"),
    [(0, []), (1, [20]), (2, [15, 20])],
)
def test_a_live_tail_gets_no_late_row_from_before_its_beginning(tail: int, expected: list[int]) -> None:
    """The window still holds the late 15. For a reader that begins now it is a row like the others."""
    log = Log(10, 20)
    feed = feed_of(log)
    with Reading(feed, selection=LIVE) as live:
        live.open().until(20)
        log.add(15)
        with hurry(feed):
            live.until(15)
            with Reading(feed, selection=LIVE, start=Start(tail=tail)) as begun:
                assert begun.open().until(*expected) == expected
                if not expected:
                    assert begun.next() == b"id: 20\n\n"  # a position to come back with
                while begun.stream.number is None:
                    begun.quiet()  # until it follows
                log.add(30)
                assert begun.until(30) == [30]


def test_rows_from_before_a_feed_are_not_late_for_whoever_joins_it() -> None:
    """A plain stream has begun after 50, and polls. A live one that joins gets nothing from before 50."""
    log = Log(*(number for number in range(1, 51) if number != 45))
    feed = feed_of(log)
    with Reading(feed, start=Start(position=50), interval=0.002) as plain:
        plain.open()
        log.add(51)
        plain.until(51)
        quiet = len(log.polls) + 8
        log.wait(lambda _: len(log.polls) > quiet)
        with Reading(feed, selection=LIVE, start=Start(position=51), interval=0.002) as live:
            live.open().quiet()
            polls = len(log.polls) + 4
            log.wait(lambda _: len(log.polls) > polls)
            log.add(52)
            assert live.until(52) == [52]
            log.add(45)
            assert live.until(45) == [45]
            assert plain.until(52) == [52]


# ids that are reset


WERE_RESET = (
    "The ids of environment staging were reset, as after a restored backup; the stream goes on with what is new."
)


def restore(log: Log, *, keep: int, new: int) -> None:
    """Restore the instance from a backup: rows above `keep` are gone, and other ones get their ids."""
    for number in [number for number in log.rows if number > keep]:
        del log.rows[number]
    log.add(*range(keep + 1, keep + new + 1), message="after the restore")


@pytest.mark.parametrize("selection", [PLAIN, LIVE])
@pytest.mark.parametrize("new", [0, 1, 2])
def test_ids_that_are_reset_are_told_and_the_stream_goes_on(selection: Selection, new: int) -> None:
    """Rows 8 to 10 are gone and others have their ids. The stream gets one error frame, then what is new, once."""
    log = Log(*range(1, 11))
    feed = feed_of(log)
    with Reading(feed, selection=selection, interval=0.002) as reading:
        reading.open().until(10)
        restore(log, keep=7, new=new)
        assert were_reset(reading.next()) == (WERE_RESET, 7)
        found = reading.until(7 + new) if new else []
        log.add(8 + new, message="after the restore")
        found += reading.until(8 + new)
        assert found == list(range(8, 9 + new))
        reading.quiet()


@pytest.mark.parametrize("selection", [PLAIN, LIVE])
def test_a_tail_that_is_looked_for_while_ids_are_reset_is_of_the_log_after_it(selection: Selection) -> None:
    """The feed notices while the reader's question is under way: the newest three come, without a notice."""
    log = Log(*range(1, 11))
    feed = feed_of(log)
    other = Follower(interval=0.002)
    feed.join(other)
    feed.attach(other, 0)
    polled(log)
    with Reading(feed, selection=selection, start=Start(tail=3)) as reading:
        with log.hold(lambda asked: not asked.poller):
            until = threading.Thread(target=reading.open().until, args=(19,))
            until.start()
            log.wait(lambda log: not all(asked.poller for asked in log.asked))
            restore(log, keep=7, new=2)
            eventually(lambda: feed.history.generation == 1)
            log.add(*range(10, 20))
            polled(log)
        until.join(PATIENCE)
        assert ids_of(b"".join(reading.got)) == [17, 18, 19]
        assert b"event: error" not in b"".join(reading.got)
    feed.leave(other)


@pytest.mark.parametrize("selection", [PLAIN, LIVE])
def test_a_tail_gives_nothing_of_the_log_from_before_ids_were_reset(selection: Selection) -> None:
    """Ids were reset from 10 to 5 and are at 6. The poller has not looked since, so its window has the old 6."""
    log = Log(*range(1, 11))
    feed = feed_of(log)
    with Reading(feed, start=Start(position=0)) as first:
        first.open().until(10)
        for number in range(6, 11):
            del log.rows[number]
        log.add(6, message="new")
        with Reading(feed, selection=selection, start=Start(tail=2), interval=0.01) as reading:
            assert reading.open().until(6) == [5, 6]
            assert b"new" in b"".join(reading.got)


def test_a_tail_of_a_log_that_holds_nothing_any_more_waits_for_nothing() -> None:
    """All rows were thrown away while the window still has them: that casts no doubt on its newest row."""
    log = Log(*range(1, 11))
    feed = feed_of(log)
    with Reading(feed, start=Start(position=0)) as first:
        first.open().until(10)
        log.rows.clear()
        with Reading(feed, start=Start(tail=0), heartbeat=PATIENCE) as reading:
            assert reading.open().next() == b"id: 0\n\n"


@pytest.mark.parametrize(("start", "first"), [(Start(tail=5), 996), (Start(position=990), 991)])
def test_a_reader_ahead_of_a_backlog_is_not_held_up_by_one_that_reads_nothing(start: Start, first: int) -> None:
    """The window is at row 20 of 1,000. A tail comes at once, and the poller waits for nobody meanwhile."""
    log = Log(*range(1, 1001), page=20)
    feed = feed_of(log)
    slow = Follower()
    feed.join(slow)
    feed.attach(slow, 0)
    log.wait(lambda log: log.asked)
    with Reading(feed, start=start) as reading:
        assert reading.open().until(1000) == list(range(first, 1001))
    feed.leave(slow)


def test_a_row_that_became_visible_late_while_a_reader_waited_for_the_window_comes() -> None:
    """It began at 12, when the window's newest batch was the third, so the fourth is new to it."""
    late = Batch(4, 12, 12, [entry(5)], late=True)
    for since, expected in ((3, [5]), (4, []), (None, [])):
        with Reading(feed_of(Log()), selection=LIVE, start=Start(position=12)) as reading:
            found = list(reading.stream._enter(Attached(None, [late], since=since)))
            assert ids_of(b"".join(chunk.plain for chunk in found)) == expected


def test_where_no_thread_is_to_be_had_for_a_poller_readers_ask_by_themselves_and_wait() -> None:
    """Entries come by the reader's own questions, with heartbeats in between. Nobody retries without a wait."""

    class NoThreads(Supervisor):
        tries = 0

        def start(self, name: str, run: Run, *, detail: str = "") -> None:
            if name != "poller":
                return super().start(name, run, detail=detail)
            self.tries += 1
            raise RuntimeError("can't start new thread")

    log = Log(1, 2)
    supervisor = NoThreads()
    feed = feed_of(log, supervisor=supervisor)
    with Reading(feed, start=Start(position=0), heartbeat=0.05) as reading:
        reading.open()
        while reading.got.count(HEARTBEAT_BYTES) < 5:
            reading.next()
        assert told(reading.got[1]) == "Environment staging could not be read."
        assert supervisor.tries < 5
        while 2 not in ids_of(b"".join(reading.got)):
            reading.next()
        assert ids_of(b"".join(reading.got)) == [1, 2]


def test_one_odd_time_does_not_make_all_that_came_before_new() -> None:
    """The last row of a page claims to be years old. After a restore only what is new comes, not the whole log."""
    log = Log()
    log.add(*range(1, 10), created_at="2029-01-15T10:00:00Z")
    log.add(10, created_at="2020-01-15T10:00:00Z")
    feed = feed_of(log)
    with Reading(feed, start=Start(position=5), interval=0.002) as reading:
        reading.open().until(10)
        for number in (8, 9, 10):
            del log.rows[number]
        log.add(8, created_at="2029-01-16T10:00:00Z", message="after the restore")
        assert were_reset(reading.next()) == (WERE_RESET, 7)
        assert reading.until(8) == [8]
        reading.quiet()


def test_a_slow_reader_loses_nothing_when_ids_are_reset() -> None:
    """It had 1 to 3 when rows 8 to 10 were lost. It still gets 4 to 7, and what is new."""
    log = Log(1, 2, 3)
    feed = feed_of(log)
    with Reading(feed) as slow:
        slow.open().until(3)
        with Reading(feed, interval=0.002) as quick:
            quick.open().until(3)
            log.add(*range(4, 11))
            quick.until(10)
            restore(log, keep=7, new=2)
            assert were_reset(quick.next()) == (WERE_RESET, 7)
            found: list[int] = []
            while 9 not in found:
                chunk = slow.next()
                assert chunk != HEARTBEAT_BYTES, found
                found += ids_of(chunk)
            assert found == [4, 5, 6, 7, 8, 9]


def test_an_id_reset_is_noticed_though_looking_for_it_fails_at_first() -> None:
    """platformOS answers the poll that misses the newest row, and not the questions that follow it."""

    class Shaky(Log):
        failing = 0

        def answer(self, last_id: int) -> Collection[object]:
            rows = super().answer(last_id)
            if self.failing and last_id < 9:
                self.failing -= 1
                raise down()
            return rows

    log = Shaky(*range(1, 11))
    clock = RunningClock()
    feed = feed_of(log, clock=clock)
    with Reading(feed, interval=0.002, heartbeat=60.0) as reading:
        reading.open().until(10)
        log.failing = 1
        restore(log, keep=7, new=1)
        assert told(reading.next()).startswith("Connection failed")
        clock.turn(31)
        feed.leave(Follower())
        assert were_reset(reading.next()) == (WERE_RESET, 7)
        assert reading.until(8) == [8]


def test_old_rows_that_platformos_throws_away_are_no_id_reset() -> None:
    """When retention empties the log, nothing is reported, and later rows come."""
    log = Log(*range(1, 11))
    feed = feed_of(log)
    with Reading(feed, interval=0.002) as reading:
        reading.open().until(10)
        for number in list(log.rows):
            del log.rows[number]
        asked = len(log.polls) + 8
        log.wait(lambda _: len(log.polls) > asked)
        log.add(11)
        assert reading.until(11) == [11]
        assert b"were reset" not in b"".join(reading.got)


# Trouble


def test_an_outage_is_told_once_to_each_reader_and_heartbeats_go_on() -> None:
    """After three failed polls two readers have one error frame each, then heartbeats, then the entries."""
    log = Log(1)
    log.failure = down("platformOS answered 502 for environment staging.")
    clock = RunningClock()
    feed = feed_of(log, clock=clock)
    with Reading(feed, heartbeat=0.05) as one, Reading(feed, heartbeat=0.05) as two:
        for reading in (one, two):
            assert told(reading.open().next()) == "platformOS answered 502 for environment staging."
        for tries in (2, 3):
            clock.turn(31)
            feed.leave(Follower())
            log.wait(lambda _, tries=tries: len(log.asked) >= tries)
        for reading in (one, two):
            assert [reading.next() for _ in range(4)] == [HEARTBEAT_BYTES] * 4
        log.failure = None
        clock.turn(31)
        feed.leave(Follower())
        for reading in (one, two):
            while (chunk := reading.next()) == HEARTBEAT_BYTES:
                pass
            assert ids_of(chunk) == [1]


def test_a_second_outage_is_told_again() -> None:
    """Two outages give two error frames."""
    log = Log(1)
    clock = RunningClock()
    feed = feed_of(log, clock=clock)
    with Reading(feed, interval=0.005) as reading:
        reading.open().until(1)
        for number in (2, 3):
            log.failure = down()
            assert told(reading.next()) == "Connection failed: environment staging refused the connection."
            log.failure = None
            log.add(number)
            clock.turn(31)
            feed.leave(Follower())
            assert reading.until(number) == [number]


def test_an_outage_meets_own_questions_alike() -> None:
    """A reader that catches up gets one report, retries with the feed's waits and loses nothing."""
    log = Log(*range(1, 6))
    clock = RunningClock()
    feed = feed_of(log, clock=clock)
    with Reading(feed, start=Start(position=4)) as first:
        first.open().until(5)
        polled(log)
        log.failure = down()
        with Reading(feed, start=Start(position=1), clock=clock, heartbeat=60) as old:
            assert told(old.open().next()) == "Connection failed: environment staging refused the connection."
            old.quiet()
            log.failure = None
            clock.turn(31)
            old.stream.wake.set()
            assert old.until(5) == [2, 3, 4, 5]


def test_heartbeats_come_while_a_poll_hangs() -> None:
    """While platformOS does not answer, comments keep the connection, whatever the question was."""
    log = Log(1)
    feed = feed_of(log)
    with log.hold(), Reading(feed, heartbeat=0.03) as one, Reading(feed, heartbeat=0.03, start=Start(tail=3)) as two:
        for reading in (one, two):
            reading.open()
            assert [reading.next() for _ in range(3)] == [HEARTBEAT_BYTES] * 3


def test_a_heartbeat_comes_only_when_nothing_else_did() -> None:
    """The time to the next begins anew with each chunk."""
    log = Log(1)
    clock = RunningClock()
    feed = feed_of(log)
    with Reading(feed, heartbeat=60, clock=clock, interval=0.005) as reading:
        reading.open().until(1)
        clock.turn(59)
        log.add(2)
        assert reading.until(2) == [2]
        clock.turn(59)
        log.add(3)
        assert reading.until(3) == [3]
        clock.turn(61)
        assert reading.next() == HEARTBEAT_BYTES


def test_a_refused_token_ends_every_stream_with_an_error_and_done() -> None:
    """The poller's refusal reaches all readers, each once, and holds no token."""
    log = Log(1)
    feed = feed_of(log)
    sentence = "platformOS refused the token of environment staging; run `pos-cli env refresh-token staging`."
    with Reading(feed, interval=0.005) as one, Reading(feed) as two:
        one.open().until(1)
        two.open().until(1)
        log.failure = down(sentence, refused=True)
        for reading in (one, two):
            error, done = reading.rest()
            assert told(error) == sentence
            assert done == DONE_BYTES
    assert feed.readers == 0


@pytest.mark.parametrize("start", [Start(), Start(position=1), Start(tail=1)])
def test_a_stream_that_begins_with_a_refused_token_ends_too(start: Start) -> None:
    """It gets error, done and nothing else, however it begins. The next stream asks again."""
    log = Log(1)
    log.failure = down("No.", refused=True)
    feed = feed_of(log)
    for _ in range(2):
        asked = len(log.asked)
        with Reading(feed, start=start) as reading:
            error, done = reading.open().rest()
            assert (told(error), done) == ("No.", DONE_BYTES)
            assert len(log.asked) == asked + 1


def test_a_renewed_token_opens_the_next_stream() -> None:
    """A refusal that a reader's own question met does not stay once the token is good again."""
    log = Log(1, 2, 3)
    feed = feed_of(log)
    with Reading(feed, start=Start(position=2)) as first:
        first.open().until(3)
        polled(log)
        log.failure = down("No.", refused=True)
        with Reading(feed, start=Start(position=1)) as second:
            second.open().rest()
        first.rest()
    log.failure = None
    with Reading(feed, start=Start(position=2)) as third:
        assert third.open().until(3) == [3]
        third.quiet()


def test_rows_that_are_no_entries_are_told_once_and_the_stream_goes_on() -> None:
    """A number and a row without id, between good rows, give one error frame, however often platformOS repeats them."""
    log = Log(1, 3)
    log.put(2, 17)
    log.put(4, {"message": "no id"})
    feed = feed_of(log)
    with Reading(feed, interval=0.005) as reading:
        reading.open()
        chunk = reading.next() + reading.next()
        assert ids_of(chunk) == [1, 3]
        error = next(event for event in events(chunk) if event.type == "error")
        assert (
            "2 rows were left out of environment staging: a row that is not an object, a row without a usable id."
            in error.data
        )
        log.wait(lambda _: len(log.polls) > 5)
        log.add(5)
        assert reading.until(5) == [5]
        assert b"".join(reading.got).count(b"event: error") == 1


def test_rows_that_cannot_be_entries_do_not_stop_what_comes_after_them() -> None:
    """A good row arrives after a whole page of rows that are nested too deeply."""
    log = Log(4, page=3)
    deep: object = "core"
    for _ in range(400):
        deep = [deep]
    for number in (1, 2, 3):
        log.put(number, {"id": number, "message": "m", "data": {"deep": deep}})
    with Reading(feed_of(log), interval=0.002) as reading:
        reading.open()
        assert "3 rows were left out" in told(reading.next())
        log.wait(lambda _: len(log.polls) > 4)
        assert log.polls[-1] >= 3


def test_a_fault_of_ours_is_told_and_does_not_end_the_stream() -> None:
    """Any error of a gateway is an outage."""
    log = Log(1)
    log.failure = ZeroDivisionError("ours")
    clock = RunningClock()
    feed = feed_of(log, clock=clock)
    with Reading(feed) as reading:
        assert told(reading.open().next()) == "Environment staging could not be read."
        log.failure = None
        clock.turn(31)
        feed.leave(Follower())
        assert reading.until(1) == [1]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_ours_in_an_own_question_is_told_too() -> None:
    """A reader that catches up does not wait in silence."""
    log = Log(*range(1, 6))
    feed = feed_of(log)
    with Reading(feed, start=Start(position=4)) as first:
        first.open().until(5)
        polled(log)
        log.failure = ZeroDivisionError("ours")
        with Reading(feed, start=Start(position=1), heartbeat=1.0) as old:
            assert told(old.open().next()) == "Environment staging could not be read."


# The end


def test_a_drained_stream_says_farewell_without_done() -> None:
    """It sends a comment and a retry of 0.2 to 3 s, so that readers return one by one."""
    log = Log(1)
    feed = feed_of(log)
    with Reading(feed) as reading:
        reading.open().until(1)
        reading.stream.drain()
        (last,) = reading.rest()
        found = re.fullmatch(rb": closing\nretry: (\d+)\n\n", last)
        assert found
        assert 200 <= int(found.group(1)) <= 3000
    assert feed.readers == 0


def test_a_drain_ends_a_stream_whose_question_hangs() -> None:
    """It does not wait for platformOS."""
    log = Log(1)
    with log.hold(), Reading(feed_of(log), start=Start(tail=1)) as reading:
        reading.open()
        threading.Thread(target=lambda: (log.wait(lambda _: log.asked), reading.stream.drain()), daemon=True).start()
        (last,) = reading.rest()
        assert last.startswith(b": closing\n")


def test_a_drain_amid_a_catch_up_ends_after_whole_frames() -> None:
    """After half of a long page the farewell follows, and the position is that of the last frame."""
    log = Log()
    log.add(*range(1, 501), message="x" * 1000)
    feed = feed_of(log)
    with Reading(feed, start=Start(position=499)) as first:
        first.open().until(500)
        with Reading(feed, start=Start(position=1)) as old:
            sent = ids_of(old.open().next())
            assert 1 < len(sent) < 400
            old.stream.drain()
            (last,) = old.rest()
            assert last.startswith(b": closing\n")


def test_a_stream_ends_with_done_when_its_time_has_passed() -> None:
    """With `maxDuration` it gets what came before, then done."""
    log = Log(1)
    clock = RunningClock()
    feed = feed_of(log)
    with Reading(feed, duration=60, heartbeat=600, clock=clock) as reading:
        reading.open().until(1)
        clock.turn(61)
        assert reading.rest() == [DONE_BYTES]


def test_time_passes_while_a_question_hangs() -> None:
    """The deadline needs no answer."""
    log = Log(1)
    with log.hold(), Reading(feed_of(log), duration=0.05, start=Start(tail=1)) as reading:
        assert reading.open().rest() == [DONE_BYTES]


def test_an_ended_stream_leaves_nothing_behind() -> None:
    """Its feed has no reader, and everything was given back once."""
    log = Log(1)
    feed = feed_of(log)
    back: list[str] = []
    with Reading(feed) as reading:
        reading.stream.on_close(lambda: back.append("slot"))
        reading.open().until(1)
        assert feed.readers == 1
        reading.stream.end(DONE)
        assert reading.rest() == [DONE_BYTES]
        assert (feed.readers, back) == (0, ["slot"])
        reading.stream.close()
        assert back == ["slot"]


def test_what_is_to_be_given_back_after_the_end_is_given_back_at_once() -> None:
    """A slot that is taken while the stream closes does not stay taken."""
    back: list[str] = []
    with Reading(feed_of(Log())) as reading:
        reading.stream.close()
        reading.stream.on_close(lambda: back.append("slot"))
        assert back == ["slot"]


def test_a_stream_that_is_closed_from_outside_ends_without_a_word() -> None:
    """When the reader has gone, a waiting stream wakes and ends."""
    log = Log(1)
    with Reading(feed_of(log)) as reading:
        reading.open().until(1)
        threading.Thread(target=reading.stream.close, daemon=True).start()
        assert reading.rest() == []


def test_closing_by_many_at_once_gives_back_once() -> None:
    """A server may close it in more than one way at the same instant."""
    back: list[str] = []
    with Reading(feed_of(Log())) as reading:
        reading.stream.on_close(lambda: back.append("slot"))
        in_threads(*[reading.stream.close] * 20)
    assert back == ["slot"]


def test_a_poke_is_a_heartbeat_at_once() -> None:
    """It is one write, by which a server finds out whether the reader is there."""
    log = Log(1)
    with Reading(feed_of(log), heartbeat=HOUR) as reading:
        reading.open().until(1)
        reading.stream.poke()
        assert reading.next() == HEARTBEAT_BYTES


# The body


def body_of(log: Log, *, gzip: bool) -> tuple[Stream, Body]:
    stream = Stream(feed_of(log), selection=PLAIN, start=Start(), interval=HOUR, heartbeat=PATIENCE)
    return stream, Body(stream, gzip=gzip)


def test_a_plain_body_is_the_chunks() -> None:
    """The chunks are open, an entry and done."""
    stream, body = body_of(Log(1), gzip=False)
    parts = iter(body)
    got = [next(parts), next(parts)]
    stream.end(DONE)
    got += list(parts)
    assert got[0] == b": open\n\n"
    assert ids_of(got[1]) == [1]
    assert got[2:] == [DONE_BYTES]


def test_a_packed_body_inflates_step_by_step_to_the_same() -> None:
    """Each part can be read as soon as it is there; the trailer ends a right gzip member."""
    stream, body = body_of(Log(1), gzip=True)
    inflate = zlib.decompressobj(31)
    parts = iter(body)
    assert inflate.decompress(next(parts)) == b": open\n\n"
    assert ids_of(inflate.decompress(next(parts))) == [1]
    stream.end(DONE)
    assert b"".join(inflate.decompress(part) for part in parts) == DONE_BYTES
    assert inflate.eof
    assert inflate.unused_data == b""


@pytest.mark.parametrize("gzip", [False, True])
def test_a_body_that_was_never_begun_gives_back_when_closed(gzip: bool) -> None:
    """A server may close it before it asks for the first part (PEP 3333)."""
    stream, body = body_of(Log(1), gzip=gzip)
    back: list[str] = []
    stream.on_close(lambda: back.append("slot"))
    body.close()
    body.close()
    assert back == ["slot"]


def test_a_body_that_is_closed_half_way_gives_back() -> None:
    """The reader left between two parts."""
    stream, body = body_of(Log(1), gzip=True)
    back: list[str] = []
    stream.on_close(lambda: back.append("slot"))
    next(iter(body))
    body.close()
    assert back == ["slot"]


def test_the_feed_of_a_stream_stops_polling_when_the_last_reader_left() -> None:
    """No question is asked for nobody."""
    log = Log(1)
    clock = RunningClock()
    feed = feed_of(log, clock=clock)
    with Reading(feed, interval=0.002) as reading:
        reading.open().until(1)
    clock.turn(60)
    feed.leave(Follower())
    eventually(lambda: log.closed == log.opened, "the poller's gateway is still open")
    asked = len(log.asked)
    with Reading(feed, start=Start(position=1)) as again:
        again.open()
        log.add(2)
        assert again.until(2) == [2]
        assert log.asked[asked].last_id == 1


def test_a_position_past_what_is_known_outlasts_answers_that_tell_nothing() -> None:
    """The feed's newest row is 5, the position 9. Bodies without `logs` do not show an id reset."""
    log = Silent(*range(1, 6))
    clock = RunningClock()
    feed = feed_of(log, clock=clock)
    with Reading(feed) as early:
        early.open().until(5)
        log.silent = True
        with Reading(feed, start=Start(position=9), clock=clock) as ahead, hurry(feed):
            ahead.open()
            for _ in range(4):
                asked = len(log.asked)
                log.wait(lambda log, asked=asked: len(log.asked) >= asked + 4)
                clock.turn(2)
                ahead.quiet()
            log.add(*range(6, 12))
            log.silent = False
            assert ahead.until(11) == [10, 11]


class Silent(Log):
    """A log that gives no `logs` while it is silent."""

    silent = False

    def answer(self, last_id: int) -> Collection[object]:
        rows = super().answer(last_id)
        return answers.rows(b"{}") if self.silent else rows
