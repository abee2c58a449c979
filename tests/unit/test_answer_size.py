"""What the answer size promises: no question at once for nothing, no waiting amid a backlog."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poslogs.streaming.answer_size import BURST_ROWS, MIN_MORE, AnswerSize
from tests.support.tries import tries


class Upstream:
    """A log with `waiting` rows that answers at most `cap` of them, and is polled as a feed polls."""

    def __init__(self, cap: int, interval: float = 3.0) -> None:
        self.cap = cap
        self.interval = interval
        self.waiting = 0
        self.questions = 0
        self.size = AnswerSize()
        self._first = True

    def poll(self) -> int:
        """Ask one due question and those that follow it at once; returns how many rows stay unread."""
        elapsed = 0.0 if self._first else self.interval
        self._first = False
        while True:
            self.questions += 1
            count = min(self.cap, self.waiting)
            self.waiting -= count
            if not self.size.left_rows_out(count, count, elapsed):
                return self.waiting
            elapsed = 0.01


@tries(200)
@given(
    st.lists(st.tuples(st.sampled_from([0, 0, 1, 5, 100, 1000]), st.floats(0, 100)), max_size=30),
    st.sampled_from([0, 1, 100, 1000]),
    st.floats(0, 1000),
)
def test_an_answer_without_anything_new_is_never_behind(
    before: list[tuple[int, float]], again: int, elapsed: float
) -> None:
    """No rows, or only rows that were read again, mean that there are no more, whatever came before."""
    size = AnswerSize()
    for count, seconds in before:
        size.left_rows_out(count, count, seconds)
    assert size.left_rows_out(again, 0, elapsed) is False


@tries(200)
@given(st.integers(MIN_MORE, 2000), st.integers(2, 40))
def test_a_backlog_at_the_start_is_followed_at_once_to_its_end(cap: int, pages: int) -> None:
    """History is read without waiting for the interval, whatever an answer holds at most."""
    upstream = Upstream(cap)
    upstream.waiting = cap * pages
    assert upstream.poll() == 0


@tries(200)
@given(
    st.integers(BURST_ROWS, 2000),
    st.integers(2, 40),
    st.lists(st.integers(0, 20), min_size=2, max_size=10),
    st.floats(0.25, 60),
)
def test_a_backlog_after_quiet_times_is_followed_at_once(
    cap: int, pages: int, quiet: list[int], interval: float
) -> None:
    """After some polls of a few rows, many pages at once are read without waiting for the interval."""
    upstream = Upstream(cap, interval)
    for count in quiet:
        upstream.waiting += count
        upstream.poll()
    upstream.waiting = cap * pages
    assert upstream.poll() == 0


@tries(200)
@given(st.integers(MIN_MORE, 2000), st.integers(2, 20), st.lists(st.integers(0, 3), min_size=1, max_size=5))
def test_a_cap_that_was_seen_once_is_known_from_then_on(cap: int, pages: int, quiet: list[int]) -> None:
    """A second backlog, after a quiet time, is followed at once too, even with small answers."""
    upstream = Upstream(cap)
    upstream.waiting = cap * pages
    upstream.poll()
    for count in quiet:
        upstream.waiting += count
        upstream.poll()
    upstream.waiting = cap * pages
    assert upstream.poll() == 0


@pytest.mark.parametrize("cap", [20, 50, 99])
def test_a_small_cap_that_was_never_seen_is_found(cap: int) -> None:
    """A backlog of a hundred pages of fewer than BURST_ROWS rows, after quiet polls, is followed, if not at once."""
    upstream = Upstream(cap)
    for count in (0, 1, 0, 2, 1):
        upstream.waiting += count
        upstream.poll()
    upstream.waiting = cap * 100
    for _ in range(20):
        upstream.poll()
    assert upstream.waiting == 0


@pytest.mark.parametrize("cap", [100, 500])
def test_traffic_that_grows_slowly_past_a_cap_is_followed(cap: int) -> None:
    """Each poll brings a little more, until one answer cannot hold it: the rows left unread stay bounded."""
    upstream = Upstream(cap)
    upstream.poll()
    for step in range(300):
        upstream.waiting += min(step * cap // 100, cap * 2)
        upstream.poll()
    assert upstream.waiting < cap * 10


def test_steady_traffic_costs_no_second_question() -> None:
    """With about two hundred rows at each poll there is one question each, once it has adapted."""
    upstream = Upstream(1000)
    for count in (150, 180, 200, 190):
        upstream.waiting += count
        upstream.poll()
    before = upstream.questions
    for count in (210, 195, 220, 205, 188, 230):
        upstream.waiting += count
        upstream.poll()
    assert upstream.questions == before + 6


@pytest.mark.parametrize("count", [3, 10, 50, 99])
def test_the_same_few_rows_at_each_poll_cost_hardly_a_second_question(count: int) -> None:
    """Answers of one length are thought full a few times in two hundred, ever more rarely."""
    upstream = Upstream(1000)
    for _ in range(200):
        upstream.waiting += count
        upstream.poll()
    assert upstream.questions <= 200 + 1 + 8


@tries(200)
@given(st.lists(st.integers(0, 3000), max_size=60), st.integers(1, 2000))
def test_following_at_once_comes_to_an_end(counts: list[int], cap: int) -> None:
    """A guess that an answer was full costs one question when nothing more is there."""
    upstream = Upstream(cap)
    for count in counts:
        upstream.waiting += count
        before, waiting = upstream.questions, upstream.waiting
        upstream.poll()
        assert upstream.questions - before <= waiting // cap + 2


def test_an_answer_as_long_as_the_longest_may_have_been_full() -> None:
    """A short one counts as not full until an answer was cut short."""
    size = AnswerSize()
    assert not size.may_be_full(5)
    assert not size.may_be_full(5)
    assert size.may_be_full(100)
    assert not size.may_be_full(99)
    assert size.may_be_full(100)
