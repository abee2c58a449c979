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
    screen.open_more().page.get_by_role("combobox", name="Format", exact=True).select_option(label=format_)
    with screen.page.expect_download() as info:
        screen.download.click()
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
    """It has time, type, a telling error type, place and message; further lines are indented, controls are visible."""
    platformos.add(*ROWS)
    screen.wait_ids(platformos.ids)
    name, text = _download(screen, "Text")
    assert name.endswith(".log")
    assert text.splitlines() == [
        '2024-01-01T12:00:00.000Z ERROR broken, "quoted"',
        "  second line",
        '2024-01-01T12:00:01.000Z INFO payment-callback {"order":5}',
        "2024-01-01T12:00:02.000Z INFO a: =HYPERLINK(1)",
        r"2024-01-01T12:00:03.000Z WARN +warn \x1b[31m@cmd",
    ]


def test_csv_is_read_by_any_reader_and_harms_none(screen: Screen, platformos: PlatformOS) -> None:
    """Cells are quoted properly. A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    platformos.add(*ROWS, {"message": "-1"}, {"message": "@x"}, {"message": "\t=1"}, {"message": "\r=1"})
    screen.wait_ids(platformos.ids)
    name, text = _download(screen, "CSV")
    assert name.endswith(".csv")
    assert text.startswith("\ufeffid,")  # without the mark Excel reads é as two signs
    head, *rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert head == ["id", "timestamp", "type", "error_type", "message", "data", "env"]
    assert [row[0] for row in rows] == platformos.ids
    assert rows[0][4] == 'broken, "quoted"\nsecond line'
    assert rows[2][4:] == ["'=HYPERLINK(1)", '{"page":"a"}', "staging"]
    assert rows[3][3] == "'+warn"
    assert [row[4][:2] for row in rows[4:]] == ["'-", "'@", "'\t", "'\r"]
    assert [cell for row in rows for cell in row if cell[:1] in "=+-@\t\r" and cell] == []


def test_text_has_as_much_of_an_entry_as_the_screen_shows(screen: Screen, platformos: PlatformOS) -> None:
    """Path and line of a diagnostic, what it says, the rest of its stack, and the page."""
    stack = [
        {"path": "app/views/partials/price.liquid", "line": 7},
        {"path": "app/views/pages/show.liquid", "line": 31},
    ]
    data = {"schema_version": 1, "message": "undefined filter pricify", "stack": stack, "page": "products/show"}
    at = "2024-01-01T12:00:00Z"
    platformos.add(
        {"error_type": "LiquidError", "message": "Liquid error", "data": data, "created_at": at},
        {"error_type": "info", "message": "m", "data": {"page": "cart", "partial": "cart/total"}, "created_at": at},
    )
    screen.wait_ids(["1", "2"])
    _, text = _download(screen, "Text")
    assert text.splitlines() == [
        "2024-01-01T12:00:00.000Z ERROR LiquidError app/views/partials/price.liquid:7: Liquid error",
        "  undefined filter pricify",
        "    from app/views/pages/show.liquid:31",
        "  on page products/show",
        "2024-01-01T12:00:00.000Z INFO cart/total: m",
        "  on page cart",
    ]


@pytest.mark.parametrize("format_", ["NDJSON", "Text", "CSV"])
def test_a_download_holds_what_the_button_counts(screen: Screen, platformos: PlatformOS, format_: str) -> None:
    """It is what is shown, drawn or not: as filtered, narrowed and searched. Or it is all that is held, by choice."""
    platformos.add(*({"error_type": "error" if n % 3 == 0 else "info", "message": f"m{n}e"} for n in range(6000)))
    screen.set_filter("error")
    screen.wait_drawn("5998")
    expect(screen.download).to_have_text("Download 2,000")
    screen.search.fill("9e")
    screen.checkbox("Only matches").check()
    expect(screen.download).to_have_text("Download 200")
    screen.button("Pause").click()
    _, text = _download(screen, format_)
    assert _numbers(text) == [n for n in range(0, 6000, 3) if n % 10 == 9]
    screen.open_more().page.get_by_role("combobox", name="What", exact=True).select_option(label="all that is held")
    expect(screen.download).to_have_text("Download 2,000")
    _, text = _download(screen, format_)
    assert _numbers(text) == list(range(0, 6000, 3))


def _numbers(text: str) -> list[int]:
    return [int(each) for each in re.findall(r"\bm(\d+)e\b", text)]


def test_what_was_cleared_comes_back_by_undo(screen: Screen, platformos: PlatformOS) -> None:
    """For ten seconds, with what has come since. The alert counts again what it had counted."""
    platformos.add_many(11, error_type="error")
    screen.wait_ids(platformos.ids)
    expect(screen.alert).to_be_visible()
    screen.log.focus()
    screen.page.keyboard.press("x")
    expect(screen.entries).to_have_count(0)
    expect(screen.alert).to_have_count(0)
    expect(screen.page.get_by_text(re.compile("^Cleared Undo$"))).to_be_visible()
    platformos.add_many(2)
    screen.wait_ids(["12", "13"])
    screen.button("Undo").click()
    screen.wait_ids(platformos.ids)
    expect(screen.alert).to_be_visible()
    expect(screen.button("Undo")).to_have_count(0)
    platformos.add_many(1)
    screen.wait_ids(platformos.ids)


def test_undo_is_offered_for_ten_seconds_and_not_for_another_log(screen: Screen, platformos: PlatformOS) -> None:
    """After them, and in another environment, what was cleared is gone."""
    screen.page.clock.install()
    platformos.add_many(3)
    screen.page.reload()
    screen.wait_ids(platformos.ids)
    screen.page.clock.pause_at(screen.page.evaluate("new Date(Date.now() + 1_000).toISOString()"))
    screen.button("Clear").click()
    screen.page.clock.run_for(9_500)
    expect(screen.button("Undo")).to_be_visible()
    screen.page.clock.run_for(600)
    expect(screen.button("Undo")).to_have_count(0)
    screen.page.clock.resume()
    platformos.add_many(1)
    screen.wait_ids(["4"])
    screen.button("Clear").click()
    screen.environment.select_option("production")
    expect(screen.button("Undo")).to_have_count(0)


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
