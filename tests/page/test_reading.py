"""Reading: how rows look, what is copied of them, what the pins are for, and what an empty log says."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.page.conftest import Visit
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS
from tests.support.server import Server

BROKEN: dict[str, Any] = {
    "error_type": "LiquidError",
    "message": "it broke\n```\nat line 3",
    "data": {"page": "cart/show", "n": 1},
    "created_at": "2024-01-01T12:00:00Z",
}


def _height(row: Locator) -> float:
    box = row.bounding_box()
    assert box is not None
    return box["height"]


def _copied(screen: Screen, button: Locator) -> str:
    screen.page.evaluate("() => navigator.clipboard.writeText('')")
    button.click()
    text = screen.page.wait_for_function("() => navigator.clipboard.readText().then(text => text || null)")
    return str(text.json_value())


def _able_to_copy(site: Server, visit: Visit) -> Screen:
    return visit(site, permissions=["clipboard-read", "clipboard-write"]).connect()


def test_lines_wrap_or_not_and_rows_are_close_or_not(screen: Screen, platformos: PlatformOS) -> None:
    """Two switches behind More, which a reload keeps. The newest entry stays in view."""
    platformos.add_many(60, message="a long line " * 40)
    screen.wait_ids(platformos.ids)
    tall = _height(screen.entries.last)
    assert tall > 40
    screen.open_more().checkbox("Wrap lines").uncheck()
    assert _height(screen.entries.last) == 24
    expect(screen.entries.last).to_be_in_viewport(ratio=1)
    screen.checkbox("Compact rows").check()
    assert _height(screen.entries.last) == 20
    screen.page.reload()
    screen.wait_ids(platformos.ids)
    assert _height(screen.entries.last) == 20
    screen.open_more().checkbox("Wrap lines").check()
    assert _height(screen.entries.last) == tall - 4


def test_an_entry_is_copied_as_json_text_or_markdown(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """Behind More is the form in which Copy does it. A fence in a message does not end the one around it."""
    platformos.add(BROKEN)
    screen = _able_to_copy(site, visit)
    button = screen.wait_drawn("1").get_by_role("button", name=re.compile("Copy entry 1|Copied"))
    assert json.loads(_copied(screen, button))["message"] == BROKEN["message"]
    form = screen.open_more().page.get_by_role("combobox", name="Copy as", exact=True)
    form.select_option("Text")
    assert _copied(screen, button) == (
        "2024-01-01T12:00:00.000Z ERROR LiquidError cart/show: it broke\n  ```\n  at line 3"
    )
    screen.open_more()  # a click elsewhere had put it away
    form.select_option("Markdown")
    assert _copied(screen, button) == (
        "**error** `LiquidError`, 2024-01-01T12:00:00.000Z, `staging`, entry 1, in `cart/show`\n\n"
        "````\nit broke\n```\nat line 3\n````\n\n"
        '```json\n{\n  "page": "cart/show",\n  "n": 1\n}\n```\n'
    )


def test_the_pins_are_copied_as_a_report(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """All of them under one title, in the order in which they were pinned."""
    platformos.add(BROKEN, {"message": "another"})
    screen = _able_to_copy(site, visit)
    for id_ in ("2", "1"):
        screen.wait_drawn(id_).get_by_role("button", name=f"Pin entry {id_}").click()
    text = _copied(screen, screen.region("Pinned entries").get_by_role("button", name=re.compile("^(Copy as|copied)")))
    assert text.startswith("## Pinned entries\n\n**info**")
    assert text.index("another") < text.index("it broke")


@pytest.mark.parametrize("size", [(1366, 768), (360, 740)], ids=str)
def test_a_pin_leads_to_its_place_in_the_log(
    site: Server, platformos: PlatformOS, visit: Visit, size: tuple[int, int]
) -> None:
    """A click brings the entry into view, with what is around it, whatever the view was narrowed to."""
    screen = visit(site, viewport={"width": size[0], "height": size[1]}).connect()
    platformos.add({"error_type": "error", "message": "the one"})
    screen.wait_drawn("1").get_by_role("button", name="Pin entry 1").click()
    platformos.add_many(200)
    screen.wait_drawn("201")
    screen.entry("201").get_by_role("button", name="info", exact=True).click()
    expect(screen.entry("1")).to_have_count(0)
    overview = screen.page.get_by_role("tab", name="Overview")
    if overview.is_visible():
        overview.click()
    screen.region("Pinned entries").get_by_role("button", name="the one").click()
    expect(screen.entry("1")).to_be_in_viewport(ratio=1)
    expect(screen.entry("2")).to_be_in_viewport()
    expect(screen.entry("1")).to_have_attribute("aria-current", "true")


def test_an_empty_log_says_what_is_watched_and_how_to_write_an_entry(screen: Screen, platformos: PlatformOS) -> None:
    """With a filter it says that none matches; where entries are only hidden, it says so."""
    for text in ("No entries yet.", "staging: watched since ", "{% log 'hello', type: 'test' %}"):
        expect(screen.log).to_contain_text(text)
    screen.set_filter("warn")
    expect(screen.log).to_contain_text("No entries yet that match")
    expect(screen.log).not_to_contain_text("{% log")
    screen.set_filter("")
    platformos.add({"message": "m"})
    screen.wait_ids(["1"])
    expect(screen.log.get_by_text("No entries yet")).to_be_hidden()
    screen.search.fill("nothing has this")
    screen.checkbox("Only matches").check()
    expect(screen.log).to_contain_text("None of the entries held match.")


def test_a_cleared_log_says_that_it_was_cleared(screen: Screen, platformos: PlatformOS) -> None:
    """Until something comes, or Clear is undone; nobody is told how to write an entry who has seen some."""
    platformos.add_many(2)
    screen.wait_ids(platformos.ids)
    screen.button("Clear").click()
    expect(screen.log).to_contain_text("Cleared; what comes from now on is shown.")
    expect(screen.log).to_contain_text("staging: watched since ")
    expect(screen.log).not_to_contain_text("No entries yet")
    expect(screen.log).not_to_contain_text("{% log")
    screen.button("Undo").click()
    screen.wait_ids(platformos.ids)
    screen.button("Clear").click()
    screen.environment.select_option("production")
    expect(screen.log).to_contain_text("No entries yet.")
