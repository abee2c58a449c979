"""The position of several environments as text: what it says comes back, and nothing else is taken for one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poslogs.streaming.positions import number_of, parsed, spelt
from poslogs.streaming.stream import Start
from poslogs.tools.schema import LAST_ID

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
STARTS = st.one_of(
    st.integers(0, 2**63 - 1).map(lambda number: Start(position=number)),
    st.integers(0, 10_000).map(lambda number: Start(tail=number)),
    st.datetimes().map(lambda moment: Start(since=f"{moment.isoformat(timespec='milliseconds')}Z")),
)


@given(st.dictionaries(NAMES, STARTS, min_size=1, max_size=20))
def test_a_position_comes_back_as_it_was_spelt(starts: dict[str, Start]) -> None:
    """Any names, whatever signs they hold, in one header's line of visible ASCII."""
    text = spelt({name: number_of(start) for name, start in starts.items()})
    assert text.isascii()
    assert text.isprintable()
    assert parsed(text) == starts


@pytest.mark.parametrize(
    "text",
    ["", "5", "staging", "staging:", ":5", "staging:5,", ",staging:5", "staging:x", "staging:+5", "staging: 5",
     "a:5;b:6", "staging:99999999999999999999", "staging:9999999999999999999", "a:1,b", "staging:5\n",
     "a" * 8000 + ":1", "staging:@", "staging:@x", "staging:-@5", "staging:@@5", "staging:@1795860000000.5",
     "staging:@2026-11-28", "staging:@999999999999999999", "staging:@-99999999999999"],
)  # fmt: skip
def test_nothing_else_is_one(text: str) -> None:
    """An id alone, half of one, a number that is no id, a time that is none, more than a header holds."""
    with pytest.raises(ValueError, match="not "):
        parsed(text)


def test_a_time_that_is_not_found_yet_stands_in_it_in_milliseconds() -> None:
    """Before 1970 too; an input that names a time takes any that a calendar has."""
    assert number_of(Start(since="2026-11-28T10:00:00.250Z")) == "@1795860000250"
    assert number_of(Start(since="0001-01-01T00:00:00.000Z")) == "@-62135596800000"


@given(STARTS)
def test_the_published_pattern_takes_every_position(start: Start) -> None:
    """As JSON Schema reads it: `lastId` is refused by it before anything else is looked at."""
    assert re.search(str(LAST_ID["pattern"]), spelt({"staging": "1", "production": number_of(start)}))


def test_where_nothing_was_asked_for_it_begins_at_the_beginning() -> None:
    """As `pos-cli logs` does."""
    assert number_of(Start()) == "0"
