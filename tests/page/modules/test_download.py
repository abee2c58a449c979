"""download.js: what is kept is what came, and does no harm in a spreadsheet or a terminal."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.page.modules.conftest import OpenTab
from tests.page.modules.tab import Tab
from tests.support.server import Server

Start = Callable[..., Server]

PARTS = """async ([format, entries]) => {
  const parts = (await import("/page/download.js"))[format](entries);
  return new Blob(parts).text();
}"""

SAVE = """async ([format, entries, env]) => (await import("/page/download.js")).save(entries, format, env)"""

TIME = "2024-01-01T12:00:00.000Z"
HOSTILE = "\x1b]0;owned\x07 \x9b2J \u202egnp.exe\r\nsecond\u200b line\n\n"


def entry(message: str = "m", type_: str = "info", error_type: str | None = None, **data: Any) -> dict[str, Any]:
    """An entry as the server gives it."""
    kind = type_ if error_type is None else error_type
    return {
        "id": "9007199254740993",
        "timestamp": TIME,
        "type": type_,
        "message": message,
        "data": data,
        "env": "staging",
        "error_type": kind,
    }


@pytest.fixture
def page(server: Start, tab: OpenTab) -> Tab:
    return tab(server(environments=None))


def made(page: Tab, format_: str, *entries: dict[str, Any]) -> str:
    """The file as text."""
    return str(page.run(PARTS, [format_, list(entries)]))


def test_ndjson_is_what_came(page: Tab) -> None:
    """One entry a line, the same when it is read again, whatever is in it."""
    entries = [entry(HOSTILE, cut=True), entry('“a”,\n"b"\0\u2028', nested={"a": [1, None, "é😀"]}), entry("")]
    text = made(page, "ndjson", *entries)
    assert text.endswith("\n")
    assert [json.loads(line) for line in text[:-1].split("\n")] == entries


def test_csv_is_read_as_it_was_written(page: Tab) -> None:
    """Commas, quotes, every line end and all of Unicode, by Python's reader; line ends are CRLF (RFC 4180)."""
    messages = ['a "quoted", text', "two\nlines\r\nthree\rfour", "é€😀 日本", " spaces ", "", "it's"]
    entries = [entry(text, "error", 'Liquid,"Error"', path="a,b", more=['"']) for text in messages]
    text = made(page, "csv", *entries)
    head, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert head == ["id", "timestamp", "type", "error_type", "message", "data"]
    assert [row[4] for row in rows] == messages
    assert [row[:4] for row in rows] == [["9007199254740993", TIME, "error", 'Liquid,"Error"']] * len(messages)
    assert [json.loads(row[5]) for row in rows] == [{"path": "a,b", "more": ['"']}] * len(messages)
    assert text.startswith("id,timestamp,type,error_type,message,data\r\n9007199254740993,")
    assert text.endswith("\r\n")


WIDE = ["\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM(A1)"]


def test_no_cell_is_a_formula(page: Tab) -> None:
    """What begins as one gets an apostrophe, also inside quotes, in every column that others write."""
    formulas = ['=HYPERLINK("http://x")', "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\ttab", " =1",
                "\u00a0\ufeff=1", "\0=1", *WIDE]  # fmt: skip
    split = {"\t=1": "'\t'=1", "\r=1": "'\r'=1", "\n =1": "\n '=1"}  # what splits there sees a cell behind it
    harmless = ["a=1", "'=1", "1-1", " a", "a; b", "a;b", "a\nb", "a; 'b'", "a-1;b=2"]
    text = made(page, "csv", *[entry(each, error_type=each) for each in [*formulas, *split, *harmless]])
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))[1:]
    expected = [*[f"'{each}" for each in formulas], *split.values(), *harmless]
    assert [row[4] for row in rows] == expected
    assert [row[3] for row in rows] == expected
    assert all(f'"\'{each.replace(chr(34), chr(34) * 2)}"' in text for each in formulas)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_no_cell_is_a_formula_for_a_reader_that_splits_elsewhere(page: Tab, separator: str) -> None:
    """Spreadsheets of half of Europe split at `;`: they meet our quotes within a cell, where these hold no text."""
    befores = (separator, f"{separator} ", f'{separator}"', "\n", "\r\n", f"\n{separator}{separator}")
    formulas = ("=1+1", "+1", "-1", "@SUM(A1)", *WIDE)
    hostile = [f"a{before}{formula}{before}b" for formula in formulas for before in befores]
    text = made(page, "csv", *[entry(each, error_type=each, path=f";{each}") for each in hostile])
    assert "a;'=1+1;b" in text or separator != ";"
    for line in re.split(r"[\r\n]+", text):
        for cell in line.split(separator):
            begun = cell.strip().lstrip('"').lstrip()
            assert not begun or begun[0] not in "=+-@\uff1d\uff0b\uff0d\uff20", line
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))[1:]
    assert [row[4].replace("'", "") for row in rows] == hostile


def test_a_text_that_is_all_separators_is_written_at_once(page: Tab) -> None:
    """Line ends, blanks and quotes, 128 KiB of each: every character is looked at once, not once for each before it."""
    length = 1 << 17
    for each in ("\n" * length, "\n" + " " * length, ';"' * (length // 2)):
        assert len(made(page, "csv", entry(each))) > length


def test_text_cannot_drive_a_terminal(page: Tab) -> None:
    """Escapes are shown, further lines are indented, and only an error_type that says more is there."""
    lines = made(
        page,
        "text",
        entry("started"),
        entry(HOSTILE, "error", "Liquid\nError"),
        entry("bad\ttab", "warn", "WARN"),
        entry("no kind", "error", ""),
    )
    assert lines == (
        f"{TIME} INFO started\n"
        f"{TIME} ERROR Liquid Error \\x1b]0;owned\\x07 \\x9b2J \\u202egnp.exe\n  second\\u200b line\n"
        f"{TIME} WARN bad\ttab\n"
        f"{TIME} ERROR no kind\n"
    )


@pytest.mark.parametrize(("format_", "ending"), [("NDJSON", "ndjson"), ("Text", "log"), ("CSV", "csv")])
def test_the_file_is_named_by_environment_and_time(page: Tab, tmp_path: Path, format_: str, ending: str) -> None:
    """A name that every system takes, and UTF-8 inside."""
    with page.page.expect_download() as begun:
        page.run(SAVE, [format_, [entry("é😀")], "my/env: ü"])
    download = begun.value
    assert re.fullmatch(rf"poslogs-my_env___-\d{{8}}T\d{{6}}Z\.{ending}", download.suggested_filename)
    download.save_as(tmp_path / "file")
    assert "é😀" in (tmp_path / "file").read_text(encoding="utf-8")
