"""Stay: what the reader looks at keeps its place on the screen, whatever happens around it."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, expect

from tests.page.screen import Screen
from tests.support.platformos import PlatformOS

MANY = 300
NEAR_PX = 2.0


def _fill(screen: Screen, platformos: PlatformOS, count: int = MANY) -> None:
    """Of each thirty one is a warning; the data of each has a word."""
    platformos.add(
        *(
            {"error_type": "warn" if n % 30 == 0 else "info", "message": f"m{n}", "data": {"word": f"w{n}"}}
            for n in range(1, count + 1)
        )
    )
    screen.wait_drawn(str(count))


def _top(entry: Locator) -> float:
    """How far an entry is below the top of the log, in pixels."""
    pixels: float = entry.evaluate(
        "each => each.getBoundingClientRect().top - each.closest('[role=log]').getBoundingClientRect().top"
    )
    return pixels


def _narrow(screen: Screen, type_: str) -> None:
    screen.figure("Entries by type").get_by_role("button", name=type_).click()


def test_an_open_entry_stays_where_it_is_when_all_are_shown_again(screen: Screen, platformos: PlatformOS) -> None:
    """The view was narrowed to ten entries, and one in the middle was opened; then it stands among three hundred."""
    _fill(screen, platformos)
    _narrow(screen, "warn")
    screen.wait_ids([str(n) for n in range(30, MANY + 1, 30)])
    screen.entry("150").get_by_role("button", name="Details of entry 150").click()
    expect(screen.entry("150").get_by_text("w150")).to_be_visible()
    before = _top(screen.entry("150"))
    screen.button("Show all").click()
    screen.wait_drawn("151")
    expect(screen.entry("150")).to_be_in_viewport()
    assert abs(_top(screen.entry("150")) - before) <= NEAR_PX
    expect(screen.entry("150").get_by_text("w150")).to_be_visible()
    platformos.add_many(3)
    expect(screen.jump).to_have_text("3 new, jump to live")
    assert abs(_top(screen.entry("150")) - before) <= NEAR_PX


def test_the_current_entry_stays_where_it_is_at_every_change_of_view(screen: Screen, platformos: PlatformOS) -> None:
    """It is among many others when the view widens and narrows, by type, by the search, and by the filter."""
    _fill(screen, platformos)
    _narrow(screen, "warn")
    screen.wait_ids([str(n) for n in range(30, MANY + 1, 30)])
    screen.entry("210").click()
    screen.search.fill("m2")
    before = _top(screen.entry("210"))
    screen.button("Show all").click()
    screen.wait_drawn("209")
    assert abs(_top(screen.entry("210")) - before) <= NEAR_PX
    screen.checkbox("Only matches").check()
    expect(screen.entry("190")).to_have_count(0)
    assert abs(_top(screen.entry("210")) - before) <= NEAR_PX
    screen.checkbox("Only matches").uncheck()
    screen.wait_drawn("190")
    assert abs(_top(screen.entry("210")) - before) <= NEAR_PX
    screen.set_filter("type:info,warn")
    screen.wait_drawn("190")
    assert abs(_top(screen.entry("210")) - before) <= NEAR_PX
    expect(screen.entry("210")).to_have_attribute("aria-current", "true")


def test_a_reader_who_stays_sees_all_that_a_wider_view_has(screen: Screen, platformos: PlatformOS) -> None:
    """The view was narrowed to the first entry; those after it are shown again, and none of them counts as new."""
    platformos.add({"error_type": "error", "data": {"page": "a"}}, *({"data": {"page": "b"}} for _ in range(80)))
    screen.wait_drawn("81")
    screen.scroll_up()
    screen.entry("1").click()
    screen.entry("1").get_by_role("button", name="a", exact=True).click()
    screen.wait_ids(["1"])
    screen.button(re.compile("^Narrowed to a: remove$")).click()
    screen.wait_ids(platformos.ids)
    expect(screen.jump).to_have_text("Jump to live")
    expect(screen.entry("1")).to_be_in_viewport()


def test_an_entry_that_was_opened_is_open_when_it_comes_back(screen: Screen, platformos: PlatformOS) -> None:
    """It has left the screen and what is drawn, by a narrowing that it is not in."""
    _fill(screen, platformos)
    screen.entry("299").get_by_role("button", name="Details of entry 299").click()
    _narrow(screen, "warn")
    expect(screen.entry("299")).to_have_count(0)
    screen.button("Show all").click()
    expect(screen.entry("299").get_by_text("w299")).to_be_visible()


def test_text_can_be_selected_while_rows_arrive(screen: Screen, platformos: PlatformOS) -> None:
    """Nothing moves while a button is down or text is selected; what came is counted, and is there afterwards."""
    _fill(screen, platformos)
    message = screen.entry("295").get_by_text("m295", exact=True)
    box = message.bounding_box()
    assert box is not None
    screen.page.mouse.move(box["x"] + 1, box["y"] + box["height"] / 2)
    screen.page.mouse.down()
    platformos.add_many(40)
    expect(screen.jump).to_have_text("40 new, jump to live")
    assert message.bounding_box() == box
    screen.page.mouse.move(box["x"] + box["width"] - 1, box["y"] + box["height"] / 2, steps=5)
    screen.page.mouse.up()
    platformos.add_many(2)
    expect(screen.jump).to_have_text("42 new, jump to live")
    assert message.bounding_box() == box
    selected = screen.page.evaluate("() => getSelection().toString()")
    assert selected
    assert selected in "m295"
    screen.page.evaluate("() => getSelection().removeAllRanges()")
    expect(screen.entry(platformos.ids[-1])).to_be_in_viewport()
    expect(screen.jump).to_have_count(0)


def test_a_press_in_the_rows_holds_them_only_as_long_as_it_lasts(screen: Screen, platformos: PlatformOS) -> None:
    """A click that selects nothing leaves the log live."""
    _fill(screen, platformos)
    screen.entry("298").get_by_role("time").click()
    platformos.add_many(40)
    expect(screen.entry(platformos.ids[-1])).to_be_in_viewport()
