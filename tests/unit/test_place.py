"""What a search by time promises: the first entry at or after a time, in few questions, whatever the log is like."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container
from datetime import UTC, datetime, timedelta
from itertools import accumulate, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poslogs.platformos import entries
from poslogs.platformos.entries import MAX_ID, Page
from poslogs.platformos.environments import Environment
from poslogs.platformos.gateway import GatewayError
from poslogs.streaming import backward, calls
from poslogs.streaming.backfill import Asker
from poslogs.streaming.place import Place, place, since, until
from tests.support.tries import tries
from tests.unit.doubles import STAGING, Asked, Door, Log, Odd, StandingClock, asking, feed_of, row

BEGAN = datetime(2026, 11, 28, 10, tzinfo=UTC)
ROWS = 1_000_000  # of the long log, one a second


def at(second: float) -> str:
    """The timestamp so many seconds after the logs here began."""
    return (BEGAN + timedelta(seconds=second)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def timed(times: dict[int, float | None], page: int = 1000) -> Log:
    """A log whose rows have these times, in seconds since it began, by id; None: a row without a time."""
    log = Log(page=page)
    for number, second in times.items():
        log.add(number, created_at=None if second is None else at(second))
    return log


def found(log: Log, is_past: Callable[[str], bool], known: int = 0) -> Place:
    """The place in a log."""
    return backward.run(place(is_past, "staging", known), asking(log))


def splits(times: dict[int, float | None], position: int, second: float) -> bool:
    """Whether the last entry with a time up to a position is before a time, and the first one after it is not."""
    before = [time for number, time in times.items() if number <= position and time is not None]
    after = [time for number, time in times.items() if number > position and time is not None]
    return (not before or before[-1] < second) and (not after or after[0] >= second)


GAPS = st.lists(st.one_of(st.integers(1, 3), st.integers(1, 10**6), st.sampled_from([10**12])), max_size=80)
SIZES = st.one_of(st.sampled_from([1, 2, 20, 10_000]), st.integers(1, 40))


@tries(100)
@given(GAPS, SIZES, st.data())
def test_the_first_entry_at_or_after_a_time_is_found_exactly(gaps: list[int], page: int, data: st.DataObject) -> None:
    """Times rise, several rows may share one; ids have gaps of any size, answers any size, some rows no time."""
    ids = list(accumulate(gaps))
    steps = data.draw(st.lists(st.sampled_from([0, 0, 1, 7, 3600]), min_size=len(ids), max_size=len(ids)))
    blank = data.draw(st.sets(st.sampled_from(ids), max_size=5)) if ids else set()
    times = {
        number: None if number in blank else float(second)
        for number, second in zip(ids, accumulate(steps), strict=True)
    }
    second = data.draw(
        st.one_of(st.sampled_from([time for time in times.values() if time] or [5.0]), st.integers(-1, 99))
    )
    for known in {0, *data.draw(st.lists(st.sampled_from(ids), max_size=1))} if ids else {0}:
        log = timed(times, page)
        got = found(log, since(at(second)), known)
        assert splits(times, got.position, second)
        assert got.newest >= known
        assert got.position in {0, *ids} or not any(times[number] for number in ids if number <= got.position)


@tries(100)
@given(GAPS, SIZES, st.data())
def test_any_crossing_will_do_where_times_jump_back(gaps: list[int], page: int, data: st.DataObject) -> None:
    """Times as they come: what is found is one of the places where they pass the time asked for."""
    ids = list(accumulate(gaps))
    times: dict[int, float | None] = {
        number: float(second)
        for number, second in zip(
            ids, data.draw(st.lists(st.integers(0, 30), min_size=len(ids), max_size=len(ids))), strict=True
        )
    }
    times |= dict.fromkeys(data.draw(st.sets(st.sampled_from(ids), max_size=5)) if ids else (), None)
    second = data.draw(st.integers(0, 31))
    assert splits(times, found(timed(times, page), since(at(second))).position, second)


@tries(100)
@given(
    st.integers(1, 200),
    st.one_of(st.just(1), st.integers(1, 10**9)),
    st.integers(0, 10**12),
    st.sampled_from([20, 100, 10_000]),
    st.data(),
)
def test_it_asks_twice_a_binary_digit_of_the_newest_id_at_most(
    count: int, gap: int, begin: int, page: int, data: st.DataObject
) -> None:
    """Whatever the log begins with, however far its ids are apart, wherever the time lies in it."""
    gaps = data.draw(st.lists(st.integers(1, gap), min_size=count, max_size=count))
    ids = [begin + number for number in accumulate(gaps)]
    log = timed({number: float(index) for index, number in enumerate(ids)}, page)
    second = data.draw(st.integers(-1, count + 1))
    assert found(log, since(at(second))).position == (0 if second <= 0 else ids[min(second, count) - 1])
    assert len(log.asked) <= 2 * ids[-1].bit_length()


class Long(Log):
    """A log of a million rows, one a second, whose ids are `gap` apart; no row is there before it is asked for.

    `read` has the pages of what was asked already: searches of one log after another put mostly the same questions.
    """

    def __init__(self, page: int, gap: int = 1, read: dict[int, Page] | None = None) -> None:
        super().__init__(page=page)
        self._gap = gap
        self._read = {} if read is None else read

    def open_gateway(self, environment: Environment) -> Door:
        return LongDoor(self, environment)

    def page_after(self, last_id: int) -> Page:
        """The page after an id."""
        self.asked.append(Asked(last_id, False, 0.0))
        if last_id not in self._read:
            first = last_id // self._gap + 1
            numbers = range(first, min(first + self.page, ROWS + 1))
            rows = [row(number * self._gap, created_at=at(number)) for number in numbers]
            self._read[last_id] = entries.read(rows, STAGING.name)
        return self._read[last_id]


class LongDoor(Door):
    """A gateway to a log of a million rows."""

    def __init__(self, log: Long, environment: Environment) -> None:
        super().__init__(log, environment)
        self._long = log

    def after(self, last_id: int, known: Container[int] = (), came: Callable[[], None] = lambda: None) -> Page:
        page = self._long.page_after(last_id)
        return page._replace(entries=[entry for entry in page.entries if entry.id not in known])


@pytest.mark.parametrize(("page", "gap"), [*product((20, 1000), (1, 7, 1000)), (10_000, 7)])
def test_a_time_in_a_million_rows_takes_forty_questions_at_most(page: int, gap: int) -> None:
    """In its first rows and its last, amid it, before it and past it; up to a time likewise."""
    read: dict[int, Page] = {}
    for second in (-5, 1, 2, 1500, 500_000.5, 999_999, ROWS, ROWS + 5):
        log = Long(page, gap, read)
        before = min(max(0, -(-second // 1) - 1), ROWS)  # rows that come before this second
        assert found(log, since(at(second))).position == before * gap
        assert len(log.asked) <= 40
        log = Long(page, gap, read)
        assert found(log, until(at(second))).position == min(max(0, second // 1), ROWS) * gap
        assert len(log.asked) <= 40


def test_up_to_a_time_includes_it_and_since_it_does_too() -> None:
    """Three rows of one second: they come after a time that they are at, and before it."""
    log = timed({1: 0, 2: 5, 3: 5, 4: 5, 5: 6}, page=2)
    assert (found(log, since(at(5))).position, found(log, until(at(5))).position) == (1, 4)


def test_a_small_log_takes_three_questions_and_an_empty_one_takes_one() -> None:
    """Its rows, that the last is there still, and that no more are; a time in the first answer takes that one alone."""
    for log, second, questions, position in (
        (timed({}), 5, [0], 0),
        (timed({5: 1, 6: 2}), 9, [0, 5, 6], 6),
        (timed({1: 1}), 2, [0, 1], 1),
        (timed({5: 1, 6: 2}), 2, [0], 5),
        (timed({5: 1, 6: 2}), 0, [0], 0),
        (timed({MAX_ID: 1}), 2, [0, MAX_ID - 1, MAX_ID], MAX_ID),
    ):
        assert found(log, since(at(second))).position == position
        assert [asked.last_id for asked in log.asked] == questions


def test_rows_that_are_no_entries_and_rows_without_a_time_are_passed_over() -> None:
    """Answers full of them, at the beginning, amid the log and at its end."""
    log = timed({number: float(number) for number in range(1, 401)}, page=10)
    for number in (*range(1, 26), *range(150, 181), *range(390, 401)):
        log.put(number, {"id": number, "created_at": None} if number % 20 < 10 else {"id": number, "data": _deep()})
    for second in (30, 149, 150, 170, 181, 250, 389, 401):
        position = found(log, since(at(second))).position
        exact = second - 1 if not 150 < second <= 181 else 149
        assert exact <= position < max(second, 181 if exact == 149 else second), second
    assert found(log, since(at(389))).position == 388


def _deep() -> object:
    value: object = 1
    for _ in range(300):
        value = [value]
    return value


@pytest.mark.parametrize("nth", [1, 2, 5, 9])
def test_an_answer_that_tells_nothing_is_asked_for_again(nth: int) -> None:
    """The nth question of a search is put again, and the place is the same."""
    log = Odd(nth=nth, page=20)
    for number in range(1, 3001):
        log.add(number, created_at=at(number))
    with calls.asking(feed_of(log).upstream, Asker("me")) as ask:
        assert backward.run(place(since(at(1234)), "staging"), ask).position == 1233
    assert len(log.asked) > nth
    assert log.asked[nth - 1].last_id == log.asked[nth].last_id


class Restored(Log):
    """A log whose ids are reset at the nth question: a hundred rows are left, and twenty new ones come."""

    def __init__(self, nth: int, page: int) -> None:
        super().__init__(page=page)
        self._nth = nth
        for number in range(1, 5001):
            self.add(number, created_at=at(number))

    def answer(self, last_id: int) -> Collection[object]:
        if len(self.asked) == self._nth:
            self.rows = {number: self.rows[number] for number in range(1, 101)}
            for number in range(101, 121):
                self.add(number, created_at=at(6000 + number))
        return super().answer(last_id)


@pytest.mark.parametrize("page", [20, 1000])
@pytest.mark.parametrize("nth", range(12))
def test_a_place_in_a_log_whose_ids_are_reset_on_the_way_is_one_of_the_log_after_that(nth: int, page: int) -> None:
    """Whichever question it happens at; a search that had ended before has a place in the log as it was."""
    log = Restored(nth, page)
    position = found(log, since(at(4321))).position
    assert position == (4320 if len(log.asked) <= nth else 100)


class Growing(Log):
    """A log that has three rows more at each question, all before the time that is looked for."""

    def answer(self, last_id: int) -> Collection[object]:
        newest = max(self.rows)
        for number in range(newest + 1, newest + 4):
            self.add(number, created_at=at(number))
        return super().answer(last_id)


@pytest.mark.parametrize("page", [20, 100, 1000])
def test_a_time_from_the_future_is_at_the_end_of_a_log_that_grows_all_the_time(page: int) -> None:
    """Its rows are before that time, each of them: the search comes to an end all the same, and skips none of them."""
    log = Growing(page=page)
    for number in range(1, 1001):
        log.add(number, created_at=at(number))
    position = found(log, since(at(10**6))).position
    assert 1000 <= position <= max(log.rows)
    assert len(log.asked) <= 60


@pytest.mark.parametrize("page", [1, 20, 250])
def test_a_time_is_found_though_answers_begin_to_hold_fewer_rows(page: int) -> None:
    """The first answer holds two thousand rows, those after it few."""

    class Shrinking(Log):
        def answer(self, last_id: int) -> Collection[object]:
            got = super().answer(last_id)
            self.page = page
            return got

    for second in (1, 2_500, 4_999, 5_001):
        log = Shrinking(page=2000)
        for number in range(1, 5_001):
            log.add(number, created_at=at(number))
        assert found(log, since(at(second))).position == second - 1
        assert len(log.asked) <= 60


def test_a_log_that_changes_all_the_time_or_answers_too_slowly_is_an_error() -> None:
    """Neither an endless search nor a wrong place; what to do instead is said."""

    class Moving(Log):
        def answer(self, last_id: int) -> Collection[object]:
            got = super().answer(last_id)
            self.rows = {number + 1: row(number + 1, created_at=at(number)) for number in self.rows}
            return got

    log = Moving(page=20)
    for number in range(0, 20_001, 100):
        log.add(number, created_at=at(number))
    with pytest.raises(GatewayError, match="has changed"):
        found(log, since(at(12_340)))
    assert len(log.asked) <= 120
    clock = StandingClock(0.0)

    class Slow(Log):
        def answer(self, last_id: int) -> Collection[object]:
            clock.now += 11
            return super().answer(last_id)

    late = place(since(at(5)), "staging", is_late=lambda: clock.now > 30)
    with pytest.raises(GatewayError, match="give lastId"):
        backward.run(late, asking(Slow(*range(1, 1001), page=10)))


def test_a_row_that_a_feed_has_seen_is_looked_for_first() -> None:
    """It is the newest, or rows follow, or it is gone: `newest` tells."""
    log = timed({number: float(number) for number in range(1, 101)}, page=20)
    got = found(log, since(at(50)), known=90)
    assert (got.position, got.newest >= 90, log.asked[0].last_id) == (49, True, 89)
    got = found(log, since(at(50)), known=120)
    assert (got.position, got.newest < 120) == (49, True)
