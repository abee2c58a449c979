"""What an intake promises: each entry of a page once, in batches that a window can take, whatever the page holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from poslogs.platformos.entries import Page
from poslogs.streaming.intake import Intake
from poslogs.streaming.lookback import Lookback
from poslogs.streaming.upstream import Upstream
from poslogs.streaming.window import Window
from tests.support.tries import tries
from tests.unit.doubles import STAGING, Log, entry


def upstream() -> Upstream:
    return Upstream(STAGING, Log().open_gateway)


def ids(window: Window) -> list[tuple[int, ...]]:
    return [tuple(batch.ids) for batch in window._batches]


@tries(100)
@given(st.lists(st.sets(st.integers(1, 60)), max_size=12), st.booleans())
def test_every_entry_comes_once_by_polls_that_look_back(answers: list[set[int]], late: bool) -> None:
    """Pages have ids below and above the cursor. A plain poll gives what is new, a look also what is late."""
    window, lookback, got = Window(1 << 20, 0, 0), Lookback(1e9, 0), list[int]()
    way = upstream()
    for answer in answers:
        page = Page([entry(number) for number in sorted(answer)], [], max(answer, default=0), whole=True)
        found = Intake.of(page, window.high, lookback if late else None, 1.0, way)
        before = window.high
        made = list(found.batches(window, 0))
        assert [batch.number for batch in made] == list(range(window.number + 1, window.number + 1 + len(made)))
        window.admit(made)
        for seen in (found.late, found.new):
            lookback.saw(seen, 1.0, looked=late)
        got += [each.id for each in (*found.late, *found.new)]
        assert window.high == max(before, page.last)
    assert len(got) == len(set(got))
    if late:
        assert set(got) == set().union(*answers)


def test_rows_that_are_not_entries_move_the_window_and_are_reported() -> None:
    """A page of bad rows makes a batch without entries, so that readers pass them too."""
    window = Window(1 << 20, 5, 0)
    page = Page([], ["a row that is not an object|aa"], 9, whole=True)
    (batch,) = Intake.of(page, window.high, None, 1.0, upstream()).batches(window, 0)
    assert (list(batch.ids), batch.low, batch.high) == ([], 5, 9)
    assert batch.notice is not None
    assert b"1 row was left out" in batch.notice.plain
    window.admit([batch])
    assert list(Intake.of(Page([], [], 9, whole=True), window.high, None, 1.0, upstream()).batches(window, 0)) == []
