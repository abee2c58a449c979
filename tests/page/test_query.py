"""Query: the filter helps to write one, and each value in the details makes one."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.page.conftest import Visit
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS
from tests.support.server import Server


def _add(platformos: PlatformOS) -> None:
    platformos.add(
        {"message": "one", "data": {"user": {"email": "ana@example.com"}, "order": {"id": 7}}},
        {"message": "two", "data": {"user": {"email": "bo@example.com"}, "order": {"id": 8}}},
        {"message": "three", "error_type": "LiquidError", "data": {"user": {"email": "ana@example.com"}}},
    )


def _value(screen: Screen, id_: str, text: str, name: str) -> None:
    entry = screen.entry(id_)
    if entry.get_by_text(text, exact=True).count() == 0:
        entry.get_by_role("button", name=f"Details of entry {id_}", exact=True).click()
    entry.get_by_text(text, exact=True).hover()
    line = entry.get_by_role("listitem").filter(has=screen.page.get_by_text(text, exact=True)).last
    line.get_by_role("button", name=name, exact=True).click()


def test_a_value_is_the_only_one_wanted_or_not_wanted(screen: Screen, platformos: PlatformOS) -> None:
    """The filter says so, as a query that can be changed; Back takes it back."""
    _add(platformos)
    screen.wait_ids(platformos.ids)
    _value(screen, "1", "ana@example.com", "Only this")
    screen.wait_ids(["1", "3"])
    expect(screen.filter).to_have_value("user:ana@example.com")
    _value(screen, "1", "7", "Not this")
    screen.wait_ids(["3"])
    expect(screen.filter).to_have_value("user:ana@example.com -data.order.id:7")
    screen.page.go_back()
    screen.wait_ids(["1", "3"])
    screen.page.go_back()
    screen.wait_ids(["1", "2", "3"])


def test_a_value_is_copied(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """As it is, without its name or quotes."""
    _add(platformos)
    screen = visit(site, permissions=["clipboard-read", "clipboard-write"]).connect()
    screen.wait_ids(platformos.ids)
    _value(screen, "1", "ana@example.com", "Copy")
    screen.page.wait_for_function("() => navigator.clipboard.readText().then(text => text === 'ana@example.com')")


def test_the_filter_suggests_fields_and_the_types_that_were_seen(screen: Screen, platformos: PlatformOS) -> None:
    """By the arrow keys and Enter, and by a click; Enter once more applies it. Escape leaves what was typed."""
    _add(platformos)
    screen.wait_ids(platformos.ids)
    options = screen.page.get_by_role("listbox", name="Suggestions", exact=True).get_by_role("option")
    screen.filter.press_sequentially("ty")
    expect(options).to_have_text(["type:"])
    screen.filter.press("ArrowDown")
    screen.filter.press("Enter")
    expect(screen.filter).to_have_value("type:")
    screen.filter.press_sequentially("liq")
    expect(options).to_have_text(["type:LiquidError"])
    assert screen.ids == platformos.ids
    options.first.click()
    expect(screen.filter).to_have_value("type:LiquidError")
    expect(screen.filter).to_be_focused()
    screen.filter.press("Enter")
    screen.wait_ids(["3"])
    screen.filter.fill("")
    screen.filter.press_sequentially("us")
    expect(options).to_have_text(["user:"])
    screen.filter.press("Escape")
    expect(options).to_have_count(0)
    expect(screen.filter).to_have_value("us")
    expect(screen.filter).to_be_focused()
