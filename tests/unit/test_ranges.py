"""What a fetch and a report between two times promise, and a fetch around an entry."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poslogs.platformos.entries import Page
from poslogs.platformos.gateway import GatewayError
from poslogs.streaming import fetch, report
from poslogs.streaming.around import around
from poslogs.streaming.fetch import MAX_SECONDS
from poslogs.streaming.found import Found
from poslogs.streaming.report import Report
from poslogs.streaming.room import MAX_BYTES
from poslogs.streaming.selection import Selection
from tests.support.tries import tries
from tests.unit.doubles import PLAIN, Log, StandingClock, asking, row
from tests.unit.test_place import Long, at, timed

ERRORS = Selection("error", late=False)


def seconds(*numbers: int, page: int = 20) -> Log:
    """A log with a row a second, whose ids are the seconds; each tenth is an error."""
    log = Log(page=page)
    for number in numbers:
        log.add(number, created_at=at(number), error_type="info" if number % 10 else "error")
    return log


def told(found: Found) -> tuple[list[int], int, bool]:
    """The ids of what was found, up to where it was looked, and whether there is more."""
    return [entry.id for entry in found.entries], found.last, found.truncated


def since(log: Log, second: float, limit: int, selection: Selection = PLAIN, until: float | None = None) -> Found:
    upto = "" if until is None else at(until)
    return fetch.since(asking(log), "staging", at(second), limit, selection, until=upto)


def near(log: Log, id_: int, limit: int, selection: Selection = PLAIN, **kw: object) -> Found:
    return around(asking(log), "staging", id_, limit, selection, **kw)  # type: ignore[arg-type]


# Since and until


def test_a_fetch_since_a_time_gives_the_first_from_then_on() -> None:
    """As many as were asked for; `last` goes on where it ended, and `truncated` says that more comes."""
    log = seconds(*range(1, 301))
    assert told(since(log, 100, 3)) == ([100, 101, 102], 102, True)
    assert told(since(log, 298, 9)) == ([298, 299, 300], 300, False)
    assert told(since(log, -5, 2)) == ([1, 2], 2, True)
    assert told(since(log, 5000, 9)) == ([], 300, False)
    assert told(since(log, 100, 2, ERRORS)) == ([100, 110], 119, True)
    assert told(since(Log(), 5, 2)) == ([], 0, False)


def test_until_is_up_to_that_time_and_with_it() -> None:
    """With a beginning what lies between; the position is that of the last entry before the end, wanted or not."""
    log = seconds(*range(1, 301))
    assert told(since(log, 100, 50, until=103)) == ([100, 101, 102, 103], 103, False)
    assert told(since(log, 100, 2, until=103)) == ([100, 101], 101, True)
    assert told(since(log, 100, 50, ERRORS, until=118)) == ([100, 110], 118, False)
    assert told(since(log, 100, 50, until=99)) == ([], 99, False)
    assert told(since(log, 100, 500, until=1000)) == (list(range(100, 301)), 300, False)
    first = fetch.first(asking(log), 250, 100, PLAIN, until=at(260))
    assert told(first) == (list(range(251, 261)), 260, False)


@pytest.mark.parametrize("which", [fetch.newest, fetch.latest])
def test_until_without_a_beginning_gives_the_newest_before_it(which: object) -> None:
    """Oldest first, or newest first."""

    def before(second: float, limit: int, selection: Selection = PLAIN) -> tuple[list[int], int, bool]:
        ids, last, truncated = told(which(asking(log), "staging", limit, selection, until=at(second)))  # type: ignore[operator]
        return sorted(ids), last, truncated

    log = seconds(*range(1, 301))
    assert before(200, 3) == ([198, 199, 200], 200, True)
    assert before(200.5, 3) == ([198, 199, 200], 200, True)
    assert before(2, 3) == ([1, 2], 2, False)
    assert before(0, 3) == ([], 0, False)
    assert before(5000, 3) == ([298, 299, 300], 300, True)
    assert before(205, 3, ERRORS) == ([180, 190, 200], 205, True)


@tries(100)
@given(
    st.lists(st.tuples(st.integers(1, 50), st.sampled_from([0, 1, 5])), max_size=60),
    st.integers(1, 25), st.integers(-1, 40), st.integers(-1, 40), st.integers(1, 70),
)  # fmt: skip
def test_what_lies_between_two_times_is_all_that_does(
    rows: list[tuple[int, int]], page: int, begin: int, end: int, limit: int
) -> None:
    """Random gaps, times, answers and limits: with a beginning the first of these, without one the newest."""
    times = dict(zip(accumulate(gap for gap, _ in rows), map(float, accumulate(step for _, step in rows)), strict=True))
    log = timed(dict(times), page)
    between = [number for number, second in times.items() if begin <= second <= end]
    assert told(since(log, begin, limit, until=end))[0] == between[:limit]
    found = fetch.newest(asking(log), "staging", limit, PLAIN, until=at(end))
    assert told(found)[0] == [number for number, second in times.items() if second <= end][-limit:]


@pytest.mark.parametrize("page", [20, 1000, 10_000])
def test_a_minute_of_a_million_rows_takes_sixty_questions_at_most(page: int) -> None:
    """Sixty of its entries since a time, up to one, and around one; a report on a minute of it."""

    def still() -> float:  # how long it takes is not asked here
        return 0.0

    read: dict[int, Page] = {}
    for asked in (
        lambda ask: (
            told(fetch.since(ask, "staging", at(600_000), 60, PLAIN, still))[0] == list(range(600_000, 600_060))
        ),
        lambda ask: (
            told(fetch.newest(ask, "staging", 60, PLAIN, still, until=at(600_000)))[0] == list(range(599_941, 600_001))
        ),
        lambda ask: told(around(ask, "staging", 600_000, 60, PLAIN, still))[0] == list(range(599_970, 600_030)),
        lambda ask: (
            report.read(ask, Report("staging"), 0, clock=still, since=at(600_000), until=at(600_059))["total"] == 60
        ),
    ):
        log = Long(page, read=read)
        assert asked(asking(log))
        assert len(log.asked) <= 60


# Around


def test_half_comes_before_the_entry_and_half_after_it() -> None:
    """It is in it; with an odd number of entries as many on both sides, with an even one more before it."""
    log = seconds(*range(1, 301))
    assert told(near(log, 150, 5)) == ([148, 149, 150, 151, 152], 152, True)
    assert told(near(log, 150, 4)) == ([148, 149, 150, 151], 151, True)
    assert told(near(log, 150, 1)) == ([150], 150, True)
    assert told(near(log, 150, 101)) == (list(range(100, 201)), 200, True)


def test_at_an_end_of_the_log_the_other_half_fills_up() -> None:
    """The first entries, the last ones, all of a short log."""
    log = seconds(*range(1, 301))
    assert told(near(log, 2, 5)) == ([1, 2, 3, 4, 5], 5, True)
    assert told(near(log, 299, 5)) == ([296, 297, 298, 299, 300], 300, False)
    assert told(near(log, 300, 3)) == ([298, 299, 300], 300, False)
    assert told(near(seconds(*range(1, 11)), 5, 100)) == (list(range(1, 11)), 10, False)


def test_an_id_that_is_not_there_shows_its_place() -> None:
    """Between two entries, before all, past all, in an empty log."""
    log = seconds(*range(10, 301, 10))
    assert told(near(log, 155, 4)) == ([140, 150, 160, 170], 170, True)
    assert told(near(log, 5, 4)) == ([10, 20, 30, 40], 40, True)
    assert told(near(log, 0, 4)) == ([10, 20, 30, 40], 40, True)
    assert told(near(log, 10**15, 4)) == ([270, 280, 290, 300], 300, False)
    assert told(near(Log(), 5, 4)) == ([], 0, False)


def test_the_entry_itself_comes_though_it_is_not_selected() -> None:
    """Among those that are."""
    log = seconds(*range(1, 301))
    assert told(near(log, 155, 5, ERRORS))[0] == [140, 150, 155, 160, 170]
    assert told(near(log, 155, 1, ERRORS))[0] == [155]


@tries(100)
@given(st.lists(st.integers(1, 30), max_size=60), st.integers(1, 25), st.integers(0, 900), st.integers(1, 30))
def test_what_lies_around_an_entry_is_all_that_does(gaps: list[int], page: int, id_: int, limit: int) -> None:
    """Random gaps and answers: no entry between two of these is missing, and there are as many as the log has."""
    ids = list(accumulate(gaps))
    before, after = [number for number in ids if number < id_], [number for number in ids if number >= id_]
    most = min(limit, len(ids))
    half = min(len(before), max(limit // 2, limit - len(after)))
    expected = (before[len(before) - half :] + after)[:most]
    assert told(near(Log(*ids, page=page), id_, limit))[0] == expected


def test_what_comes_before_it_never_keeps_the_entry_out() -> None:
    """Ten entries of 4 MiB before it: they take half of the room at most."""
    log = Log(page=5)
    log.add(*range(1, 31), data={"x": "y" * (MAX_BYTES // 8)})
    ids = told(near(log, 20, 20))[0]
    assert 20 in ids
    assert ids == list(range(ids[0], ids[-1] + 1))


def test_looking_for_what_lies_around_an_entry_ends_in_time() -> None:
    """Each side for a while only, where few entries are selected; the entry is there all the same."""
    clock = StandingClock(0.0)

    class Slow(Log):
        def answer(self, last_id: int) -> list[object]:
            clock.now += 1
            return super().answer(last_id)

    log = Slow(page=1)
    for number in range(1, 201):
        log.add(number)
    assert 100 in told(near(log, 100, 4, ERRORS, clock=clock))[0]
    assert clock.now <= MAX_SECONDS + 10


def test_a_log_that_cannot_be_read_is_an_error() -> None:
    """Not an empty answer."""
    log = Log(1, 2, 3)
    log.failure = GatewayError("Connection failed.")
    for found in (near(log, 2, 5), since(log, 5, 5), fetch.newest(asking(log), "staging", 5, PLAIN, until=at(5))):
        with pytest.raises(GatewayError, match="Connection failed"):
            next(found.pieces)


# Reports


def test_a_report_counts_what_lies_between_two_times() -> None:
    """Since a time, up to one, between two; its position is where it ends."""
    log = seconds(*range(1, 301))

    def of(**bounds: float) -> tuple[object, ...]:
        found = report.read(asking(log), Report("staging"), 0, **{name: at(second) for name, second in bounds.items()})
        return found["total"], found["byType"].get("error", 0), found["lastId"], found["truncated"]

    assert of(since=101) == (200, 20, "300", False)
    assert of(until=100) == (100, 10, "100", False)
    assert of(since=101, until=120) == (20, 2, "120", False)
    assert of(since=5000) == (0, 0, "300", False)
    assert of(until=0) == (0, 0, "0", False)
    assert report.read(asking(log), Report("staging"), 90, until=at(100))["total"] == 10


def test_a_stretch_whose_times_jump_back_does_not_end_a_report() -> None:
    """Two hundred rows of the day before amid those since a time: all that comes after the place counts."""
    log = Log(page=20)
    for number in range(1, 1001):
        log.put(number, row(number, created_at=at(number if not 700 < number <= 900 else number - 86_400)))
    found = report.read(asking(log), Report("staging"), 0, since=at(500))
    assert found["total"] in (501, 100)
