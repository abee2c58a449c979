"""What the overlap promises: late rows are found once, and it remembers little."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from poslogs.streaming.overlap import MAX_ROWS, Overlap
from tests.unit.doubles import entry


def test_rows_are_read_again_until_they_have_settled() -> None:
    """Seen at 100 s with an overlap of 30 s: read again until 130 s, then the cursor is where they end."""
    overlap = Overlap(30.0, 0)
    overlap.saw([entry(10), entry(20)], 100.0)
    assert overlap.start(100.0) == 0
    assert overlap.start(130.0) == 0
    assert overlap.start(130.1) == 20


def test_a_row_between_known_ones_is_late_and_late_once() -> None:
    """10, 20, then 15: new to us at the first look, known at the second."""
    overlap = Overlap(30.0, 0)
    overlap.saw([entry(10), entry(20)], 100.0)
    answer = [entry(10), entry(15), entry(20)]
    assert overlap.late(answer, 0, 103.0) == [entry(15)]
    overlap.saw([entry(15)], 103.0)
    assert overlap.late(answer, 0, 106.0) == []


def test_a_feed_that_begins_amid_the_log_learns_what_is_there_at_its_first_look() -> None:
    """It looks back some rows: what is there then is known, and what comes between them later is late."""
    overlap = Overlap(30.0, 500)
    since = overlap.start(100.0)
    assert 500 - MAX_ROWS <= since < 500
    assert overlap.late([entry(480), entry(500)], since, 100.0) == []
    overlap.saw([entry(501)], 100.0)
    assert overlap.start(103.0) == since
    assert overlap.late([entry(480), entry(490), entry(500), entry(501)], since, 103.0) == [entry(490)]


def test_one_poll_reads_a_bounded_number_of_rows_again() -> None:
    """A thousand young rows: the newest MAX_ROWS are read again."""
    overlap = Overlap(30.0, 0)
    overlap.saw([entry(number) for number in range(1, 1001)], 100.0)
    assert overlap.start(101.0) == 1000 - MAX_ROWS
    for number in range(1001, 1501):
        overlap.saw([entry(number)], 101.0)
    assert overlap.start(101.0) == 1500 - MAX_ROWS


def test_a_short_answer_makes_it_read_less() -> None:
    """An answer of ten rows that did not reach the cursor: from now on five are read again, and one at least."""
    overlap = Overlap(30.0, 0)
    overlap.saw([entry(number) for number in range(1, 21)], 100.0)
    overlap.shrink(10, 20)
    assert overlap.start(100.0) == 20
    overlap.saw([entry(number) for number in range(21, 41)], 101.0)
    assert overlap.start(101.0) == 35
    overlap.shrink(1, 40)
    overlap.saw([entry(number) for number in range(41, 61)], 102.0)
    assert overlap.start(102.0) == 59


def test_no_overlap_reads_nothing_again() -> None:
    """0 seconds: the cursor itself, as soon as time has passed."""
    overlap = Overlap(0.0, 0)
    overlap.saw([entry(1), entry(2)], 100.0)
    assert overlap.start(100.1) == 2


def test_it_remembers_no_more_than_it_may_need_whether_it_is_read_or_not() -> None:
    """A feed of plain streams never reads the overlap, yet tells it of every row for days."""
    overlap = Overlap(30.0, 0)
    for number in range(1, 10_001):
        overlap.saw([entry(number)], float(number))
    assert len(overlap._recent) <= MAX_ROWS
    assert len(overlap._ids) <= MAX_ROWS


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_random_log_is_delivered_once_in_whatever_order_it_becomes_visible(data: st.DataObject) -> None:
    """Rows of a minute, some hidden for a while: with the overlap a poller has each row once, none twice."""
    ids = sorted(data.draw(st.sets(st.integers(1, 200), min_size=1, max_size=40)))
    visible = {number: data.draw(st.integers(0, 12)) for number in ids}  # the poll from which on it is listed
    overlap, high, got = Overlap(60.0, 0), 0, []
    for poll in range(16):
        now = 3.0 * poll
        since = overlap.start(now)
        assert since <= high
        answer = [number for number in ids if number > since and visible[number] <= poll]
        late = overlap.late([entry(number) for number in answer if number <= high], since, now) if since < high else []
        new = [entry(number) for number in answer if number > high]
        overlap.saw(late, now)
        overlap.saw(new, now)
        got += [row.id for row in (*late, *new)]
        high = max([high, *[row.id for row in new]])
    assert sorted(got) == ids
