"""What one answer of entries promises: the first after a position, or the newest, and an honest end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poslogs.platformos.gateway import GatewayError
from poslogs.streaming import fetch
from poslogs.streaming.fetch import MAX_SECONDS, Found
from poslogs.streaming.room import MAX_BYTES
from poslogs.streaming.selection import Selection
from tests.support.tries import tries
from tests.unit.doubles import PLAIN, Log, StandingClock, asking, down

ERRORS = Selection("error", late=False)


def first(log: Log, position: int, limit: int, selection: Selection = PLAIN, **kw: object) -> Found:
    return fetch.first(asking(log), position, limit, selection, **kw)  # type: ignore[arg-type]


def newest(log: Log, limit: int, selection: Selection = PLAIN, **kw: object) -> Found:
    return fetch.newest(asking(log), "staging", limit, selection, **kw)  # type: ignore[arg-type]


def told(found: Found) -> tuple[list[int], int, bool]:
    return [entry.id for entry in found.entries], found.last, found.truncated


class Fading(Log):
    """A log that fails from its nth question on, or whose questions take long."""

    def __init__(self, *ids: int, good: int = 10**9, clock: StandingClock | None = None, **kw: object) -> None:
        super().__init__(*ids, **kw)  # type: ignore[arg-type]
        self.good = good
        self.turning = clock

    def answer(self, last_id: int) -> list[object]:
        if len(self.asked) >= self.good:
            raise down()
        if self.turning:
            self.turning.now += 25.0
        return super().answer(last_id)


def test_the_first_are_those_after_the_position() -> None:
    """Of ten rows in pages of three, four after the second are 3 to 6, and there are more."""
    log = Log(*range(1, 11), page=3)
    assert told(first(log, 2, 4)) == ([3, 4, 5, 6], 6, True)
    assert [asked.last_id for asked in log.asked] == [2, 5]


def test_all_there_is_is_not_truncated() -> None:
    """It asks again with the highest id until an answer brings nothing, as pos-cli's fetch-logs does."""
    log = Log(*range(1, 8), page=3)
    assert told(first(log, 0, 100)) == ([1, 2, 3, 4, 5, 6, 7], 7, False)
    assert [asked.last_id for asked in log.asked] == [0, 3, 6, 7]


@pytest.mark.parametrize("page", [2, 5, 100])
def test_exactly_the_limit_is_not_truncated(page: int) -> None:
    """With five rows and five wanted nothing more is known to exist."""
    assert told(first(Log(*range(1, 6), page=page), 0, 5)) == ([1, 2, 3, 4, 5], 5, False)


def test_nothing_after_the_position_keeps_it() -> None:
    """`lastId` says where to continue even if nothing came."""
    assert told(first(Log(1, 2), 7, 5)) == ([], 7, False)
    assert told(first(Log(), 0, 5)) == ([], 0, False)


def test_a_filter_counts_what_it_keeps_and_remembers_what_it_looked_at() -> None:
    """For errors among infos, the next call continues after the last row that was looked at."""
    log = Log(page=4)
    for number in range(1, 21):
        log.add(number, error_type="error" if number % 5 == 0 else "info")
    assert told(first(log, 0, 2, ERRORS)) == ([5, 10], 14, True)
    assert told(first(log, 14, 9, ERRORS)) == ([15, 20], 20, False)


@tries(200)
@given(st.sets(st.integers(1, 200), max_size=40), st.integers(0, 200), st.integers(1, 12), st.integers(1, 12))
def test_calls_one_after_another_bring_everything_once(ids: set[int], start: int, limit: int, page: int) -> None:
    """Calls that continue at each answer's `last` until it is not truncated get every row past the start, in order."""
    log, position, got = Log(*ids, page=page), start, []
    while True:
        found = first(log, position, limit)
        ids_, _, _ = told(found)
        assert len(ids_) <= limit
        got += ids_
        position = found.last
        if not found.truncated:
            break
    assert got == sorted(number for number in ids if number > start)


def test_the_newest_are_the_last_of_all_pages() -> None:
    """Of ten rows in pages of three come the newest four, oldest first, and the answer says that older ones exist."""
    log = Log(*range(1, 11), page=3)
    assert told(newest(log, 4)) == ([7, 8, 9, 10], 10, True)
    assert told(newest(log, 10)) == (list(range(1, 11)), 10, False)
    assert told(newest(log, 99)) == (list(range(1, 11)), 10, False)


def test_the_newest_of_a_long_log_take_few_questions() -> None:
    """Of a hundred thousand rows the last twenty come, without reading the rest."""
    log = Log(*range(1, 100_001))
    assert told(newest(log, 20)) == (list(range(99_981, 100_001)), 100_000, True)
    assert len(log.asked) < 30


def test_the_newest_none_is_the_position_of_now() -> None:
    """`tail: 0` gives no entries, and the position to continue from."""
    assert told(newest(Log(1, 2, 3), 0)) == ([], 3, True)
    assert told(newest(Log(), 3)) == ([], 0, False)


def test_the_newest_count_what_the_filter_keeps() -> None:
    """The two newest errors come, however many infos follow them."""
    log = Log(page=4)
    for number in range(1, 21):
        log.add(number, error_type="error" if number % 5 == 0 else "info")
    assert told(newest(log, 2, ERRORS)) == ([15, 20], 20, True)
    assert told(newest(log, 4, ERRORS)) == ([5, 10, 15, 20], 20, False)


def test_an_answer_is_bounded_in_bytes() -> None:
    """With rows of 1 MB it ends below 32 MiB, says so, and the next one continues there."""
    log = Log(page=10)
    log.add(*range(1, 41), message="x" * 1_000_000)
    found = first(log, 0, 10_000)
    count = len(list(found.entries))
    assert 25 < count < 34
    assert (found.last, found.truncated) == (count, True)
    last = newest(log, 10_000)
    ids_, end, truncated = told(last)
    assert 25 < len(ids_) < 34
    assert (ids_[-1], end, truncated) == (40, 40, True)


def test_a_row_larger_than_any_entry_is_passed() -> None:
    """Otherwise a caller would never get past it."""
    log = Log()
    log.add(1, data={"x": "y" * (MAX_BYTES + 10)})
    log.add(2)
    assert told(first(log, 0, 10)) == ([2], 2, False)


def test_an_answer_is_bounded_in_time() -> None:
    """With questions of 25 s each it gives what it has after MAX_SECONDS, and says that more may exist."""
    clock = StandingClock(0.0)
    log = Fading(*range(1, 101), page=10, clock=clock)
    assert told(first(log, 0, 1000, clock=clock)) == (list(range(1, 31)), 30, True)
    assert clock.now <= MAX_SECONDS + 25
    clock.now = 0.0
    with pytest.raises(GatewayError, match="too slowly to find the end"):
        told(newest(Fading(*range(1, 101), page=10, clock=clock), 5, clock=clock))
    log = Fading(*range(1, 4), clock=clock)
    clock.now = 0.0
    assert told(newest(log, 5, clock=clock)) == ([1, 2, 3], 3, True)


def test_a_first_question_that_fails_is_an_error() -> None:
    """There is nothing to give."""
    for ask in (lambda log: first(log, 0, 5), lambda log: newest(log, 5)):
        with pytest.raises(GatewayError, match="Connection failed"):
            told(ask(Fading(1, 2, good=0)))


def test_a_later_question_that_fails_ends_the_answer() -> None:
    """The answer has what was read before, and says that it is cut short."""
    assert told(first(Fading(*range(1, 11), page=3, good=2), 0, 100)) == ([1, 2, 3, 4, 5, 6], 6, True)


def test_rows_that_are_repeated_or_below_the_position_do_not_count() -> None:
    """From an upstream that answers too much, each entry comes once, and there is an end."""

    class Generous(Log):
        def answer(self, last_id: int) -> list[object]:
            return super().answer(max(0, last_id - 2)) if last_id < max(self.rows) else [self.rows[last_id]]

    assert told(first(Generous(1, 2, 3, 4, page=4), 2, 10)) == ([3, 4], 4, False)
    assert told(newest(Generous(1, 2, 3, 4, page=4), 3)) == ([2, 3, 4], 4, True)
