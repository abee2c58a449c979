"""What reading backward promises: every entry once, newest first, however ids lie, in few questions."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poslogs.platformos.entries import MAX_ID
from poslogs.platformos.gateway import GatewayError
from poslogs.streaming import backward, calls, fetch
from poslogs.streaming.backfill import Asker
from poslogs.streaming.stream import Start
from tests.support.tries import tries
from tests.unit.doubles import PLAIN, Asked, Log, Odd, Reading, StandingClock, asking, feed_of, row

SECONDS = 30.0


def stretch(log: Log, position: int = 0) -> backward.Stretch:
    return backward.run(backward.stretch(position, "staging"), asking(log))


def whole(log: Log, position: int = 0) -> tuple[backward.Stretch, list[int]]:
    part = stretch(log, position)
    return part, [entry.id for page in backward.pages(part, "staging", asking(log)) for entry in page]


GAPS = st.lists(st.one_of(st.integers(1, 3), st.integers(1, 10**6), st.sampled_from([10**12])), max_size=60)


@tries(300)
@given(GAPS, st.integers(1, 20), st.integers(0, 60))
def test_every_entry_past_a_position_comes_once_newest_first(gaps: list[int], page: int, skipped: int) -> None:
    """This holds for dense ids, gaps and pages of any size, and any beginning."""
    ids = [sum(gaps[: count + 1]) for count in range(len(gaps))]
    position = ids[skipped - 1] if 0 < skipped <= len(ids) else skipped // 60
    part, got = whole(Log(*ids, page=page), position)
    expected = [number for number in reversed(ids) if number > position]
    assert got == expected
    assert part.last == (expected[0] if expected else position)


def test_the_end_of_a_long_log_takes_few_questions() -> None:
    """Fifty thousand rows, dense, far apart or after many that are gone, take a few dozen questions."""
    for step, first in ((1, 1), (1000, 1), (1, 10**12)):
        log = Log(*range(first, first + 50_000 * step, step), page=100)
        part = stretch(log)
        assert part[:3] == (first - 1, first + 49_999 * step, 100)
        assert len(log.asked) < 60


def test_dense_ids_are_read_with_no_row_twice() -> None:
    """Ten pages take ten questions once the end is known."""
    log = Log(*range(1, 1001), page=100)
    part = stretch(log)
    log.asked.clear()
    list(backward.pages(part, "staging", asking(log)))
    assert len(log.asked) == 10


def test_a_small_log_takes_three_questions() -> None:
    """One for its rows, one to find no more, one for its rows again. An empty log takes one question."""
    log = Log(5, 6, 7)
    part, got = whole(log)
    assert (part[:3], got) == ((4, 7, 0), [7, 6, 5])
    assert [asked.last_id for asked in log.asked] == [0, 7, 4]
    part, got = whole(Log())
    assert (part[:3], got) == ((0, 0, 0), [])
    part, got = whole(Log(MAX_ID))
    assert (part[:3], got) == ((MAX_ID - 1, MAX_ID, 0), [MAX_ID])


class Growing(Log):
    """A log that has three rows more at each question."""

    def answer(self, last_id: int) -> list[object]:
        self.add(*range(max(self.rows) + 1, max(self.rows) + 4))
        return super().answer(last_id)


def test_a_log_that_grows_all_the_time_has_an_end() -> None:
    """Rows that come later are not part of the stretch, and do not come."""
    log = Growing(*range(1, 1001), page=100)
    part, got = whole(log)
    assert part.last >= 1000
    assert got == list(range(part.last, 0, -1))
    assert len(log.asked) < 40


def test_rows_that_are_no_entries_are_passed_over() -> None:
    """There is a page of them in the middle and one at the end."""
    log = Log(*range(1, 41), page=10)
    for number in (*range(11, 26), 40):
        log.put(number, {"id": number, "data": _deep()})
    part, got = whole(log)
    assert part.last == 40
    assert got == [*range(39, 25, -1), *range(10, 0, -1)]


def _deep() -> object:
    value: object = 1
    for _ in range(300):
        value = [value]
    return value


def test_a_log_that_is_emptied_meanwhile_is_an_error() -> None:
    """It is neither an endless loop nor a silent end."""
    log = Log(*range(1, 101), page=10)
    pages = backward.pages(stretch(log), "staging", asking(log))
    assert len(next(pages)) == 10
    log.rows.clear()
    with pytest.raises(GatewayError, match="has changed"):
        next(pages)


def test_an_end_that_is_not_found_in_time_is_an_error() -> None:
    """The error says what to do instead."""
    clock = StandingClock(0.0)

    class Slow(Log):
        def answer(self, last_id: int) -> list[object]:
            clock.now += 11
            return super().answer(last_id)

    late = backward.stretch(0, "staging", is_late=lambda: clock.now > SECONDS)
    with pytest.raises(GatewayError, match="give lastId"):
        backward.run(late, asking(Slow(*range(1, 1001), page=10)))


class Endless(Log):
    """A log of a million rows; each answer holds a thousand."""

    def answer(self, last_id: int) -> list[object]:
        self.asked.append(Asked(last_id, False, 0.0))
        return [row(number) for number in range(last_id + 1, min(last_id + self.page, 1_000_000) + 1)]


@pytest.mark.parametrize("page", [20, 100, 1000])
def test_a_tail_of_a_million_rows_takes_sixty_questions_at_most(page: int) -> None:
    """A tail of a hundred, by a fetch and by a stream, with any number of rows in an answer."""
    log = Endless(page=page)
    found = fetch.newest(asking(log), "staging", 100, PLAIN)
    assert [entry.id for entry in found.entries] == list(range(999_901, 1_000_001))
    assert len(log.asked) <= 60
    log = Endless(page=page)
    with Reading(feed_of(log), start=Start(tail=100)) as reading:
        assert reading.open().until(1_000_000) == list(range(999_901, 1_000_001))
    assert len(log.asked) <= 60


@pytest.mark.parametrize("nth", [1, 2, 4, 7])
def test_an_answer_that_tells_nothing_is_no_end(nth: int) -> None:
    """The nth question of a search is asked again. The newest entries are those at the end, and none is left out."""
    log = Odd(*range(1, 301), page=20, nth=nth)
    with calls.asking(feed_of(log).upstream, Asker("me")) as ask:
        assert [made.id for made in fetch.newest(ask, "staging", 50, PLAIN).entries] == list(range(251, 301))
        assert len(log.asked) > nth


@pytest.mark.parametrize("page", [20, 250, 400])
def test_the_end_of_a_log_is_found_though_answers_begin_to_hold_fewer_rows(page: int) -> None:
    """The first answer holds two thousand rows, later ones few, as at the end, although the end is not reached."""

    class Shrinking(Log):
        def answer(self, last_id: int) -> Collection[object]:
            found = super().answer(last_id)
            self.page = page
            return found

    for count in (2_100, 2_000 + 3 * page, 9_999, 50_000):
        log = Shrinking(*range(1, count + 1), page=2000)
        assert backward.run(backward.stretch(0, "staging"), asking(log)).last == count
        assert len(log.asked) <= 60
