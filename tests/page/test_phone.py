"""Phone: on 360 pixels nothing that is said is cut off, and what can be pressed can be reached."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, expect

from tests.page.conftest import Visit
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS
from tests.support.server import Server

PHONE = {"width": 360, "height": 740}
PATH = "app/views/partials/shared/price_tag.liquid"
BROKEN = {
    "error_type": "LiquidError",
    "message": "Liquid error: undefined filter pricify",
    "data": {
        "schema_version": 1,
        "message": "undefined filter pricify",
        "stack": [{"path": PATH, "line": 7}],
    },
}


@pytest.fixture
def phone(site: Server, visit: Visit) -> Screen:
    """The page on a phone, connected to staging."""
    return visit(site, viewport=PHONE).connect()


def _edges(part: Locator) -> tuple[float, float]:
    """Where it begins and ends from left to right, in pixels."""
    box = part.bounding_box()
    assert box is not None, part
    return box["x"], box["x"] + box["width"]


def _is_whole(part: Locator) -> bool:
    """Whether all of its text is within it."""
    whole: bool = part.evaluate(
        "each => each.scrollWidth <= each.clientWidth && each.scrollHeight <= each.clientHeight"
    )
    return whole


def _scroll_away(screen: Screen, platformos: PlatformOS) -> None:
    platformos.add_many(60)
    screen.wait_drawn(platformos.ids[-1])
    screen.scroll_up()
    expect(screen.jump).to_be_visible()


@pytest.mark.parametrize("width", [360, 320])
@pytest.mark.parametrize("new", [23, 1200])
def test_the_way_back_says_all_that_it_says(
    site: Server, platformos: PlatformOS, visit: Visit, width: int, new: int
) -> None:
    """How many are new, beside the tabs; also where it is Clear that can be taken back."""
    screen = visit(site, viewport={"width": width, "height": 740}).connect()
    _scroll_away(screen, platformos)
    platformos.add_many(new)
    expect(screen.button(f"{new:,} new, jump to live")).to_be_visible()
    begin, end = _edges(screen.jump)
    assert begin >= 0
    assert end <= width
    assert _is_whole(screen.jump)
    expect(screen.page.get_by_role("tab", name="Overview")).to_be_in_viewport(ratio=1)
    screen.open_more().button("Clear").click()
    screen.page.keyboard.press("Escape")
    expect(screen.button("Undo")).to_be_in_viewport(ratio=1)
    _scroll_away(screen, platformos)
    for part in (screen.jump, screen.button("Undo")):
        expect(part).to_be_in_viewport(ratio=1)


def test_the_search_says_what_it_is(phone: Screen, platformos: PlatformOS) -> None:
    """Its hint fits beside the cross that empties the field; a larger screen has room for all of it."""
    width = """each => {
      const style = getComputedStyle(each), pen = document.createElement("canvas").getContext("2d");
      pen.font = style.font;
      const room = each.clientWidth - 2 * parseFloat(style.paddingLeft) - parseFloat(style.fontSize);
      return [pen.measureText(each.placeholder).width, room];
    }"""
    needed, there = phone.search.evaluate(width)
    assert needed <= there
    phone.page.set_viewport_size({"width": 1280, "height": 800})
    expect(phone.search).to_have_attribute("placeholder", "Search, in any case")
    needed, there = phone.search.evaluate(width)
    assert needed <= there


@pytest.mark.parametrize("search", ["", "Liquid"])
def test_each_chip_is_on_the_screen_with_its_cross(phone: Screen, platformos: PlatformOS, search: str) -> None:
    """A path is cut before it pushes others away, and all of it is told to who points at it."""
    platformos.add(BROKEN, {"message": "after"})
    phone.wait_ids(platformos.ids)
    phone.search.fill(search)
    phone.entry("1").get_by_role("button", name=f"{PATH}:7").press("Enter")
    phone.entry("1").get_by_role("button", name="error", exact=True).click()
    phone.wait_ids(["1"])
    chips = phone.page.get_by_role("group", name="Narrowed to")
    parts = chips.get_by_role("button")
    expect(parts).to_have_count(3)
    room = phone.button("Previous match")
    most = _edges(phone.page.locator("#found"))[0] if room.is_visible() else 360
    for part in parts.all():
        begin, end = _edges(part)
        assert begin >= 0
        assert end <= most + 1, part.inner_text()
    for chip in chips.get_by_role("button", name=re.compile("remove$")).all():
        begin, end = _edges(chip)
        assert _edges(chip.locator(".cross"))[1] <= end
        assert end - begin >= 44
    path = chips.get_by_role("button", name=PATH)
    expect(path).to_have_attribute("title", f"Narrowed to {PATH}: remove")
    begin, end = _edges(path.locator(".cross"))
    middle = path.bounding_box()
    assert middle is not None
    phone.page.mouse.click((begin + end) / 2, middle["y"] + middle["height"] / 2)
    expect(path).to_have_count(0)


def test_a_path_flows_with_its_line(phone: Screen, platformos: PlatformOS) -> None:
    """It begins beside the type and breaks where it must, and no colon stands on a line without it."""
    platformos.add(BROKEN)
    row = phone.wait_drawn("1")
    path = row.get_by_role("button", name=f"{PATH}:7")
    tops = path.evaluate("each => [...each.getClientRects()].map(({ top }) => top)")
    kind = row.locator(".kind").bounding_box()
    assert kind is not None
    assert len(tops) > 1
    assert abs(tops[0] - kind["y"]) < 8
    colon = row.evaluate(
        """each => {
          const range = document.createRange();
          const text = each.querySelector(".path").nextSibling;
          range.setStart(text, 0);
          range.setEnd(text, 1);
          return [range.toString(), range.getBoundingClientRect().top];
        }"""
    )
    assert colon[0] == ":"
    assert abs(colon[1] - tops[-1]) < 8


def test_a_path_is_pressed_by_keys_too(screen: Screen, platformos: PlatformOS) -> None:
    """Enter and Space act as on any button: neither unfolds the entry nor pauses the log."""
    platformos.add(BROKEN, {"message": "another"})
    screen.wait_ids(platformos.ids)
    for key in ("Enter", "Space"):
        screen.entry("1").focus()
        path = screen.entry("1").get_by_role("button", name=f"{PATH}:7")
        path.focus()
        expect(path).to_be_focused()
        screen.page.keyboard.press(key)
        screen.wait_ids(["1"])
        screen.wait_state("live")
        expect(screen.entry("1").get_by_role("button", name="Details of entry 1")).to_have_attribute(
            "aria-expanded", "false"
        )
        screen.button("Show all").click()
        screen.wait_ids(platformos.ids)


def test_not_connected_stands_on_one_line(site: Server, visit: Visit) -> None:
    """There is room for it."""
    screen = visit(site, viewport=PHONE)
    box = screen.connection.bounding_box()
    assert box is not None
    assert box["height"] <= 24


def test_no_time_below_the_chart_is_cut(phone: Screen, platformos: PlatformOS) -> None:
    """One that does not fit at the right edge is left out; its line stays."""
    begin = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for last in (51, 55, 58):
        platformos.add(
            *({"created_at": (begin + timedelta(minutes=n)).isoformat()} for n in range(last - 50, last)),
        )
        phone.wait_drawn(platformos.ids[-1])
        phone.page.get_by_role("tab", name="Overview").click()
        ticks = phone.figure("Entries over time").locator(".ticks > *")
        expect(ticks.first).to_be_visible()
        cut = ticks.evaluate_all(
            """all => all.filter(each => {
              const range = document.createRange();
              range.selectNodeContents(each.querySelector("span") ?? each);
              const text = range.getBoundingClientRect(), line = each.parentElement.getBoundingClientRect();
              return text.right > line.right && text.top < line.bottom - 2;
            }).map(each => each.textContent)"""
        )
        assert cut == []
        phone.page.get_by_role("tab", name="Log").click()


def test_a_phone_spends_no_lines_on_what_is_not_there(phone: Screen, platformos: PlatformOS) -> None:
    """Without chips the log begins below the bar; the chart's title is one text, and stands on one line."""
    platformos.add({"error_type": "error"}, {})
    phone.wait_ids(platformos.ids)
    bar, log = phone.page.locator("header").bounding_box(), phone.log.bounding_box()
    assert bar is not None
    assert log is not None
    assert log["y"] - bar["y"] - bar["height"] <= 1
    phone.entry("1").get_by_role("button", name="error", exact=True).click()
    expect(phone.button("Show all")).to_be_in_viewport(ratio=1)
    phone.button("Show all").click()
    phone.wait_ids(platformos.ids)
    phone.page.get_by_role("tab", name="Overview").click()
    title = phone.page.get_by_text("Entries over time", exact=True)
    assert title.evaluate("each => each.getClientRects().length") == 1
    box = title.bounding_box()
    assert box is not None
    assert box["height"] <= 24


def test_what_a_link_leads_to_can_be_read(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """The entry's tools do not lie on it before it is touched."""
    platformos.add_many(40)
    screen = visit(site, "#at=20", viewport=PHONE, has_touch=True, is_mobile=True).connect()
    entry = screen.entry("20")
    expect(entry).to_have_attribute("aria-current", "true")
    expect(screen.page.get_by_text("Asking for what is around")).to_have_count(0)
    expect(entry.locator(".tools")).to_have_css("opacity", "0")
    entry.tap(position={"x": 20, "y": 12})
    expect(entry.locator(".tools")).to_have_css("opacity", "1")


@pytest.mark.parametrize("message", ["w" * 70, "\n".join("word " * 9 for _ in range(30))], ids=["short", "long"])
def test_the_tools_of_a_touched_row_lie_on_none_of_its_text(
    site: Server, platformos: PlatformOS, visit: Visit, message: str
) -> None:
    """They get a line of their own, and the row shows as much of its text as before."""
    platformos.add({"message": message}, {})
    screen = visit(site, viewport=PHONE, has_touch=True, is_mobile=True).connect()
    screen.wait_ids(platformos.ids)
    entry = screen.entry("1")
    before = entry.bounding_box()
    entry.tap(position={"x": 20, "y": 12})
    tools = entry.locator(".tools")
    expect(tools).to_have_css("opacity", "1")
    head, lies, after = entry.locator(".head").bounding_box(), tools.bounding_box(), entry.bounding_box()
    assert before is not None
    assert head is not None
    assert lies is not None
    assert after is not None
    assert lies["y"] >= after["y"]
    assert lies["y"] + lies["height"] <= head["y"] + 1
    assert after["height"] - before["height"] >= lies["height"]
    tools.get_by_role("button", name="Pin entry 1").tap()
    expect(tools.get_by_role("button", name="Pin entry 1")).to_have_attribute("aria-pressed", "true")


def test_a_touch_acts_whatever_was_touched_before(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """A row grows by a line for its tools only once the touch is over: what moves under a finger would get no click."""
    platformos.add(*({"message": "line\n" * 30, "data": {"number": n}} for n in range(3)))
    screen = visit(site, viewport=PHONE, has_touch=True, is_mobile=True).connect()
    screen.wait_ids(platformos.ids)
    for id_ in ("2", "3", "1"):
        screen.entry(id_).get_by_role("button", name=f"Details of entry {id_}").tap()
        expect(screen.entry(id_).locator(".data")).to_be_visible()
    for id_ in ("1", "3", "2"):
        screen.entry(id_).locator(".fold").tap()
        expect(screen.entry(id_)).to_have_class(re.compile("whole"))
    screen.entry("1").get_by_role("button", name="info").tap()
    expect(screen.page.get_by_role("button", name=re.compile("^Narrowed to type info"))).to_be_visible()


def test_a_time_that_is_chosen_in_the_overview_opens_at_its_first_error(phone: Screen, platformos: PlatformOS) -> None:
    """The overview lies on the log meanwhile; a kind of errors that is chosen there opens at the same place."""
    begin = datetime(2026, 3, 1, 12, tzinfo=UTC)
    platformos.add(
        *(
            {
                "created_at": (begin + timedelta(milliseconds=800 * n)).isoformat(),
                "error_type": "error" if n > 30 or n == 10 else "info",
                "message": "broken" if n > 30 else "another",
            }
            for n in range(150)
        )
    )
    phone.wait_drawn("150")
    log, overview = (phone.page.get_by_role("tab", name=name) for name in ("Log", "Overview"))
    overview.click()
    phone.figure("Entries over time").get_by_role("button").first.click()
    log.click()
    expect(phone.entry("11")).to_have_attribute("aria-current", "true")
    expect(phone.entry("11")).to_be_in_viewport(ratio=1)
    phone.page.wait_for_function("() => location.hash.endsWith('at=11')")
    overview.click()
    phone.figure("Entries over time").get_by_role("button").nth(1).click()
    phone.figure("Entries over time").get_by_role("button").first.click()
    phone.region("Errors by kind").get_by_role("button", name="broken").click()
    log.click()
    expect(phone.entry("32")).to_be_in_viewport(ratio=1)
    expect(phone.entry("75")).not_to_be_in_viewport()
