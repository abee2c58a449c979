"""What a cursor promises: each entry that its reader wants once, from batches and from its own answers."""

from __future__ import annotations

from poslogs.streaming.batch import Batch
from poslogs.streaming.cursor import Cursor
from poslogs.streaming.frames import Chunk
from tests.unit.doubles import LIVE, PLAIN, entry, ids_of


def ids(chunk: Chunk | None) -> list[int]:
    return ids_of(chunk.plain) if chunk else []


def batch(number: int, low: int, *ids: int, late: bool = False) -> Batch:
    return Batch(number, low, low if late else ids[-1], [entry(id_) for id_ in ids], late)


def test_late_rows_are_for_a_reader_that_wants_them_and_had_not_had_them() -> None:
    """Rows 10 and 20 come, then 15 late, twice."""
    plain, live = Cursor(0, PLAIN), Cursor(0, LIVE)
    first, late = batch(1, 0, 10, 20), batch(2, 20, 15, late=True)
    for cursor in (plain, live):
        assert ids(cursor.share(first)) == [10, 20]
        cursor.passed(first)
    assert plain.share(late) is None
    assert ids(live.share(late)) == [15]
    live.passed(late)
    assert live.share(late) is None
    assert (plain.position, live.position) == (20, 20)


def test_a_batch_that_the_position_lies_in_gives_its_rest() -> None:
    """The position is 15 in a batch from 10 to 20."""
    for selection in (PLAIN, LIVE):
        assert ids(Cursor(15, selection).rest_of(batch(1, 5, 10, 15, 20))) == [20]


def test_what_came_by_an_answer_of_its_own_does_not_come_again() -> None:
    """It asked from further back than its position, as a live reader does that was left behind."""
    cursor = Cursor(10, LIVE)
    assert len(cursor.frames([entry(11), entry(12)])) == 2
    cursor.position = 12
    assert len(cursor.frames([entry(11), entry(12), entry(13)])) == 1


def test_after_a_restart_what_was_had_counts_no_more() -> None:
    """Ids were reset to 5, so 7 is new, though it had a row of that id."""
    cursor = Cursor(0, LIVE)
    cursor.passed(batch(1, 0, 5, 7, 9))
    cursor.restart(5)
    assert cursor.position == 5
    assert len(cursor.frames([entry(7)])) == 1


def test_a_late_row_that_came_by_an_answer_of_its_own_does_not_come_again_after_a_thousand_others() -> None:
    """The feed looks back as far as its last look reached, which amid a backlog is further than usual."""
    cursor = Cursor(100, LIVE)
    cursor.frames([entry(101), entry(102), entry(103)])
    for first in range(104, 1104, 100):
        following = batch(first, first - 1, *range(first, first + 100))
        following.settled = 50
        cursor.passed(following)
    assert cursor.share(batch(9, 1103, 102, late=True)) is None
