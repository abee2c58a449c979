"""What reading an answer promises: rows or a plain word, whatever bytes came."""

from __future__ import annotations

import json
import time
from collections.abc import Collection

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poslogs.platformos import answers
from poslogs.platformos.answers import NotALog, Unreadable
from poslogs.platformos.entries import read
from tests.support.tries import tries


def deep(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b'{"logs":[{"id":1},{"id":"2"}]}', [{"id": 1}, {"id": "2"}]),
        (b'{"logs":[]}', []),
        (b"{}", []),
        (b'{"logs":null}', []),
        (b'{"other":[1]}', []),
        (b"", []),
        (b" \r\n\t ", []),
        (b' {"logs" : [ 1 , "x" , null ] } \n', [1, "x", None]),
    ],
)
def test_an_answer_is_its_rows(body: bytes, rows: list[object]) -> None:
    """Rows of any kind come in their order; an empty body and a missing `logs` bring none."""
    assert list(answers.rows(body)) == rows


@pytest.mark.parametrize(
    ("body", "whole"),
    [
        (b'{"logs":[]}', True),
        (b' {"logs" : [ ] }\n', True),
        (b'{"logs":[],"x":"\xff"}', True),
        (b'{"logs":[{"id":1}]}', True),
        (b'{"logs":[null,{"id":1}]}', True),
        (b'{"logs":[{"id":"2","data":' + deep(3000) + b"}]}", True),
        (b"", False),
        (b" \r\n\t ", False),
        (b"{}", False),
        (b'{"logs":null}', False),
        (b'{"logs":null,"x":NaN}', False),
        (b'{"a":' + deep(3000) + b"}", False),
        (b'{"logs":[1,null,"x",[]]}', False),
        (b'{"logs":[NaN]}', False),
        (b'{"logs":[{"id":0},{"id":-1},{"message":"m"}]}', False),
        (b'{"logs":[' + b"1," * 30_000 + b"1]}", False),
    ],
)
def test_only_a_usable_id_or_an_empty_list_tells_what_is_there(body: bytes, whole: bool) -> None:
    """In strict, odd, deep and long JSON alike, anything else without a row is not taken for the end of a log."""
    assert read(answers.rows(body), "staging").whole is whole


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"<html><body>Bad gateway</body></html>", "HTML"),
        (b"\n <!DOCTYPE html>", "HTML"),
        (b"oops", "something that is not JSON"),
        (b'{"logs":[{"id":1},{"id"', "something that is not JSON"),
        (b'{"logs":[{"id":1}]}{', "something that is not JSON"),
        (b"[]", "JSON that is not an object"),
        (b"17", "JSON that is not an object"),
        (b"null", "JSON that is not an object"),
        (b'"text"', "JSON that is not an object"),
        (b'{"logs":{"id":1}}', "`logs` that is not a list"),
        (b'{"logs":"none"}', "`logs` that is not a list"),
        (b'{"logs":[' + deep(3000), "JSON that is cut off"),
        (b"\xff\xfe\x00", "something that is not JSON"),
    ],
)
def test_what_is_no_answer_is_named(body: bytes, word: str) -> None:
    """The word is in the sentence that readers see."""
    with pytest.raises(NotALog) as error:
        answers.rows(body)
    assert str(error.value) == word


def test_depth_alone_is_no_row() -> None:
    """An object that is too deep to parse and has no `logs` is an answer without rows, as any other."""
    assert list(answers.rows(b'{"a":' + deep(3000) + b"}")) == []


@pytest.mark.parametrize("body", [deep(3000), b"[" * 3000])
def test_depth_alone_is_no_answer(body: bytes) -> None:
    """What is too deep to parse and is not an object is a failed poll, as any other JSON that is not an object."""
    with pytest.raises(NotALog):
        answers.rows(body)


@pytest.mark.parametrize(
    ("value", "read_as"),
    [
        (b"NaN", None),
        (b"Infinity", None),
        (b"-Infinity", None),
        (b"1e999", None),
        (b"-1e999", None),
        (b"9" * 5000, None),
        (b'"\\ud800"', "\ufffd"),
        (b'"a\\udc00b\\ud83d\\ude00"', "a\ufffdb😀"),
        (b'"a\nb"', "a\nb"),
        (b'"a\x00b"', "a\0b"),
        (b'"\xff\xfe"', "\ufffd\ufffd"),
    ],
)
def test_what_strict_json_has_no_word_for_spoils_nothing(value: bytes, read_as: object) -> None:
    """These are NaN, numbers beyond a double, half surrogates, raw control characters, and bytes other than UTF-8."""
    assert answers.rows(b'{"logs":[{"id":1},{"id":2,"message":' + value + b'},{"id":3}]}') == [
        {"id": 1},
        {"id": 2, "message": read_as},
        {"id": 3},
    ]


@pytest.mark.parametrize("depth", [100, 300, 500, 900])
def test_a_row_that_is_read_alone_is_read_beside_any_other(depth: int) -> None:
    """What one parser takes must not be refused because a row beside it needs another one."""
    row = b'{"id":1,"odd":' + deep(depth) + b"}"
    (alone,) = answers.rows(b'{"logs":[' + row + b"]}")
    assert isinstance(alone, dict)
    for other in (b'{"id":2,"message":NaN}', b'{"id":2,"odd":' + deep(3000) + b"}"):
        beside, _ = answers.rows(b'{"logs":[' + row + b"," + other + b"]}")
        assert isinstance(beside, dict)


@pytest.mark.parametrize(
    "number",
    [
        "999999999999999999",
        "1234567890123456789",
        "9223372036854775807",
    ],
)
def test_an_id_of_many_digits_is_the_same_beside_an_odd_row(number: str) -> None:
    """An id must not depend on whether another row of the same answer holds a NaN."""
    plain, *_ = answers.rows(f'{{"logs":[{{"id":{number}}},{{"id":1}}]}}'.encode())
    beside, *_ = answers.rows(f'{{"logs":[{{"id":{number}}},{{"id":1,"message":NaN}}]}}'.encode())
    assert plain == beside == {"id": int(number)}


@pytest.mark.parametrize("depth", [1100, 3000, 100_000])
def test_one_row_that_is_too_deep_leaves_the_others(depth: int) -> None:
    """The deep row comes as Unreadable. Brackets and quotes inside texts do not confuse the splitting."""
    body = (
        b'{"note":"\\"logs\\":[","logs":[{"id":1,"message":"]}[{\\"\\\\"},{"id":2,"data":'
        + deep(depth)
        + b'},{"id":3,"message":"x"}],"more":[1]}'
    )
    first, second, third = answers.rows(body)
    assert first == {"id": 1, "message": ']}[{"\\'}
    assert isinstance(second, Unreadable)
    assert third == {"id": 3, "message": "x"}


def test_rows_that_are_no_objects_are_counted_beside_a_deep_one_too() -> None:
    """`17` and `"x"` are rows, though not entries; a deep neighbour must not make them vanish."""
    rows = answers.rows(b'{"logs":[17,"x",' + deep(3000) + b',{"id":1}]}')
    assert [row for row in rows if not isinstance(row, Unreadable)] == [17, "x", {"id": 1}]


def test_a_cut_answer_with_many_quotes_is_refused_in_time_that_grows_with_its_length() -> None:
    """Four times the bytes may take about four times as long, not sixteen times."""

    def seconds(quotes: int) -> float:
        body = b'{"logs":[' + deep(2000) + b',"' + b'\\"' * quotes
        begin = time.thread_time()
        with pytest.raises(NotALog):
            answers.rows(body)
        return time.thread_time() - begin

    assert seconds(4000) < 8 * seconds(1000) + 0.05


@tries(200)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"\xef\xbb\xbf{}")
@example(b'{"logs":[{"id":1}],"logs":3}')
def test_any_bytes_are_rows_or_no_log(body: bytes) -> None:
    """Nothing else can come of them."""
    try:
        assert isinstance(answers.rows(body), Collection)
    except NotALog:
        pass


JSONISH = st.lists(
    st.sampled_from(
        [
            *(
                b"{",
                b"}",
                b"[",
                b"]",
                b",",
                b":",
                b'"',
                b"\\",
                b'"logs"',
                b'"id"',
                b"1",
                b"NaN",
                b"1e999",
                b'"\\ud800"',
            ),
            *(b"\xff", b" ", b"\n", b"null", deep(1200), b"[" * 1200, b'{"logs":[', b'{"id":1}', b"-", b"0"),
        ]
    ),
    max_size=25,
).map(b"".join)


@tries(200)
@given(JSONISH, st.booleans())
def test_any_near_json_is_rows_or_no_log(body: bytes, inside: bool) -> None:
    """The bodies are pieces of JSON in any order, some very deep. The rows can be read as entries."""
    whole = b'{"logs":[' + body + b"]}" if inside else body
    try:
        rows = answers.rows(whole)
    except NotALog:
        return
    page = read(rows, "staging")
    assert len(page.entries) + len(page.refused) <= len(rows)


@tries(200)
@given(
    st.lists(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(2**63), 2**64 - 1)
            | st.floats(allow_nan=False)
            | st.text(max_size=20),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
            max_leaves=8,
        ),
        max_size=5,
    ),
    st.booleans(),
)
def test_any_rows_come_back(rows: list[object], ascii_: bool) -> None:
    """Strict JSON is read unchanged, escaped or not."""
    text = json.dumps({"logs": rows}, ensure_ascii=ascii_).replace("Infinity", "1e999")
    expected = json.loads(text.replace("-1e999", "null").replace("1e999", "null"))["logs"] if "1e999" in text else rows
    if "1e999" not in text:
        assert answers.rows(text.encode("utf-8", "surrogatepass")) == expected


@pytest.mark.parametrize("odd", [b'"\\ud800"', b"NaN", b'"\xff"'], ids=["surrogate", "nan", "no-utf-8"])
def test_a_long_message_comes_cut_in_a_row_that_strict_json_refuses_too(odd: bytes) -> None:
    """The message has five megabytes, as a logged dump may, and the row something that only a lenient parser takes."""
    body = b'{"logs":[{"id":1},{"id":2,"odd":%b,"message":"%b"},{"id":3}]}' % (odd, b"x" * (5 << 20))
    page = read(answers.rows(body), "staging")
    assert [entry.id for entry in page.entries] == [1, 2, 3]
    assert json.loads(page.entries[1].json)["cut"] is True
    assert page.refused == []


def test_a_large_answer_tells_of_each_turn_of_others() -> None:
    """As it is split, as its rows are parsed, and as they are read."""
    turns = 0

    def turn() -> None:
        nonlocal turns
        turns += 1

    body = b'{"logs":[' + b",".join(b'{"id":%d,"message":"%b"}' % (n, b"x" * 400) for n in range(1, 15_001)) + b"]}"
    rows = answers.rows(body, turn=turn)
    split = turns
    assert len(list(rows)) == 15_000
    parsed = turns
    assert len(read([{"id": number} for number in range(1, 2500)], "staging", turn=turn).entries) == 2499
    assert 0 < split < parsed
    assert turns == parsed + 3
