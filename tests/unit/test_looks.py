"""Looks: how often a query looks at an entry, in whose time, and who waits for it."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from poslogs.query.query import Query
from poslogs.query.subject import Subject
from poslogs.streaming.selection import Selection
from poslogs.streaming.stream import Start
from tests.unit.doubles import PATIENCE, Log, Reading, feed_of


class Even:
    """A term that holds for even ids, counts how often it looks at each entry, and waits where it is told to."""

    def __init__(self) -> None:
        self.looks: Counter[int] = Counter()
        self.go = threading.Event()
        self.go.set()
        self.broken = False

    def is_quick(self, longest: int) -> bool:
        """Not: it may wait."""
        return False

    def holds(self, subject: Subject) -> bool:
        assert self.go.wait(PATIENCE)
        number = int(subject.text("id"))
        self.looks[number] += 1
        if self.broken:
            raise RuntimeError("a fault of ours")
        return number % 2 == 0


def asking_for(term: Even, *, late: bool = False) -> Selection:
    """The selection of readers with a query of that term."""
    return Selection(None, late, query=Query(f"even {id(term)}", (term,)))


def test_a_query_looks_at_each_entry_once_however_many_readers_have_it() -> None:
    """Eight that begin with the log and follow it, in ragged steps; each gets the even ones."""
    log, term = Log(*range(1, 8)), Even()
    feed = feed_of(log)
    readings = [Reading(feed, selection=asking_for(term, late=bool(n % 2)), interval=0.005).open() for n in range(8)]
    assert [reading.until(6) for reading in readings] == [[2, 4, 6]] * 8
    for first, last in ((8, 8), (9, 12), (13, 40)):
        log.add(*range(first, last + 1))
        expected = [number for number in range(first, last + 1) if number % 2 == 0]
        assert [reading.until(last) for reading in readings] == [expected] * 8
    assert term.looks == Counter(range(1, 41))
    for reading in readings:
        reading.stream.close()


def test_a_reader_that_comes_later_finds_what_its_query_has_looked_at() -> None:
    """It begins inside of the window: no entry is looked at again."""
    log, term = Log(*range(1, 9)), Even()
    feed = feed_of(log)
    with Reading(feed, selection=asking_for(term)) as one:
        one.open().until(8)
        with Reading(feed, selection=asking_for(term), start=Start(position=1)) as two:
            assert two.open().until(8) == [2, 4, 6, 8]
    assert term.looks == Counter(range(1, 9))


def test_a_slow_query_holds_up_no_reader_with_another_or_without_one() -> None:
    """One waits for ever; the others get all that comes meanwhile, and it gets its entries once it goes on."""
    log, slow, quick = Log(), Even(), Even()
    feed = feed_of(log)
    with (
        Reading(feed, selection=asking_for(slow), interval=0.005, heartbeat=PATIENCE * 4) as one,
        Reading(feed, selection=asking_for(quick), interval=0.005) as two,
        Reading(feed, interval=0.005) as three,
    ):
        for reading in (one, two, three):
            reading.open()
        slow.go.clear()
        for number in range(1, 11):
            log.add(number)
            assert three.until(number) == [number]
        assert two.until(10) == [2, 4, 6, 8, 10]
        assert slow.looks == Counter()
        slow.go.set()
        assert one.until(10) == [2, 4, 6, 8, 10]
    assert slow.looks == quick.looks == Counter(range(1, 11))


def test_a_reader_that_waits_for_its_query_sends_heartbeats_and_can_leave() -> None:
    """While the query looks at what came before the reader, and at what comes."""
    log, slow = Log(*range(1, 5)), Even()
    feed = feed_of(log)
    slow.go.clear()
    with Reading(feed, selection=asking_for(slow), interval=0.005) as one:
        one.open()
        one.quiet()
        one.quiet()
        slow.go.set()
        assert one.until(4) == [2, 4]
        with Reading(feed, interval=0.005) as all_:
            all_.open().until(4)
            slow.go.clear()
            log.add(6)
            assert all_.until(6) == [6]
            one.quiet()
            one.quiet()
    assert feed.readers == 0
    slow.go.set()


def test_what_a_query_does_not_hold_for_moves_the_position_and_costs_no_chunk() -> None:
    """Odd entries come, one poll after another: nothing is sent, and none is looked at again."""
    log, term = Log(1, 3), Even()
    feed = feed_of(log)
    with Reading(feed, selection=asking_for(term), interval=0.005) as one, Reading(feed, interval=0.005) as all_:
        one.open()
        all_.open().until(3)
        for number in (5, 7, 9, 10):
            log.add(number)
            all_.until(number)
        assert one.until(10) == [10]
        assert len(one.got) == 2
    assert term.looks == Counter((1, 3, 5, 7, 9, 10))


def test_a_query_that_fails_ends_its_own_reader_alone() -> None:
    """A fault of ours while it looks: it is counted, and the others get all."""
    log, term, broken = Log(2), Even(), Even()
    feed = feed_of(log)
    broken.broken = True
    with (
        Reading(feed, selection=asking_for(term), interval=0.005) as one,
        Reading(feed, selection=asking_for(broken), interval=0.005) as two,
    ):
        assert one.open().until(2) == [2]
        two.open()
        two.quiet()
        log.add(4)
        assert one.until(4) == [4]
        with pytest.raises(RuntimeError, match="a fault of ours"):
            two.until(4)
        log.add(6)
        assert one.until(6) == [6]
    assert feed.upstream.supervisor.faults["look"] >= 1
