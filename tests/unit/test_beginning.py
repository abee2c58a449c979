"""What a stream that begins at a time promises: the first entry from then on, and all after it, once."""

from __future__ import annotations

import re
import threading

import pytest

from poslogs.platformos.entries import Page
from poslogs.streaming.selection import Selection
from poslogs.streaming.stream import Start
from poslogs.streaming.upstream import OWN_QUESTIONS
from tests.unit.doubles import (
    HOUR,
    LIVE,
    PATIENCE,
    PLAIN,
    Follower,
    Log,
    Odd,
    Reading,
    eventually,
    feed_of,
    hurry,
    ids_of,
    in_threads,
)
from tests.unit.test_place import ROWS, Growing, Long, at, timed

SELECTIONS = [pytest.param(PLAIN, id="stream"), pytest.param(LIVE, id="live")]


def seconds(*numbers: int, page: int = 1000) -> Log:
    """A log with a row a second, whose ids are the seconds."""
    return timed({number: float(number) for number in numbers}, page)


def position_of(chunk: bytes) -> int:
    """The position in a frame that holds nothing else."""
    found = re.fullmatch(rb"id: (\d+)\n\n", chunk)
    assert found, chunk
    return int(found[1])


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize(("second", "first"), [(-1, 1), (1, 1), (2, 2), (1234, 1234), (3000, 3000)])
def test_a_stream_since_a_time_begins_with_the_first_entry_from_then_on(
    selection: Selection, second: int, first: int
) -> None:
    """Its position is told before any entry is, so that a reader that is cut comes back there. Nothing comes twice."""
    log = seconds(*range(1, 3001), page=20)
    with Reading(feed_of(log), selection=selection, start=Start(since=at(second)), interval=0.002) as reading:
        assert position_of(reading.open().next()) == first - 1
        found = reading.until(3000)
        log.add(3001)
        assert found + reading.until(3001) == list(range(first, 3002))
        reading.quiet()


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("count", [0, 1, 50])
def test_a_time_from_the_future_begins_with_what_comes_from_now_on(selection: Selection, count: int) -> None:
    """Also in a log that is empty, and whatever the times of the new rows are."""
    log = seconds(*range(1, count + 1), page=20)
    with Reading(feed_of(log), selection=selection, start=Start(since=at(10**6)), interval=0.002) as reading:
        assert position_of(reading.open().next()) == count
        log.add(count + 1, created_at=at(count + 1))
        assert reading.until(count + 1) == [count + 1]


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("second", [20, 90, 101])
def test_a_running_feed_gives_what_its_window_has(selection: Selection, second: int) -> None:
    """Without a question beside those of the search; what the window does not have the reader asks for itself."""
    log = seconds(*range(1, 101))
    feed = feed_of(log)
    with Reading(feed, start=Start(position=50)) as first:
        first.open().until(100)
        log.asked.clear()
        with Reading(feed, selection=selection, start=Start(since=at(second))) as reading:
            assert position_of(reading.open().next()) == second - 1
            asked = len(log.own)
            if second <= 100:
                assert reading.until(100) == list(range(second, 101))
            assert (len(log.own) > asked) == (second <= 50)
            reading.quiet()


def test_a_row_that_became_visible_late_is_in_its_place() -> None:
    """A plain stream since a time before it, though the window has it at the place where it was seen."""
    log = seconds(*(number for number in range(1, 41) if number != 30))
    feed = feed_of(log)
    with Reading(feed, selection=LIVE, start=Start(position=0), interval=0.002) as first:
        first.open().until(40)
        log.add(30, created_at=at(30))
        first.until(30)
        with Reading(feed, start=Start(since=at(25)), interval=0.002) as reading:
            reading.open().next()
            assert reading.until(40) == list(range(25, 41))


@pytest.mark.parametrize("selection", SELECTIONS)
def test_a_place_that_is_looked_for_while_ids_are_reset_is_of_the_log_after_it(selection: Selection) -> None:
    """The feed notices while the reader's question is under way: nothing of before comes, and nothing is told."""
    log = seconds(*range(1, 101), page=20)
    feed = feed_of(log)
    other = Follower(interval=0.002)
    feed.join(other)
    feed.attach(other, 90)
    log.wait(lambda log: log.polls and log.polls[-1] == 100)
    with Reading(feed, selection=selection, start=Start(since=at(80)), interval=0.002) as reading:
        with log.hold(lambda asked: not asked.poller):
            read = threading.Thread(target=reading.open().until, args=(60,), daemon=True)
            read.start()
            log.wait(lambda log: log.own)
            for number in range(51, 101):
                del log.rows[number]
            log.add(*range(51, 61), created_at=at(200), message="after the restore")
            eventually(lambda: feed.history.generation == 1)
        read.join(PATIENCE)
        assert ids_of(b"".join(reading.got)) == list(range(51, 61))
        assert b"event: error" not in b"".join(reading.got)
    feed.leave(other)


@pytest.mark.parametrize("selection", SELECTIONS)
def test_nothing_comes_of_the_log_from_before_ids_were_reset(selection: Selection) -> None:
    """Ids were reset from 10 to 5 and have come to 6, and the poller has not looked since: its window has the old 6."""
    log = seconds(*range(1, 11))
    feed = feed_of(log)
    with Reading(feed, start=Start(position=0)) as first:
        first.open().until(10)
        for number in range(6, 11):
            del log.rows[number]
        log.add(6, created_at=at(20), message="new")
        with Reading(feed, selection=selection, start=Start(since=at(5)), interval=0.01) as reading:
            assert reading.open().until(6) == [5, 6]
            assert b"new" in b"".join(reading.got)


def test_a_log_that_grows_all_the_time_is_followed_from_its_end() -> None:
    """A time from the future: the search ends, and from its end on each row comes."""
    log = Growing(*range(1, 101), page=20)
    with Reading(feed_of(log), start=Start(since=at(10**6)), interval=0.002) as reading:
        began = position_of(reading.open().next())
        found = reading.until(began + 30)
        assert found == list(range(began + 1, found[-1] + 1))


@pytest.mark.parametrize("nth", range(1, 8))
def test_an_answer_that_tells_nothing_is_no_place(nth: int) -> None:
    """The nth question is put again, without a word of it."""
    log = Odd(nth=nth, page=20)
    for number in range(1, 301):
        log.add(number, created_at=at(number))
    with Reading(feed_of(log), start=Start(since=at(222))) as reading:
        assert reading.open().until(300) == list(range(222, 301))
        assert b"event: error" not in b"".join(reading.got)


@pytest.mark.parametrize("page", [20, 1000, 10_000])
def test_a_beginning_in_a_million_rows_takes_sixty_questions_at_most(page: int) -> None:
    """Near its end, a time that has passed, one from the future, a tail, and what comes from now on."""
    read: dict[int, Page] = {}
    for start, first in (
        (Start(since=at(ROWS - 50)), ROWS - 50),
        (Start(since=at(ROWS + 50)), ROWS + 1),
        (Start(tail=100), ROWS - 99),
        (Start(tail=0), ROWS + 1),
    ):
        log = Long(page, read=read)
        with Reading(feed_of(log), start=start, interval=HOUR, heartbeat=HOUR) as reading:
            reading.open()
            if first <= ROWS:
                assert reading.until(ROWS) == list(range(first, ROWS + 1))
            else:
                assert position_of(reading.next()) == ROWS
            reading.quiet()
        assert len(log.asked) <= 60


def test_searches_of_many_readers_share_what_bounds_their_questions() -> None:
    """Twelve readers of three clients, each with its own time: few questions at once, and all get their entries."""
    log = seconds(*range(1, 2001), page=20)
    feed = feed_of(log)
    readings = [
        Reading(feed, start=Start(since=at(1000 + 10 * number)), client=f"client {number % 3}") for number in range(12)
    ]
    got = in_threads(*(lambda reading=reading: reading.open().until(2000) for reading in readings))
    assert got == [list(range(1000 + 10 * number, 2001)) for number in range(12)]
    assert log.busiest <= OWN_QUESTIONS + 1
    for reading in readings:
        reading.stream.close()


def test_readers_that_look_for_one_time_share_the_questions() -> None:
    """Ten of them while the first question is under way: it is asked once."""
    log = seconds(*range(1, 301), page=20)
    feed = feed_of(log)
    readings = [Reading(feed, start=Start(since=at(250))) for _ in range(10)]
    with log.hold():
        threads = [threading.Thread(target=reading.open().until, args=(300,), daemon=True) for reading in readings]
        for thread in threads:
            thread.start()
        eventually(lambda: [len(asked._waiting) for asked in feed.upstream.backfills._known.values()] == [10])
    for thread in threads:
        thread.join(PATIENCE)
    assert [ids_of(b"".join(reading.got)) for reading in readings] == [list(range(250, 301))] * 10
    assert [asked.last_id for asked in log.asked].count(0) == 1
    for reading in readings:
        reading.stream.close()


def test_a_reader_that_leaves_amid_a_search_asks_no_more() -> None:
    """Its question under way is let end, and no other one follows."""
    log = seconds(*range(1, 5001), page=20)
    reading = Reading(feed_of(log), start=Start(since=at(2500)))
    with log.hold(lambda asked: asked.last_id > 0):
        read = threading.Thread(target=lambda: reading.open().rest(), daemon=True)
        read.start()
        log.wait(lambda log: len(log.asked) == 2)
        reading.stream.disconnected()
        read.join(PATIENCE)
        assert not read.is_alive()
    with hurry(feed_of(Log())):
        pass
    assert len(log.asked) == 2
