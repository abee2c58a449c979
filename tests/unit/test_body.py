"""What the parser of bodies promises: one strict object, or a refusal."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poslogs.doors.body import parse
from poslogs.errors import BadInput
from poslogs.tools.table import TOOLS
from tests.support.tries import tries

SHAPE = 'The body must be a JSON object such as {"tool": "…", "input": {…}}.'
NO_JSON = "The body is not valid JSON: send one object, as UTF-8."
TWICE = "The body names a key twice; name each once."
CP1252 = "The body is not valid JSON: it is not UTF-8, but perhaps Windows-1252, at {}; send it as UTF-8."
SURROGATE = "The body has half of a surrogate pair, which is not a character."


def test_an_object_is_what_it_says() -> None:
    """This holds for values of every kind."""
    body = b'{"tool": "x", "input": {"a": [1, 2.5, true, null, "\\u00e9\\ud83d\\ude00"], "b": {}}} \n'
    assert parse(body) == {"tool": "x", "input": {"a": [1, 2.5, True, None, "é😀"], "b": {}}}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", NO_JSON),
        (b" ", NO_JSON),
        (b"tool=x", NO_JSON),
        (b"{", NO_JSON),
        (b'{"a":1}{"b":2}', NO_JSON),
        (b'{"a":1,}', NO_JSON),
        (b"{'a':1}", NO_JSON),
        (b"[]", SHAPE),
        (b'"text"', SHAPE),
        (b"17", SHAPE),
        (b"null", SHAPE),
        (b"true", SHAPE),
        (b'{"a":NaN}', NO_JSON),
        (b'{"a":Infinity}', NO_JSON),
        (b'{"a":-Infinity}', NO_JSON),
        (b'{"a":1e309}', NO_JSON),
        (b'{"a":-1e309}', NO_JSON),
        (b'{"a":[1e309]}', NO_JSON),
        (b'{"a":' + b"9" * 5000 + b"}", NO_JSON),
        (b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}", NO_JSON),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, NO_JSON),
        (b"[" * 60_000, NO_JSON),
        (b'{"a":"\x01"}', NO_JSON),
        (b'{"a":1,"a":2}', TWICE),
        (b'{"a":1,"a":1}', TWICE),
        (b'{"a":1,"\\u0061":2}', TWICE),
        (b'{"tool":"x","input":{"env":"a","env":"b"}}', TWICE),
        (b'{"a":[{"b":1,"b":1}]}', TWICE),
        (b'{"a":"\\ud800"}', SURROGATE),
        (b'{"a":"x\\udc00y"}', SURROGATE),
        (b'{"\\ud800":1}', SURROGATE),
        (b'{"a":{"b":"\\udfff"}}', SURROGATE),
        (b'{"a":"\xed\xa0\x80"}', None),
    ],
)
def test_what_is_not_strict_is_refused_with_one_sentence(body: bytes, sentence: str | None) -> None:
    """Strict means RFC 8259 without duplicate keys, numbers beyond a double and half characters."""
    with pytest.raises(BadInput) as error:
        parse(body)
    assert error.value.status == 400
    assert sentence is None or error.value.sentence == sentence


@pytest.mark.parametrize("body", [b'{"a":["\\ud800"]}', b'{"a":[["x",["\\udc00"]]]}', b'{"a":[{"b":["\\ud800"]}]}'])
def test_half_a_surrogate_pair_inside_a_list_is_refused_too(body: bytes) -> None:
    """It is refused wherever a string may be."""
    with pytest.raises(BadInput, match="half of a surrogate pair"):
        parse(body)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_other_encodings_than_utf_8_are_refused_by_name(encoding: str) -> None:
    """JSON between systems is UTF-8 (RFC 8259, section 8.1), so the refusal names the encoding that came."""
    with pytest.raises(BadInput) as error:
        parse('{"tool":"x"}'.encode(encoding))
    wide = encoding[:6].upper()
    assert error.value.sentence == f"The body is not valid JSON: it is {wide}; send it as UTF-8."


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ('{"a":"é"}'.encode("cp1252"), "line 1, column 7 (byte 0xe9)"),
        ('{"a":\n  "Ž"}'.encode("cp1252"), "line 2, column 4 (byte 0x8e)"),
        (b'{"a":"\xff"}', "line 1, column 7 (byte 0xff)"),
        (b'{"a":"\xe2\x82"}', "line 1, column 7 (byte 0xe2)"),
    ],
)
def test_a_byte_that_is_not_utf_8_is_named_with_its_place(body: bytes, place: str) -> None:
    """Editors on Windows write such bytes for text beyond ASCII."""
    with pytest.raises(BadInput) as error:
        parse(body)
    assert error.value.sentence == CP1252.format(place)


def test_a_byte_order_mark_is_no_matter() -> None:
    """PowerShell and Notepad put one in front."""
    assert parse(b'\xef\xbb\xbf{"tool":"x"}') == {"tool": "x"}


@pytest.mark.parametrize(
    ("body", "sign"),
    [
        ('\'{"tool":"x"}\'', "begins with a single quote, as cmd.exe passes it on"),
        ("'{tool:x}'", "begins with a single quote"),
        ("'{tool:", "begins with a single quote"),  # cmd.exe also divides at spaces
        ("{tool:x,input:{env:staging}}", "has lost its double quotes, as in PowerShell"),
        ("{ tool : x }", "has lost its double quotes"),
        ("{jsonrpc:2.0}", "has lost its double quotes"),
        ("{“tool”:“x”}", "has curly quotes"),
        ("{ „tool“: „x“ }", "has curly quotes"),
    ],
)
def test_what_a_shell_has_made_of_the_quotes_is_named(body: str, sign: str) -> None:
    """The refusal says where it begins, what did it, and what to write."""
    with pytest.raises(BadInput) as error:
        parse(body.encode())
    assert error.value.sentence.startswith(f"The body is not valid JSON: it {sign}")


@pytest.mark.parametrize("kind", ["list", "object"])
def test_any_depth_is_refused_by_the_parser_or_by_the_schema(kind: str) -> None:
    """A body just shallow enough to be parsed is a bad input, and never an error of ours."""
    begin, end = (b"[", b"]") if kind == "list" else (b'{"a":', b"}")
    parsed = 0
    for depth in range(850, 1050):
        try:
            body = parse(b'{"tool":"x","input":{"env":' + begin * depth + b"1" + end * depth + b"}}")
        except BadInput:
            continue
        parsed += 1
        with pytest.raises(BadInput):
            TOOLS["platformos.logs.stream"].check(body["input"])
    assert parsed


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)


@tries(200)
@given(st.dictionaries(st.text(max_size=8), JSON, max_size=5), st.booleans())
def test_any_strict_object_comes_back(value: dict[str, object], ascii_: bool) -> None:
    """It comes back unchanged, escaped or not."""
    assert parse(json.dumps(value, ensure_ascii=ascii_).encode()) == value


@tries(200)
@given(
    st.binary(max_size=100)
    | st.lists(
        st.sampled_from(
            [b"{", b"}", b"[", b"]", b",", b":", b'"a"', b'"b"', b"1", b"NaN", b"1e309", b'"\\ud800"', b"null", b"\xff"]
        ),
        max_size=20,
    ).map(b"".join)
)
@example(b'{"a":1,"a":[{}]}')
def test_any_bytes_are_an_object_or_a_refusal(body: bytes) -> None:
    """An object can be written as UTF-8 again, without numbers that JSON does not have."""
    try:
        value = parse(body)
    except BadInput:
        return
    assert isinstance(value, dict)
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
