"""What a cut promises: the rows with the lowest ids, so that asking after the last of them brings all the others."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poslogs.platformos import answers, cut, entries
from poslogs.platformos.answers import Rows
from tests.support.tries import tries


def body(ids: list[object]) -> bytes:
    """An answer with such ids, too large to be parsed as one."""
    return orjson.dumps({"logs": [{"id": number} for number in ids], "more": "x" * answers.WHOLE_BYTES})


def taken(ids: list[object], after: int, most: int) -> tuple[list[int], bool]:
    """The ids of the entries of an answer, and whether there are more."""
    rows = answers.rows(body(ids), after, most)
    assert isinstance(rows, Rows)
    page = entries.read(rows, "staging")
    assert page.entries == entries.read(rows, "staging").entries  # as often as one likes
    return [entry.id for entry in page.entries], rows.more


def test_as_many_rows_as_may_be_come_whole() -> None:
    """No row is left for another question."""
    assert taken([3, 1, 2], 0, 3) == ([1, 2, 3], False)


def test_of_more_rows_those_with_the_lowest_ids_come() -> None:
    """They may be in any order; only ids past the one that was asked after count."""
    assert taken([1, 2, 3, 4, 5], 0, 2)[0][:2] == [1, 2]
    assert taken([9, 8, 7, 6, 5, 4, 3, 2, 1], 4, 2) == ([5, 6], True)


@tries(50)
@given(st.lists(st.integers(1, 5000), min_size=1, max_size=60, unique=True), st.integers(3, 9))
def test_asking_on_brings_every_row(ids: list[int], most: int) -> None:
    """Each comes once, in order, from an environment that always answers with everything."""
    found: list[int] = []
    while True:
        some, more = taken(list(ids), found[-1] if found else 0, most)
        found += [number for number in some if not found or number > found[-1]]
        if not more:
            break
    assert found == sorted(ids)


def test_long_rows_are_cut_by_their_bytes_and_one_always_comes() -> None:
    """Of three rows of seven megabytes an answer has two."""
    rows = [{"id": number, "data": {"a": "x" * 7_000_000}} for number in (1, 2, 3)]
    found = answers.rows(orjson.dumps({"logs": rows}))
    assert isinstance(found, Rows)
    assert [entry.id for entry in entries.read(found, "staging").entries] == [1, 2]
    assert found.more


def test_rows_without_an_id_keep_no_other_row_away() -> None:
    """Thousands of them come before the only entry. They are counted."""
    rows = answers.rows(b'{"logs":[' + b"1," * 5000 + b'{"id":3}]}', 0, 1000)
    page = entries.read(rows, "staging")
    assert (page.last, len(page.refused) + page.more_refused) == (3, 5000)


@pytest.mark.parametrize(("row", "weight"), [(b"abc", 3), (b"a\x01", 7), (b"\x7f\x00", 12)])
def test_a_control_character_weighs_what_its_escape_does(row: bytes, weight: int) -> None:
    """That is six bytes."""
    assert cut.weight(row) == weight
