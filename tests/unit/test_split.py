"""What splitting an answer promises: each value's own text, whatever it holds, and a bound on the work."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poslogs.platformos import split
from poslogs.platformos.work import CUT_OFF, NOT_JSON, TOO_MUCH, NotALog, Work
from tests.support.tries import tries

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab"\\[]{},: \x7f', max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('a"\\[]{}', max_size=3), inner, max_size=4),
    max_leaves=40,
)


def texts(body: bytes) -> list[bytes]:
    """The elements of the `logs` of an answer."""
    start = split.member(body, b'"logs"', Work())
    assert start is not None
    return [body[begin:end] for begin, end in split.elements(body, start, Work())]


@tries(100)
@given(st.lists(JSON, max_size=6), st.dictionaries(st.sampled_from("abc"), JSON), st.sampled_from([None, 1]))
def test_each_element_is_its_own_text(rows: list[object], others: dict[str, object], indent: int | None) -> None:
    """Quotes, escapes and brackets in texts and names do no harm, nor does what is around the list."""
    body = json.dumps({**others, "logs": rows, "z": others}, indent=indent).encode()
    assert [json.loads(text) for text in texts(body)] == rows


@pytest.mark.parametrize("text", [b'"' + b'\\"' * 2000 + b'"', b'"' + b"\\\\" * 2000 + b'"', b"[" * 999 + b"]" * 999])
def test_a_value_of_very_many_escapes_or_brackets_ends_where_it_ends(text: bytes) -> None:
    """The value has more of them than one match passes."""
    assert texts(b'{"logs":[1,' + text + b',{"a":' + text + b"}]}") == [b"1", text, b'{"a":' + text + b"}"]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b'{"logs":[{"id":1},{"id"', CUT_OFF),
        (b'{"logs":[{"id":1}', CUT_OFF),
        (b'{"logs":["a', CUT_OFF),
        (b'{"logs":["a\\', CUT_OFF),
        (b'{"logs":[1,]}', NOT_JSON),
        (b'{"logs":[1 2]}', NOT_JSON),
        (b'{"logs":[{"id":1} x]}', NOT_JSON),
        (b'{"logs":[1}}', NOT_JSON),
        (b'{"logs":[1]} x', NOT_JSON),
        (b'{"a" 1,"logs":[]}', NOT_JSON),
        (b"[]", "JSON that is not an object"),
        (b"<p>", "HTML"),
        (b'{"logs":[' + b"[1," * 2_100_000, TOO_MUCH),
        (b"{" + b'"a":1,' * 10_000 + b'"logs":[]}', TOO_MUCH),
    ],
    ids=range(14),
)
def test_what_is_no_answer_is_named(body: bytes, word: str) -> None:
    """It is cut off, not JSON, or beyond the work that is done for one answer."""
    with pytest.raises(NotALog, match=f"^{word}$"):
        texts(body)


@tries(100)
@given(JSON, st.integers(0, 30))
def test_the_values_of_a_row_are_counted_without_its_texts(value: object, most: int) -> None:
    """Commas and brackets in texts do not count."""

    def count(value: object) -> int:
        inside = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
        return 0 if inside is None else max(1, len(inside)) + sum(map(count, inside))

    assert split.exceeds(json.dumps(value).encode(), most, Work()) is (count(value) > most)
