"""What is remembered of a live reader's last entries."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from poslogs.streaming.lookback import MAX_ROWS
from poslogs.streaming.seen_ids import SeenIds


def test_what_a_reader_was_given_is_known() -> None:
    """What lies before its beginning counts as had too, though it was never given."""
    seen = SeenIds(10)
    seen.add([11, 13])
    seen.add([12])
    assert [seen.given(id_) for id_ in (9, 10, 11, 12, 13, 14)] == [False, False, True, True, True, False]
    assert [seen.had(id_) for id_ in (9, 10, 11, 12, 13, 14)] == [True, True, True, True, True, False]


def test_batches_without_entries_are_not_remembered() -> None:
    """For a day a stream gets nothing but rows that are not entries."""
    seen = SeenIds(10)
    for _ in range(1000):
        seen.add([])
    assert len(seen._runs) == 0


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sets(st.integers(1, 5000), max_size=60).map(sorted), max_size=30))
def test_the_last_rows_are_known_and_memory_is_bounded(runs: list[list[int]]) -> None:
    """For any runs the last MAX_ROWS ids are known, all earlier ones count as had, and little is held."""
    seen = SeenIds(0)
    for run in runs:
        seen.add(run)
    ids = [id_ for run in runs for id_ in run]
    assert all(seen.given(id_) for id_ in ids[-MAX_ROWS:])
    assert all(seen.had(id_) for id_ in ids)
    assert seen._count < MAX_ROWS + 60
    assert seen.floor <= max(ids, default=0)
