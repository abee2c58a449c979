"""What is remembered of a live reader's last entries."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from poslogs.streaming.overlap import MAX_ROWS
from poslogs.streaming.recent import Recent


def test_what_a_reader_was_given_is_known() -> None:
    """And what lies before its beginning counts as had, though it was never given."""
    recent = Recent(10)
    recent.add([11, 13])
    recent.add([12])
    assert [recent.given(id_) for id_ in (9, 10, 11, 12, 13, 14)] == [False, False, True, True, True, False]
    assert [recent.had(id_) for id_ in (9, 10, 11, 12, 13, 14)] == [True, True, True, True, True, False]


def test_batches_without_entries_are_not_remembered() -> None:
    """A stream of nothing but rows that are none, for a day."""
    recent = Recent(10)
    for _ in range(1000):
        recent.add([])
    assert len(recent._runs) == 0


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sets(st.integers(1, 5000), max_size=60).map(sorted), max_size=30))
def test_the_last_rows_are_known_and_memory_is_bounded(runs: list[list[int]]) -> None:
    """Whatever the runs: the last MAX_ROWS ids are known, all earlier ones count as had, and little is held."""
    recent = Recent(0)
    for run in runs:
        recent.add(run)
    ids = [id_ for run in runs for id_ in run]
    assert all(recent.given(id_) for id_ in ids[-MAX_ROWS:])
    assert all(recent.had(id_) for id_ in ids)
    assert recent._count < MAX_ROWS + 60
    assert recent.floor <= max(ids, default=0)
