"""Whatever rows and answers platformOS sends: entries in the guide's shape, frames that parse, reasons for the rest."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import event, example, given
from hypothesis import strategies as st

from poslogs.platformos import answers, entries
from poslogs.platformos.entries import MAX_ID, TYPES, Page
from poslogs.streaming.batch import Batch, batches
from poslogs.streaming.selection import Selection
from tests.fuzz import strategies
from tests.fuzz.budget import share
from tests.support.frame import FrameParser

FIELDS = ["id", "timestamp", "type", "message", "data", "env", "error_type"]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


def in_shape(page: Page) -> None:
    """Each entry as the contract has it, through frames and a strict parser; the reasons as short sentences."""
    numbers = [entry.id for entry in page.entries]
    assert numbers == sorted(set(numbers)), "not in the order of ids, or one twice"
    assert all(0 < number <= MAX_ID for number in numbers)
    assert page.last >= max(numbers, default=0)
    for reason in page.refused:
        assert re.fullmatch(r"a row [a-z ]+\|[0-9a-f]{16}", reason), reason
    for late in (False, True):
        made = list(batches(page.entries, 7, 0, late=late))
        assert [number for batch in made for number in batch.ids] == numbers
        for batch, number in zip(made, range(7, 7 + len(made)), strict=True):
            assert batch.number == number
            framed(batch)


def framed(batch: Batch) -> None:
    """The bytes of a batch are whole frames, one an entry."""
    chunk = batch.chunk(Selection(None, late=True))
    assert chunk is not None
    parser = FrameParser()
    frames = parser.feed(chunk.plain, 0.0)
    assert parser.rest == b""
    assert [int(frame.inner["id"]) for frame in frames] == list(batch.ids)
    for frame in frames:
        assert frame.event == "data"
        assert frame.id is not None
        assert frame.raw.count(b"\n") == 4, "one line a field"
        assert not re.search("[\r\0\u2028\u2029]", frame.data or ""), frame.raw
        entry = frame.inner
        assert list(entry) == FIELDS + (["cut"] if "cut" in entry else []), entry
        assert TIME.fullmatch(entry["timestamp"]), entry
        assert entry["type"] in TYPES
        assert isinstance(entry["data"], dict)
        assert all(isinstance(entry[name], str) for name in FIELDS if name != "data")


@share(0.24)
@given(st.lists(strategies.rows, max_size=5))
@example([{"id": 1, "message": "\ud800"}])
@example([{"id": 1, "data": {"\ud800": 1}}])
@example([{"id": 1, "data": {1: 2}}])
@example([{"id": float("nan")}])
def test_any_rows_become_entries_or_counted_refusals(rows: list[Any]) -> None:
    """The rows are any that the parsers of answers may hand over."""
    page = entries.read(rows, "staging")
    assert len(page.entries) + len(page.refused) <= len(rows)
    event(f"{len(page.entries)} entries")
    in_shape(page)


@share(0.24)
@given(strategies.answers)
@example(b'{"logs":[{"id":1,"message":"\\ud800"}]}')
@example(b'{"logs":[' + b'{"a":' * 100_000)
@example(b'{"logs":[{"id":1},' + b"[" * 2000 + b"]" * 2000 + b',{"id":2}]}')
def test_any_body_is_rows_or_no_log(body: bytes) -> None:
    """Any bytes give rows or one kind of error, and the rows become entries."""
    what = "rows"
    try:
        in_shape(entries.read(answers.rows(body), "staging"))
    except answers.NotALog as error:
        what = str(error)
    event(what)
    assert re.fullmatch(r"[A-Za-z` ]{4,40}", what), what


def test_an_entry_is_json_all_the_way() -> None:
    """The check of the shape above sees a broken entry."""
    page = entries.read([{"id": 1, "message": "a\r\n\u2028"}], "staging")
    assert json.loads(page.entries[0].json)["message"] == "a\r\n\u2028"
    in_shape(page)
