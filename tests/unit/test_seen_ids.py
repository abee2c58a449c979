"""What is remembered of a live reader's last entries."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from poslogs.streaming.seen_ids import MAX_IDS, SeenIds
from tests.support.tries import tries


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


RUNS = st.lists(st.tuples(st.sets(st.integers(1, 5000), max_size=60).map(sorted), st.integers(0, 5000)), max_size=30)


@tries(200)
@given(RUNS)
def test_all_that_may_still_come_late_is_known_and_what_is_settled_is_not_held(
    runs: list[tuple[list[int], int]],
) -> None:
    """Of any runs the ids past the settled position are known, and all ids count as had."""
    seen = SeenIds(0)
    settled = 0
    for run, more in runs:
        settled = max(settled, more)
        seen.add(run, settled)
    ids = [id_ for run, _ in runs for id_ in run]
    assert all(seen.given(id_) for id_ in ids if id_ > settled)
    assert all(seen.had(id_) for id_ in ids)
    assert seen.floor <= max(ids, default=0)
    seen.add([], 5000)
    assert seen._count == 0


def test_memory_is_bounded_where_nothing_settles() -> None:
    """A feed that looks back over a long backlog may find late rows as far back as MAX_IDS."""
    seen = SeenIds(0)
    for first in range(1, 3 * MAX_IDS, 100):
        seen.add(range(first, first + 100))
    assert MAX_IDS <= seen._count < MAX_IDS + 100
    assert seen.had(1)
