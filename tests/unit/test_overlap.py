"""What the overlap promises: late rows are found once, and it remembers little."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from poslogs.streaming.overlap import MAX_ROWS, MAX_UNLOOKED, Overlap
from tests.unit.doubles import entry


def test_rows_are_read_again_until_a_look_after_the_time_has_found_them() -> None:
    """Seen at 100 s with an overlap of 30 s: until a look that came after 130 s, however long that takes."""
    overlap = Overlap(30.0, 0)
    overlap.saw([entry(10), entry(20)], 100.0, looked=True)
    assert overlap.start() == 0
    overlap.looked(130.0)
    assert overlap.start() == 0
    overlap.looked(500.0)
    assert overlap.start() == 20


def test_a_row_between_known_ones_is_late_and_late_once() -> None:
    """10, 20, then 15: new to us at the first look, known at the second."""
    overlap = Overlap(30.0, 0)
    overlap.saw([entry(10), entry(20)], 100.0, looked=True)
    answer = [entry(10), entry(15), entry(20)]
    assert overlap.late(answer) == [entry(15)]
    overlap.saw([entry(15)], 103.0, looked=True)
    assert all(row.id in overlap.known for row in answer)
    assert overlap.late(answer) == []


def test_a_feed_that_begins_amid_the_log_learns_what_is_there_at_its_first_look() -> None:
    """It looks back some rows: what is there then is known, and what comes between them later is late."""
    overlap = Overlap(30.0, 500)
    since = overlap.start()
    assert 500 - MAX_ROWS <= since < 500
    assert overlap.late([]) == []  # an answer of which something is missing
    assert overlap.late([entry(480)]) == []
    assert overlap.late([entry(500)]) == []
    overlap.looked(100.0)
    overlap.saw([entry(501)], 100.0, looked=True)
    assert overlap.start() == since
    assert overlap.late([entry(480), entry(490), entry(500), entry(501)]) == [entry(490)]


def test_what_is_past_the_beginning_is_late_at_the_first_look_already() -> None:
    """It began at 500 and had 501 and 503: 502 came after that; 490 nobody can tell."""
    overlap = Overlap(30.0, 500)
    overlap.saw([entry(501), entry(503)], 100.0, looked=True)
    assert overlap.late([entry(490), entry(500), entry(502)]) == [entry(502)]


def test_what_it_was_told_of_is_not_late() -> None:
    """It began at 500, and readers have 501 and 502: 503 alone is late."""
    overlap = Overlap(30.0, 500)
    overlap.learn([501, 502])
    overlap.looked(100.0)
    assert overlap.late([entry(501), entry(502), entry(503)]) == [entry(503)]


def test_what_became_visible_late_while_nobody_wanted_it_is_not_delivered_afterwards() -> None:
    """Rows 10 and 20; a rest; then 15 is found by a first look, and 17 by a second one."""
    overlap = Overlap(30.0, 0)
    overlap.saw([entry(10), entry(20)], 100.0, looked=True)
    overlap.rest(101.0, 20)
    assert overlap.late([entry(15)]) == []
    overlap.looked(104.0)
    assert overlap.late([entry(15), entry(17)]) == [entry(17)]


def test_one_poll_reads_a_bounded_number_of_rows_again() -> None:
    """A thousand young rows: the newest MAX_ROWS are read again."""
    overlap = Overlap(30.0, 0)
    overlap.saw([entry(number) for number in range(1, 1001)], 100.0, looked=True)
    assert overlap.start() == 1000 - MAX_ROWS
    for number in range(1001, 1501):
        overlap.saw([entry(number)], 101.0, looked=True)
    assert overlap.start() == 1500 - MAX_ROWS


def test_an_answer_that_was_cut_short_makes_it_read_less() -> None:
    """Answers of ten rows did not reach the cursor: from now on five are read again; longer ones show otherwise."""
    overlap = Overlap(30.0, 0)
    overlap.saw([entry(number) for number in range(1, 21)], 100.0, looked=True)
    overlap.answered(10)
    overlap.cut_short(10)
    assert overlap.start() == 15
    overlap.saw([entry(number) for number in range(21, 41)], 101.0, looked=True)
    assert overlap.start() == 35
    assert overlap.answered(10)
    assert overlap.answered(16)
    overlap.saw([entry(number) for number in range(41, 61)], 102.0, looked=True)
    assert overlap.start() == 52


def test_an_answer_as_long_as_the_longest_may_have_been_full() -> None:
    """None that is short, though, as long as no answer was cut short."""
    overlap = Overlap(30.0, 0)
    assert not overlap.answered(5)
    assert not overlap.answered(5)
    assert overlap.answered(100)
    assert not overlap.answered(99)
    assert overlap.answered(100)


def test_no_overlap_reads_nothing_again() -> None:
    """0 seconds: the cursor itself, after one look."""
    overlap = Overlap(0.0, 0)
    overlap.saw([entry(1), entry(2)], 100.0, looked=True)
    overlap.looked(100.1)
    assert overlap.start() == 2


def test_polls_at_the_cursor_push_nothing_out_before_the_next_look() -> None:
    """A look has seen 1 to 100; a poll at the cursor brings 1,000 rows: the next look reads all 1,100 again."""
    overlap = Overlap(30.0, 0)
    overlap.looked(100.0)
    overlap.saw([entry(number) for number in range(1, 101)], 100.0, looked=True)
    overlap.saw([entry(number) for number in range(101, 1101)], 100.1, looked=False)
    assert overlap.start() == 0
    overlap.looked(100.2)
    assert overlap.start() == 1100 - MAX_ROWS


def test_it_remembers_no_more_than_it_may_need_whether_it_is_read_or_not() -> None:
    """A feed of plain streams never reads the overlap, yet tells it of every row for days."""
    overlap = Overlap(30.0, 0)
    for number in range(1, 10_001):
        overlap.rest(float(number), number)
        overlap.saw([entry(number)], float(number), looked=False)
    assert len(overlap._recent) <= MAX_ROWS
    assert len(overlap._ids) <= MAX_ROWS


def test_what_it_keeps_for_the_next_look_is_bounded() -> None:
    """A look that never comes: MAX_UNLOOKED rows more."""
    overlap = Overlap(30.0, 0)
    for number in range(1, 2 * MAX_UNLOOKED, 100):
        overlap.saw([entry(number + each) for each in range(100)], float(number), looked=False)
    assert len(overlap._recent) == MAX_ROWS + MAX_UNLOOKED
    assert len(overlap._ids) == MAX_ROWS + MAX_UNLOOKED


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_random_log_is_delivered_once_in_whatever_order_it_becomes_visible(data: st.DataObject) -> None:
    """Rows of a minute, some hidden for a while: with the overlap a poller has each row once, none twice."""
    ids = sorted(data.draw(st.sets(st.integers(1, 200), min_size=1, max_size=40)))
    visible = {number: data.draw(st.integers(0, 12)) for number in ids}  # the poll from which on it is listed
    overlap, high, got = Overlap(60.0, 0), 0, []
    for poll in range(16):
        now = 3.0 * poll
        since = overlap.start()
        assert since <= high
        answer = [number for number in ids if number > since and visible[number] <= poll]
        behind = [entry(number) for number in answer if number <= high and number not in overlap.known]
        late = overlap.late(behind) if answer else []
        overlap.looked(now)
        new = [entry(number) for number in answer if number > high]
        overlap.saw(late, now, looked=True)
        overlap.saw(new, now, looked=True)
        got += [row.id for row in (*late, *new)]
        high = max([high, *[row.id for row in new]])
    assert sorted(got) == ids
