"""Keep: download, copy, pin."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.page.conftest import Visit
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS
from tests.support.server import Server

ROWS: list[dict[str, Any]] = [
    {"error_type": "error", "message": 'broken, "quoted"\nsecond line', "created_at": "2024-01-01T12:00:00Z"},
    {"error_type": "payment-callback", "message": {"order": 5}, "created_at": "2024-01-01T12:00:01Z"},
    {"error_type": "info", "message": "=HYPERLINK(1)", "data": {"page": "a"}, "created_at": "2024-01-01T12:00:02Z"},
    {"error_type": "+warn", "message": "\x1b[31m@cmd", "created_at": "2024-01-01T12:00:03Z"},
]


def _download(screen: Screen, format_: str) -> tuple[str, str]:
    screen.page.get_by_role("combobox", name="Format", exact=True).select_option(label=format_)
    with screen.page.expect_download() as info:
        screen.button("Download").click()
    path = Path(info.value.path())
    return info.value.suggested_filename, path.read_bytes().decode("utf-8")


def test_ndjson_has_each_entry_as_it_came(screen: Screen, platformos: PlatformOS) -> None:
    """The file has one whole entry a line, in order. Its name states environment and time."""
    platformos.add(*ROWS)
    screen.wait_ids(platformos.ids)
    name, text = _download(screen, "NDJSON")
    assert re.fullmatch(r"poslogs-staging-\d{4}-?\d\d-?\d\dT?.*\.ndjson", name)
    assert [json.loads(line) for line in text.splitlines()] == screen.server.call(
        "platformos.logs.fetch", {"env": "staging"}
    )["logs"]
    assert text.endswith("\n")


def test_text_has_a_line_for_each_entry(screen: Screen, platformos: PlatformOS) -> None:
    """A line has time, type, a telling error type and message. Further lines are indented, controls are visible."""
    platformos.add(*ROWS)
    screen.wait_ids(platformos.ids)
    name, text = _download(screen, "Text")
    assert name.endswith(".log")
    assert text.splitlines() == [
        '2024-01-01T12:00:00.000Z ERROR broken, "quoted"',
        "  second line",
        '2024-01-01T12:00:01.000Z INFO payment-callback {"order":5}',
        "2024-01-01T12:00:02.000Z INFO =HYPERLINK(1)",
        r"2024-01-01T12:00:03.000Z WARN +warn \x1b[31m@cmd",
    ]


def test_csv_is_read_by_any_reader_and_harms_none(screen: Screen, platformos: PlatformOS) -> None:
    """Cells are quoted properly. A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    platformos.add(*ROWS, {"message": "-1"}, {"message": "@x"}, {"message": "\t=1"}, {"message": "\r=1"})
    screen.wait_ids(platformos.ids)
    name, text = _download(screen, "CSV")
    assert name.endswith(".csv")
    head, *rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert head == ["id", "timestamp", "type", "error_type", "message", "data", "env"]
    assert [row[0] for row in rows] == platformos.ids
    assert rows[0][4] == 'broken, "quoted"\nsecond line'
    assert rows[2][4:] == ["'=HYPERLINK(1)", '{"page":"a"}', "staging"]
    assert rows[3][3] == "'+warn"
    assert [row[4][:2] for row in rows[4:]] == ["'-", "'@", "'\t", "'\r"]
    assert [cell for row in rows for cell in row if cell[:1] in "=+-@\t\r" and cell] == []


@pytest.mark.parametrize("format_", ["NDJSON", "Text", "CSV"])
def test_a_download_holds_all_that_the_filter_keeps(screen: Screen, platformos: PlatformOS, format_: str) -> None:
    """It does so even if entries are not drawn or not found by the search, or the reader has scrolled or paused."""
    platformos.add(*({"error_type": "error" if n % 3 == 0 else "info", "message": f"m{n}e"} for n in range(6000)))
    screen.set_filter("error")
    screen.wait_drawn("5998")
    screen.search.fill("m9e")
    screen.checkbox("Only matches").check()
    screen.wait_ids(["10"])
    screen.button("Pause").click()
    _, text = _download(screen, format_)
    assert [int(each) for each in re.findall(r"\bm(\d+)e\b", text)] == list(range(0, 6000, 3))


def test_a_copied_entry_is_on_the_clipboard(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """The whole entry is copied as it came, and the page says so."""
    platformos.add(*ROWS)
    screen = visit(site, permissions=["clipboard-read", "clipboard-write"]).connect()
    screen.wait_drawn("1").get_by_role("button", name="Copy entry 1", exact=True).click()
    copied = screen.page.wait_for_function(
        "() => navigator.clipboard.readText().then(text => text || null)"
    ).json_value()
    assert 'broken, "quoted"\nsecond line' in copied or json.loads(copied)["message"] == 'broken, "quoted"\nsecond line'
    screen.entry("3").get_by_role("button", name="Copy entry 3", exact=True).click()
    screen.page.wait_for_function("() => navigator.clipboard.readText().then(text => text.includes('HYPERLINK'))")


def test_pins_survive_a_reload(screen: Screen, platformos: PlatformOS) -> None:
    """They also survive Clear and a filter. A second click removes one."""
    platformos.add(*ROWS)
    screen.wait_ids(platformos.ids)
    for id_ in ("1", "3"):
        screen.entry(id_).get_by_role("button", name=f"Pin entry {id_}", exact=True).click()
        expect(screen.entry(id_).get_by_role("button", name=f"Pin entry {id_}")).to_have_attribute(
            "aria-pressed", "true"
        )
    pinned = screen.region("Pinned entries")
    screen.button("Clear").click()
    screen.set_filter("warn")
    screen.page.reload()
    expect(pinned).to_contain_text('broken, "quoted"')
    expect(pinned).to_contain_text("=HYPERLINK(1)")
    expect(pinned.get_by_role("listitem")).to_have_count(2)
    pinned.get_by_role("button", name=re.compile("entry 1$")).click()
    expect(pinned.get_by_role("listitem")).to_have_count(1)
    screen.page.reload()
    expect(pinned.get_by_role("listitem")).to_have_count(1)
    expect(pinned).not_to_contain_text("quoted")


def test_a_pin_stays_when_the_entry_leaves(screen: Screen, platformos: PlatformOS) -> None:
    """A pin belongs to its environment, and names it while another one is read."""
    platformos.add(*ROWS)
    screen.wait_drawn("1").get_by_role("button", name="Pin entry 1").click()
    screen.environment.select_option("production")
    expect(screen.entries).to_have_count(0)
    expect(screen.region("Pinned entries")).to_contain_text("staging")
