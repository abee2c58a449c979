"""What holds for any text that somebody may send as a query, and for any entry."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from poslogs.query.expression import MAX_BYTES, looked_at
from poslogs.query.folding import MOST_MARKS, composed, folded
from poslogs.query.number import written
from poslogs.query.parser import MAX_CHARS, parse
from poslogs.query.query import Query
from poslogs.query.refusal import NotUnderstood
from tests.support.need import need, repo
from tests.support.tries import tries

SIGNS = some.sampled_from(
    [*'-"/\\*,.: \t()[]{}|?+^$', "type:", "page:", "data.", "message:", "a", "ß", "é", "e\u0301", "{2}", "(?-i)"]
)
TEXTS = some.one_of(
    some.text(max_size=60),
    some.lists(SIGNS, max_size=30).map("".join),
    some.text("/()[]{}*+?|\\^$-adDwWsS:", max_size=30).map(lambda text: f"/{text}/"),
)
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
ENTRIES = some.fixed_dictionaries({}, optional=dict.fromkeys(("type", "error_type", "message", "env", "data"), JSON))
ASKED = [
    "x",
    "1",
    "-x",
    "/x|1/",
    "type:x",
    "env:/a/",
    "message:a*b",
    "page:*",
    "user:x",
    "data.a.0:x,1",
    "data.a:*",
    "-data.a:/1/",
]


def _parsed(text: str) -> Query | None:
    try:
        return parse(text)
    except NotUnderstood as refusal:
        told = refusal
    assert 1 <= told.column <= MAX_CHARS + 1
    assert told.sentence.endswith(".")
    return None


@tries(500)
@given(TEXTS)
def test_any_text_is_a_query_or_is_refused(text: str) -> None:
    """Nothing else is ever raised, and a canonical text is read as the same query again."""
    query = _parsed(text)
    if query is not None:
        again = parse(query.text)
        assert again == query
        assert again is not None
        assert (hash(again), again.text) == (hash(query), query.text)


@tries(300)
@given(TEXTS, ENTRIES)
def test_a_query_answers_yes_or_no_for_any_json(text: str, entry: dict[str, Any]) -> None:
    """Also where a field has not the type that it should have."""
    queries = [query for query in map(_parsed, [text, *ASKED]) if query is not None]
    assert all(query.holds(entry) in (True, False) for query in queries)


@tries(300)
@given(some.text(max_size=30), some.text(max_size=10), some.text(max_size=10))
def test_what_is_in_a_text_is_found_there(inner: str, before: str, after: str) -> None:
    """A quoted text is found in the message and in the data; with a minus it is not."""
    if not inner:
        return
    quoted = '"' + inner.replace("\\", "\\\\").replace('"', '\\"') + '"'
    (found, not_found) = (parse(quoted), parse(f"-{quoted}"))
    assert found is not None
    assert not_found is not None
    for message in (inner, f"{before} {inner} {after}"):
        assert found.holds({"message": message, "data": {}})
        assert found.holds({"message": "", "data": {"a": [message]}})
        assert not not_found.holds({"message": message})


@tries(300)
@given(some.text(max_size=40))
def test_folding_is_the_same_for_each_way_to_write_a_text(text: str) -> None:
    """Composed or not, and what is folded stays as it is."""
    assert folded(composed(text)) == folded(text)
    assert folded(folded(text)) == folded(text)


@pytest.mark.parametrize("count", [MOST_MARKS, MOST_MARKS + 1, 500_000])
def test_marks_without_end_are_compared_as_they_stand(count: int) -> None:
    """To put so many in order would take hours, and a visitor of a site decides what is logged."""
    text = "a" + "\u0301\u0323" * count
    assert (composed(text) == text) is (2 * count > MOST_MARKS)


@tries(500)
@given(some.floats() | some.integers(-(2**60), 2**60))
def test_a_number_is_written_so_that_it_is_read_again(number: float) -> None:
    """The shortest digits mean the same number."""
    text = written(number)
    if isinstance(number, float) and not math.isfinite(number):
        assert text == "null"
    else:
        assert float(text) == float(number)


def test_numbers_are_written_as_json_stringify_writes_them() -> None:
    """Node.js is asked."""
    node = need("node")
    numbers = [
        sign * digit * 10.0**power for sign in (1, -1) for digit in (1, 1.5, 123456, 9.999) for power in range(-30, 30)
    ]
    numbers += [
        0.0,
        -0.0,
        5e-324,
        1.7976931348623157e308,
        2**53,
        2**53 + 1,
        2**63,
        0.1 + 0.2,
        1 / 3,
        123456789012345680000,
    ]
    program = (
        "process.stdin.on('data', (d) => console.log(JSON.stringify(JSON.parse(d).map((n) => JSON.stringify(n)))))"
    )
    ended = subprocess.run(
        [node, "-e", program], input=json.dumps(numbers), capture_output=True, text=True, check=True, timeout=30
    )
    assert [written(number) for number in numbers] == json.loads(ended.stdout)


def test_an_expression_looks_at_the_beginning_of_a_long_text() -> None:
    """256 KiB of UTF-8, without half a character."""
    end = parse("/end/")
    assert end is not None
    assert end.holds({"message": "x" * (MAX_BYTES - 3) + "end"})
    assert not end.holds({"message": "x" * (MAX_BYTES - 2) + "end"})
    assert looked_at("é" * MAX_BYTES) == "é".encode() * (MAX_BYTES // 2)
    assert looked_at("x" + "é" * MAX_BYTES) == ("x" + "é" * (MAX_BYTES // 2 - 1)).encode()


def test_readers_that_ask_the_same_share_a_query() -> None:
    """However they have put the blanks."""
    query = parse("type:error  checkout ")
    assert query is parse("type:error checkout")
    assert query != parse("checkout type:error")


def test_without_re2_only_regular_expressions_are_refused() -> None:
    """A machine for which there is no wheel; the reason is told."""
    program = (
        "import sys; sys.modules['re2'] = None\n"
        "from poslogs.query.parser import parse\n"
        "query = parse('type:error -x \"a b\" page:a*')\n"
        "print(query.holds({'type': 'error', 'message': 'A B', 'data': {'page': 'ab'}}))\n"
        "try: parse('x /a/')\n"
        "except Exception as error: print(error)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=repo(), capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout.splitlines() == [
        "True",
        "`query`, column 3: the regular expression needs google-re2, which is not installed on this server; leave it "
        "out, or install that.",
    ]
