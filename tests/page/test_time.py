"""Time: what is narrowed to a time, also to one that the page does not hold, and what is told of silence."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Locator, expect

from tests.page.conftest import Visit
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS
from tests.support.server import Server

MORE_THAN_HELD = 10_400  # at its opening the page gets 10,000


def _ago(**kw: float) -> str:
    return (datetime.now(UTC) - timedelta(**kw)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _last(screen: Screen) -> Locator:
    return screen.page.get_by_role("combobox", name="Last", exact=True)


def _chart(screen: Screen) -> Locator:
    return screen.figure("Entries over time").get_by_role("button")


def test_the_last_minutes_are_shown_and_what_comes(screen: Screen, platformos: PlatformOS) -> None:
    """The link keeps since when; any time shows all again."""
    platformos.add(*({"created_at": _ago(minutes=each)} for each in (50, 30, 10, 4, 1)))
    screen.wait_ids(platformos.ids)
    _last(screen).select_option(label="15 min")
    screen.wait_ids(["3", "4", "5"])
    _last(screen).select_option(label="60 min")
    screen.wait_ids(platformos.ids)
    _last(screen).select_option(label="5 min")
    screen.wait_ids(["4", "5"])
    since = datetime.fromisoformat(parse_qs(screen.fragment)["since"][0])
    assert timedelta(minutes=4) < datetime.now(UTC) - since < timedelta(minutes=6)
    platformos.add_many(1)
    screen.wait_ids(["4", "5", "6"])
    _last(screen).select_option(label="any time")
    screen.wait_ids(platformos.ids)


def test_since_takes_a_time_or_how_long_ago(screen: Screen, platformos: PlatformOS) -> None:
    """What is neither is marked, and changes nothing."""
    platformos.add({"created_at": "2026-03-01T11:00:00Z"}, {"created_at": "2026-03-01T12:00:00Z"}, {})
    screen.wait_ids(platformos.ids)
    since = screen.page.get_by_role("textbox", name="Since", exact=True)
    for text, ids in (("2026-03-01T11:30", ["2", "3"]), ("10m", ["3"]), ("", ["1", "2", "3"])):
        since.fill(text)
        since.press("Enter")
        screen.wait_ids(ids)
        expect(since).to_have_attribute("aria-invalid", "false")
    since.fill("tomorrow")
    since.press("Enter")
    expect(since).to_have_attribute("aria-invalid", "true")
    screen.wait_ids(platformos.ids)


def test_a_time_reaches_beyond_what_the_page_holds(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """The server is asked for what is older than the ten thousand of the opening, once more on the way back to it."""
    platformos.add(
        *({"created_at": _ago(minutes=55)} for _ in range(400)),
        *({"created_at": _ago(minutes=40)} for _ in range(MORE_THAN_HELD - 400)),
    )
    screen = visit(site).connect()
    expect(screen.download).to_have_text("Download 10,000", timeout=60_000)
    _last(screen).select_option(label="60 min")
    expect(screen.download).to_have_text("Download 10,400", timeout=60_000)
    screen.environment.select_option("production")
    expect(screen.download).to_have_text("Download 0")
    screen.page.go_back()
    expect(screen.download).to_have_text("Download 10,400", timeout=30_000)


def test_a_drag_over_the_histogram_narrows_to_that_time(screen: Screen, platformos: PlatformOS) -> None:
    """Shift and the arrow keys do the same. A click still narrows to one column."""
    platformos.add(*({"created_at": _ago(minutes=each)} for each in (9, 8, 7, 6, 5, 4, 3, 2)))
    screen.wait_ids(platformos.ids)
    columns = _chart(screen)
    expect(columns).to_have_count(8)
    first, _, third, *_ = columns.evaluate_all("all => all.map(each => each.getBoundingClientRect().toJSON())")
    y = first["y"] + first["height"] / 2
    screen.page.mouse.move(first["x"] + first["width"] / 2, y)
    screen.page.mouse.down()
    screen.page.mouse.move(third["x"] + third["width"] / 2, y, steps=6)
    screen.page.mouse.up()
    screen.wait_ids(["1", "2", "3"])
    screen.button("Show all").click()
    screen.wait_ids(platformos.ids)
    columns.nth(4).focus()
    screen.page.keyboard.press("Shift+ArrowRight")
    screen.wait_ids(["5", "6"])
    screen.page.keyboard.press("Shift+ArrowRight")
    screen.wait_ids(["5", "6", "7"])
    screen.button("Show all").click()
    columns.nth(3).click()
    screen.wait_ids(["4"])


def test_a_silence_is_told_between_its_entries(screen: Screen, platformos: PlatformOS) -> None:
    """Not where the filter or the search leaves entries out, since there it was not silent."""
    platformos.add(
        {"created_at": "2026-03-01T12:00:00Z", "error_type": "error"},
        {"created_at": "2026-03-01T12:00:50Z"},
        {"created_at": "2026-03-01T12:03:00Z"},
    )
    screen.wait_ids(platformos.ids)
    expect(screen.entry("3")).to_contain_text("2 min 10 s of silence")
    expect(screen.page.get_by_text("of silence")).to_have_count(1)
    screen.set_filter("error")
    platformos.add({"created_at": "2026-03-01T12:30:00Z", "error_type": "error"})
    screen.wait_ids(["1", "4"])
    expect(screen.page.get_by_text("of silence")).to_have_count(0)


def test_what_came_while_nobody_looked_begins_with_a_line(screen: Screen, platformos: PlatformOS) -> None:
    """It stays there while the reader reads, until the next time."""
    screen.page.evaluate(
        """() => {
          Object.defineProperty(document, "hidden", { get: () => window.away === true });
          window.look = (away) => { window.away = away; document.dispatchEvent(new Event("visibilitychange")); };
        }"""
    )
    platformos.add_many(3)
    screen.wait_ids(platformos.ids)
    screen.page.evaluate("() => look(true)")
    platformos.add_many(2)
    screen.wait_ids(platformos.ids)
    screen.page.evaluate("() => look(false)")
    line = screen.page.get_by_text("new since you looked")
    expect(line).to_have_count(1)
    expect(screen.entry("4")).to_contain_text("new since you looked")
    platformos.add_many(1)
    screen.wait_ids(platformos.ids)
    expect(screen.entry("4")).to_contain_text("new since you looked")
    screen.page.evaluate("() => look(true)")
    screen.page.evaluate("() => look(false)")
    expect(screen.entry("4")).to_contain_text("new since you looked")


def test_entries_that_are_not_loaded_between_others_are_told(
    site: Server, platformos: PlatformOS, visit: Visit
) -> None:
    """A link leads to an entry from long before: between those around it and the newest there are more."""
    platformos.add_many(MORE_THAN_HELD + 1000)
    screen = visit(site, "#env=staging&at=200").connect()
    expect(screen.download).to_have_text(re.compile(r"Download 10,\d{3}"), timeout=60_000)
    expect(screen.entry("200")).to_have_attribute("aria-current", "true")
    for _ in range(40):
        screen.log.hover()
        screen.page.mouse.wheel(0, 2000)
        if screen.page.get_by_text("some entries between are not loaded here").count():
            break
    expect(screen.page.get_by_text("some entries between are not loaded here")).to_have_count(1)


@pytest.mark.parametrize("width", [1366, 1240, 861, 360])
def test_since_shows_all_of_a_time_that_was_chosen(
    site: Server, platformos: PlatformOS, visit: Visit, width: int
) -> None:
    """By `Last`, or by a click in the chart, which chooses whole minutes; the address has it to the millisecond."""
    screen = visit(site, viewport={"width": width, "height": 740}).connect()
    platformos.add({"created_at": _ago(minutes=3)}, {})
    screen.wait_ids(platformos.ids)
    if width < 861:
        screen.open_more()
    since = screen.page.get_by_role("textbox", name="Since", exact=True)
    _last(screen).select_option(label="60 min")
    expect(since).to_have_value(re.compile(r"^[-\d]{10}T\d\d:\d\dZ$"))
    said = datetime.fromisoformat(since.input_value())
    exact = datetime.fromisoformat(parse_qs(screen.fragment)["since"][0])
    assert timedelta() <= exact - said < timedelta(minutes=1)
    room = since.evaluate("each => each.clientWidth - each.scrollWidth")
    assert room >= 0
