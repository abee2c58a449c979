"""What a budget promises a model: entries that fit, whole strings, no control characters."""

from __future__ import annotations

import json
import re

import orjson
from hypothesis import given
from hypothesis import strategies as st

from poslogs.agents.entry_budget import MAX_CHARS, MAX_MESSAGE_CHARS, EntryBudget
from poslogs.agents.events import Outcome
from poslogs.doors.mcp.envelope import Call
from poslogs.doors.mcp.methods import answer_of
from poslogs.platformos import entries
from poslogs.streaming.found import Found
from tests.support.tries import tries

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def found(*messages: str, last: int | None = None, truncated: bool = False, **fields: object) -> Found:
    rows = [{"id": number, "message": message, **fields} for number, message in enumerate(messages, 1)]
    return Found(iter([entries.read(rows, "staging").entries]), last or len(rows), truncated=truncated)


def turned(found: Found) -> Found:
    return Found(iter([list(found.entries)[::-1]]), found.last, truncated=found.truncated)


def ids(answer: dict[str, object]) -> list[str]:
    return [entry["id"] for entry in answer["entries"]]  # type: ignore[attr-defined]


def test_what_does_not_fit_is_left_for_the_position() -> None:
    """Of forty long messages the first fit, with the position after them, or the newest, with the last position."""
    first = EntryBudget(200, full=False).fill("staging", found(*["x" * 1000] * 60, last=77), newest=False)
    newest = EntryBudget(200, full=False).fill("staging", turned(found(*["x" * 1000] * 60, last=77)), newest=True)
    count = len(ids(first))
    assert 30 < count < 60
    assert ids(first) == [str(number) for number in range(1, count + 1)]
    assert (first["lastId"], first["truncated"], first["count"]) == (str(count), True, count)
    assert ids(newest) == [str(number) for number in range(61 - count, 61)]
    assert (newest["lastId"], newest["truncated"]) == ("77", True)


def test_what_fits_is_told_as_it_was_found() -> None:
    """The answer says the position, and whether more exists."""
    for truncated in (True, False):
        for newest in (True, False):
            given = found("a", "b", last=9, truncated=truncated)
            answer = EntryBudget(2, full=True).fill("staging", turned(given) if newest else given, newest=newest)
            assert (ids(answer), answer["lastId"], answer["truncated"]) == (["1", "2"], "9", truncated)


def test_late_entries_stand_beyond_the_limit_and_are_cut_where_there_is_no_room() -> None:
    """They are whole while there is room, then cut to their first words. The answer stays below its size."""
    many = [json.loads(entry.json) for entry in found(*[f"{number:03} " + "x" * 900 for number in range(60)]).entries]
    budget = EntryBudget(1, full=True)
    assert budget.add(many[0]) is not None
    assert budget.add(many[1]) is None
    late = [budget.add(entry, late=True) for entry in many[1:50]]
    whole = [entry for entry in late if entry is not None and entry["message"].endswith("x" * 900)]
    cut = [entry for entry in late if entry is not None and entry not in whole]
    assert len(whole) + len(cut) == 49
    assert len(whole) > 30
    assert all(entry["cut"] and entry["message"].startswith(f"{int(entry['id']) - 1:03} x") for entry in cut)
    assert len(json.dumps(budget.answer("staging", 60, truncated=False), separators=(",", ":"))) < MAX_CHARS


def test_a_message_is_cut_after_its_controls_are_shown() -> None:
    """It keeps a thousand characters as a model sees them."""
    budget = EntryBudget(9, full=False)
    for message, cut in (("x" * MAX_MESSAGE_CHARS, False), ("x" * (MAX_MESSAGE_CHARS + 1), True), ("\x1b" * 300, True)):
        shown = budget.add(json.loads(next(found(message).entries).json))
        assert shown is not None
        assert shown.get("cut", False) is cut
        assert len(shown["message"]) == MAX_MESSAGE_CHARS


def test_data_that_is_nested_too_deeply_for_an_answer_is_left_out() -> None:
    """Otherwise no answer that holds it could be written, and an agent would never get past it."""
    for depth in (5, *range(235, 254)):
        value: object = "x"
        for _ in range(depth):
            value = [value]
        page = list(found("a", data={"deep": value}).entries)
        answer = EntryBudget(9, full=True).fill("staging", Found(iter([page]), 1), newest=False)
        orjson.dumps(answer_of(Call(1, "tools/call", {}, {}, modern=True), Outcome(answer)))
        assert len(ids(answer)) == len(page)
        assert depth > 5 or "cut" not in answer["entries"][0]  # type: ignore[index]


TEXT = st.text(
    st.characters(blacklist_categories=["Cs"]) | st.sampled_from('\x00\x1b\r\n\t\x7f\x85"\\\u2028'), max_size=40
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@tries(200)
@given(
    st.lists(
        st.tuples(TEXT, TEXT, st.dictionaries(TEXT, VALUES, max_size=3), st.sampled_from([1, 1, 1, 200, 2000])),
        max_size=30,
    ),
    st.integers(1, 30),
    st.booleans(),
    st.booleans(),
)
def test_any_entries_become_an_answer_that_fits(
    rows: list[tuple[str, str, dict[str, object], int]], limit: int, full: bool, newest: bool
) -> None:
    """It stays below its size, has at least one entry if there is one, oldest first, and only line feed and tab."""
    given = [
        {"id": number, "message": message * times, "error_type": kind, "data": {**data, "more": message * times}}
        for number, (message, kind, data, times) in enumerate(rows, 1)
    ]
    page = entries.read(given, "staging")
    ordered = page.entries[::-1] if newest else page.entries
    found_ = Found(iter([ordered]), page.last)
    answer = EntryBudget(limit, full=full).fill("staging", found_, newest=newest)
    written = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    assert len(written) < MAX_CHARS
    assert bool(answer["entries"]) is bool(page.entries)
    assert ids(answer) == sorted(ids(answer), key=int)
    assert len(ids(answer)) <= limit

    def strings(value: object) -> None:
        if isinstance(value, str):
            assert not CONTROL.search(value), value
        elif isinstance(value, dict):
            strings(list(value))
            strings(list(value.values()))
        elif isinstance(value, list):
            for inner in value:
                strings(inner)

    strings(answer)
    if not newest and answer["truncated"] is False:
        assert len(ids(answer)) == len(page.entries)
