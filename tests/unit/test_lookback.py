"""What the lookback promises: late rows are found once, and it remembers little."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from poslogs.streaming.answer_size import AnswerSize
from poslogs.streaming.lookback import MAX_ROWS, MAX_UNLOOKED, Lookback
from tests.support.tries import tries
from tests.unit.doubles import entry


def test_rows_are_read_again_until_a_look_after_the_time_has_found_them() -> None:
    """A row seen at 100 s, with a lookback of 30 s, is read until a look after 130 s, however late that is."""
    lookback = Lookback(30.0, 0)
    lookback.saw([entry(10), entry(20)], 100.0, looked=True)
    assert lookback.start() == 0
    lookback.looked(130.0)
    assert lookback.start() == 0
    lookback.looked(500.0)
    assert lookback.start() == 20


def test_a_row_between_known_ones_is_late_and_late_once() -> None:
    """After 10 and 20, row 15 is new at the first look, and known at the second."""
    lookback = Lookback(30.0, 0)
    lookback.saw([entry(10), entry(20)], 100.0, looked=True)
    answer = [entry(10), entry(15), entry(20)]
    assert lookback.late(answer) == [entry(15)]
    lookback.saw([entry(15)], 103.0, looked=True)
    assert all(row.id in lookback.known for row in answer)
    assert lookback.late(answer) == []


def test_a_feed_that_begins_amid_the_log_learns_what_is_there_at_its_first_look() -> None:
    """It looks back some rows. What is there then is known, and what comes between later is late."""
    lookback = Lookback(30.0, 500)
    since = lookback.start()
    assert 500 - MAX_ROWS <= since < 500
    assert lookback.late([]) == []  # an answer of which something is missing
    assert lookback.late([entry(480)]) == []
    assert lookback.late([entry(500)]) == []
    lookback.looked(100.0)
    lookback.saw([entry(501)], 100.0, looked=True)
    assert lookback.start() == since
    assert lookback.late([entry(480), entry(490), entry(500), entry(501)]) == [entry(490)]


def test_what_is_past_the_beginning_is_late_at_the_first_look_already() -> None:
    """It began at 500 and had 501 and 503, so 502 came after that. Nothing shows when 490 came."""
    lookback = Lookback(30.0, 500)
    lookback.saw([entry(501), entry(503)], 100.0, looked=True)
    assert lookback.late([entry(490), entry(500), entry(502)]) == [entry(502)]


def test_what_became_visible_late_while_nobody_wanted_it_is_not_delivered_afterwards() -> None:
    """After rows 10 and 20 it rests. Then a first look finds 15, and a second one 17."""
    lookback = Lookback(30.0, 0)
    lookback.saw([entry(10), entry(20)], 100.0, looked=True)
    lookback.rest(101.0, 20)
    assert lookback.late([entry(15)]) == []
    lookback.looked(104.0)
    assert lookback.late([entry(15), entry(17)]) == [entry(17)]


def test_one_poll_reads_a_bounded_number_of_rows_again() -> None:
    """Of a thousand young rows the newest MAX_ROWS are read again."""
    lookback = Lookback(30.0, 0)
    lookback.saw([entry(number) for number in range(1, 1001)], 100.0, looked=True)
    assert lookback.start() == 1000 - MAX_ROWS
    for number in range(1001, 1501):
        lookback.saw([entry(number)], 101.0, looked=True)
    assert lookback.start() == 1500 - MAX_ROWS


def test_an_answer_that_was_cut_short_makes_it_read_less() -> None:
    """After answers of ten rows did not reach the cursor five are read again, until longer answers come."""
    lookback = Lookback(30.0, 0)
    lookback.saw([entry(number) for number in range(1, 21)], 100.0, looked=True)
    size = AnswerSize()
    size.may_be_full(10)
    size.cut_short(10)
    assert lookback.start(size.cap) == 15
    lookback.saw([entry(number) for number in range(21, 41)], 101.0, looked=True)
    assert lookback.start(size.cap) == 35
    assert size.may_be_full(10)
    assert size.may_be_full(16)
    lookback.saw([entry(number) for number in range(41, 61)], 102.0, looked=True)
    assert lookback.start(size.cap) == 52


def test_no_overlap_reads_nothing_again() -> None:
    """With 0 seconds it reads from the cursor itself, after one look."""
    lookback = Lookback(0.0, 0)
    lookback.saw([entry(1), entry(2)], 100.0, looked=True)
    lookback.looked(100.1)
    assert lookback.start() == 2


def test_polls_at_the_cursor_push_nothing_out_before_the_next_look() -> None:
    """A look has seen 1 to 100, and a poll at the cursor brings 1,000 rows. The next look reads all 1,100 again."""
    lookback = Lookback(30.0, 0)
    lookback.looked(100.0)
    lookback.saw([entry(number) for number in range(1, 101)], 100.0, looked=True)
    lookback.saw([entry(number) for number in range(101, 1101)], 100.1, looked=False)
    assert lookback.start() == 0
    lookback.looked(100.2)
    assert lookback.start() == 1100 - MAX_ROWS


def test_it_remembers_no_more_than_it_may_need_whether_it_is_read_or_not() -> None:
    """A feed of plain streams never reads the lookback, yet adds every row to it for days."""
    lookback = Lookback(30.0, 0)
    for number in range(1, 10_001):
        lookback.rest(float(number), number)
        lookback.saw([entry(number)], float(number), looked=False)
    assert len(lookback._recent) <= MAX_ROWS
    assert len(lookback._ids) <= MAX_ROWS


def test_what_it_keeps_for_the_next_look_is_bounded() -> None:
    """If no look comes it keeps at most MAX_UNLOOKED rows more."""
    lookback = Lookback(30.0, 0)
    for number in range(1, 2 * MAX_UNLOOKED, 100):
        lookback.saw([entry(number + each) for each in range(100)], float(number), looked=False)
    assert len(lookback._recent) == MAX_ROWS + MAX_UNLOOKED
    assert len(lookback._ids) == MAX_ROWS + MAX_UNLOOKED


@tries(200)
@given(st.data())
def test_a_random_log_is_delivered_once_in_whatever_order_it_becomes_visible(data: st.DataObject) -> None:
    """Of the rows of a minute, some hidden for a while, a poller with the lookback gets each exactly once."""
    ids = sorted(data.draw(st.sets(st.integers(1, 200), min_size=1, max_size=40)))
    visible = {number: data.draw(st.integers(0, 12)) for number in ids}  # the poll from which on it is listed
    lookback, high, got = Lookback(60.0, 0), 0, []
    for poll in range(16):
        now = 3.0 * poll
        since = lookback.start()
        assert since <= high
        answer = [number for number in ids if number > since and visible[number] <= poll]
        behind = [entry(number) for number in answer if number <= high and number not in lookback.known]
        late = lookback.late(behind) if answer else []
        lookback.looked(now)
        new = [entry(number) for number in answer if number > high]
        lookback.saw(late, now, looked=True)
        lookback.saw(new, now, looked=True)
        got += [row.id for row in (*late, *new)]
        high = max([high, *[row.id for row in new]])
    assert sorted(got) == ids
