"""The table of cases: what each query holds for, and how each wrong one is refused.

A case is a query with the fields of an entry that differ from ENTRY and whether it holds, or with its refusal; `blank`
is one that is left out. `server` marks what only RE2 can tell. The page's twin runs the same table
(tests/javascript/modules/query.test.mjs).
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from poslogs.query.parser import parse
from poslogs.query.refusal import NotUnderstood

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "cases.json").read_text(encoding="utf-8"))
ENTRY: dict[str, Any] = {
    "id": "1",
    "timestamp": "2024-01-01T12:00:00.000Z",
    "type": "info",
    "message": "",
    "data": {},
    "env": "staging",
    "error_type": "",
}
MATCHES = [case for case in CASES if "holds" in case]
REFUSALS = [case for case in CASES if "refusal" in case]


def _name(case: dict[str, Any]) -> str:
    return ascii(case["query"][:40])


@pytest.mark.parametrize("case", MATCHES, ids=_name)
def test_a_query_holds_or_does_not(case: dict[str, Any]) -> None:
    """For the entry of the case."""
    query = parse(case["query"])
    assert query is not None
    assert query.holds(ENTRY | case["entry"]) is case["holds"]


@pytest.mark.parametrize("case", REFUSALS, ids=_name)
def test_a_wrong_query_is_refused_with_its_place(case: dict[str, Any]) -> None:
    """The whole sentence, and the column in it."""
    with pytest.raises(NotUnderstood) as refused:
        parse(case["query"])
    assert refused.value.sentence == case["refusal"]
    assert refused.value.sentence.startswith(f"`query`, column {refused.value.column}: ")
    assert refused.value.status == 400


@pytest.mark.parametrize("case", [case for case in CASES if "blank" in case], ids=_name)
def test_a_blank_query_is_left_out(case: dict[str, Any]) -> None:
    """Tabs are blanks too."""
    assert parse(case["query"]) is None


def test_the_table_has_what_it_is_to_have() -> None:
    """Each kind of case, both ways, and no case twice."""
    assert {"holds", "refusal", "blank"} == {key for case in CASES for key in case} - {
        "about",
        "query",
        "entry",
        "server",
    }
    both = Counter((case["about"], case["holds"]) for case in MATCHES)
    kinds = {case["about"] for case in MATCHES} - {"words of their own that are nearly a field's"}
    assert [kind for kind in kinds if not both[kind, True]] == []
    texts = [json.dumps(case, sort_keys=True) for case in CASES]
    assert [text for text, count in Counter(texts).items() if count > 1] == []
    assert len(MATCHES) > 300
    assert len(REFUSALS) > 100
