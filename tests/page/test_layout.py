"""Layout: where things stand on the screen, and that they stay there."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.page.complaints import Complaints
from tests.page.conftest import Visit
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS
from tests.support.server import TOKEN, Server

PHONE, SIDE, ZOOMED = (360, 740), (740, 360), (640, 400)
WIDTHS = [(360, 740), (768, 1024), (1366, 768), (1920, 1080)]
LONG = "Order #1204500 stays unpaid: no answer from the payment gateway within 8105 ms, and none at the second attempt"


def _sized(visit: Visit, site: Server, size: tuple[int, int], **kw: Any) -> Screen:
    return visit(site, viewport={"width": size[0], "height": size[1]}, **kw).connect()


def _box(part: Locator) -> dict[str, float]:
    box = part.bounding_box()
    assert box is not None, part
    return {**box, "right": box["x"] + box["width"], "bottom": box["y"] + box["height"]}


def _ago(**kw: float) -> str:
    return (datetime.now(UTC) - timedelta(**kw)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("size", WIDTHS, ids=str)
def test_a_pinned_entry_is_a_block_that_can_be_read(
    site: Server, platformos: PlatformOS, visit: Visit, size: tuple[int, int]
) -> None:
    """Its head is above its message, Unpin at the right; the pins are above the groups, on the first screen."""
    screen = _sized(visit, site, size)
    platformos.add({"error_type": "error", "message": LONG}, {"message": "another"})
    for id_ in ("1", "2"):
        screen.wait_drawn(id_).get_by_role("button", name=f"Pin entry {id_}").click()
    overview = screen.page.get_by_role("tab", name="Overview")
    if overview.is_visible():
        overview.click()
    pinned = screen.region("Pinned entries").get_by_role("listitem").first
    expect(pinned).to_be_in_viewport(ratio=1)
    head, message = _box(pinned.get_by_role("time")), _box(pinned.get_by_text("Order #1204500"))
    unpin = _box(pinned.get_by_role("button", name="Unpin entry 1"))
    assert message["width"] > 200
    assert message["height"] < 110
    assert head["bottom"] <= message["y"] + 1
    assert unpin["x"] >= head["right"]
    assert unpin["bottom"] <= message["y"] + 4
    assert _box(pinned)["right"] - unpin["right"] < 16
    assert _box(screen.region("Pinned entries"))["bottom"] <= _box(screen.region("Errors by kind"))["y"]


@pytest.mark.parametrize("size", [PHONE, SIDE, ZOOMED], ids=str)
def test_a_small_screen_shows_the_newest_entry_below_one_bar(
    site: Server, platformos: PlatformOS, visit: Visit, size: tuple[int, int]
) -> None:
    """State, search, Pause and More stand side by side. The log gets the rest, and the page itself never scrolls."""
    screen = _sized(visit, site, size, has_touch=True)
    platformos.add_many(60, message=LONG)
    screen.wait_ids(platformos.ids)
    expect(screen.entries.last).to_be_in_viewport(ratio=1)
    bar = [screen.connection, screen.search, screen.button("Pause"), screen.button("More")]
    boxes = [_box(part) for part in bar]
    assert max(each["y"] for each in boxes) < min(each["bottom"] for each in boxes)
    assert all(one["right"] <= other["x"] for one, other in pairwise(boxes))
    assert max(each["bottom"] for each in boxes) < 48
    assert _box(screen.log)["height"] > 0.6 * size[1]
    assert screen.page.evaluate("() => document.documentElement.scrollHeight <= innerHeight")
    for name in ("Environment", "Filter", "Clear", "Download", "Forget token", "Tool"):
        expect(screen.page.get_by_label(name).or_(screen.button(re.compile(f"^{name}"))).first).to_be_hidden()


def test_a_small_screen_has_its_controls_behind_more(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """All of them are within the screen; Escape and a touch elsewhere put them away, and `f` shows the filter."""
    screen = _sized(visit, site, PHONE)
    platformos.add_many(30)
    screen.wait_ids(platformos.ids)
    screen.open_more()
    for part in (
        screen.environment, screen.filter, screen.tool, screen.checkbox("Only matches"),
        screen.button("Clear"), screen.button(re.compile("^Download")), screen.button("Forget token"),
    ):  # fmt: skip
        expect(part).to_be_in_viewport(ratio=1)
    screen.filter.focus()
    screen.page.keyboard.press("Escape")
    expect(screen.filter).to_be_hidden()
    expect(screen.button("More")).to_be_focused()
    screen.log.focus()
    screen.page.keyboard.press("f")
    expect(screen.filter).to_be_focused()
    screen.log.click(position={"x": 100, "y": 600})
    expect(screen.filter).to_be_hidden()


def test_a_small_screen_has_the_overview_behind_a_tab(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """The arrow keys lead there and back, and the log still follows."""
    screen = _sized(visit, site, PHONE)
    platformos.add_many(40)
    screen.wait_ids(platformos.ids)
    overview = screen.page.get_by_role("tab", name="Overview")
    expect(screen.figure("Entries by type")).to_be_hidden()
    overview.click()
    for name in ("Entries by type", "Entries over time"):
        expect(screen.figure(name)).to_be_in_viewport(ratio=1)
    expect(screen.log).to_be_hidden()
    platformos.add_many(3)
    overview.press("ArrowLeft")
    expect(screen.page.get_by_role("tab", name="Log")).to_be_focused()
    expect(screen.entry(platformos.ids[-1])).to_be_in_viewport(ratio=1)


def _lines(screen: Screen) -> list[list[str]]:
    """The controls by the line that they stand in, each by its name or text."""
    found: list[tuple[float, str]] = screen.page.locator("header .controls").evaluate(
        """(all) => [...all.querySelectorAll("select, input, button")].filter(it => it.checkVisibility()).map(each => {
          const { top, bottom } = each.getBoundingClientRect();
          return [(top + bottom) / 2, each.ariaLabel ?? each.labels?.[0]?.textContent.trim() ?? each.textContent];
        })"""
    )
    lines: list[list[str]] = []
    for number, (middle, name) in enumerate(found):
        if number == 0 or abs(middle - found[number - 1][0]) > 8:
            lines.append([])
        lines[-1].append(name)
    return lines


@pytest.mark.parametrize("width", [1240, 1280, 1366, 1920])
def test_the_controls_stand_in_one_line(site: Server, platformos: PlatformOS, visit: Visit, width: int) -> None:
    """Also when six digits of entries would be saved. The filter has room for a query."""
    screen = _sized(visit, site, (width, 800))
    platformos.add_many(1200)
    expect(screen.download).to_have_text("Download 1,200")
    assert len(_lines(screen)) == 1
    assert _box(screen.filter)["width"] >= 200
    screen.download.evaluate("each => { each.textContent = 'Download 100,000'; }")
    assert len(_lines(screen)) == 1


@pytest.mark.parametrize("width", [861, 1000, 1239])
def test_the_controls_stand_in_two_lines_by_their_kind(site: Server, visit: Visit, width: int) -> None:
    """The first says what is asked for, the second what is done with it; its buttons are at the right."""
    screen = _sized(visit, site, (width, 800))
    first, second = ([name.split()[0] for name in line] for line in _lines(screen))
    assert first == ["Environment", "Filter", "Last", "Since"]
    assert second == ["Regular", "Only", "Clear", "Download", "Keyboard"]
    assert _box(screen.filter)["width"] >= 200
    assert width - _box(screen.button("Keyboard shortcuts"))["right"] < 20


def test_no_control_stands_alone_on_a_phone(site: Server, visit: Visit) -> None:
    """But the environment, and the filter, which takes a line: what is typed there may be long."""
    screen = _sized(visit, site, PHONE).open_more()
    alone = [line[0].split()[0] for line in _lines(screen) if len(line) == 1]
    assert alone == ["Environment", "Filter"]
    assert len(_lines(screen)) <= 5


def test_tool_and_forget_token_are_behind_more(screen: Screen) -> None:
    """They are not used every day."""
    expect(screen.tool).to_be_hidden()
    expect(screen.button("Forget token")).to_be_hidden()
    more = screen.button("More")
    expect(more).to_have_attribute("aria-expanded", "false")
    more.click()
    expect(screen.tool).to_be_in_viewport(ratio=1)
    expect(screen.button("Forget token")).to_be_in_viewport(ratio=1)
    for name in ("Format", "Times"):
        expect(screen.page.get_by_role("combobox", name=name, exact=True)).to_be_in_viewport(ratio=1)
    expect(more).to_have_attribute("aria-expanded", "true")
    more.click()
    expect(screen.tool).to_be_hidden()


@pytest.mark.parametrize("size", [(1366, 768), (768, 1024)], ids=str)
def test_narrowing_moves_nothing(site: Server, platformos: PlatformOS, visit: Visit, size: tuple[int, int]) -> None:
    """Two clicks on the same spot of the chart hit the same column: the second undoes the first."""
    screen = _sized(visit, site, size)
    platformos.add(*({"created_at": _ago(minutes=n), "message": f"m{n}"} for n in (9, 9, 5, 2)))
    screen.wait_ids(platformos.ids)
    first = screen.figure("Entries over time").get_by_role("button").first
    places = [_box(part) for part in (first, screen.log, screen.figure("Entries over time"))]
    spot = places[0]["x"] + places[0]["width"] / 2, places[0]["bottom"] - 1
    screen.page.mouse.click(*spot)
    screen.wait_ids(["1", "2"])
    assert [_box(part) for part in (first, screen.log, screen.figure("Entries over time"))] == places
    screen.page.mouse.click(*spot)
    screen.wait_ids(platformos.ids)


def test_each_part_of_what_is_narrowed_to_goes_away_by_itself(screen: Screen, platformos: PlatformOS) -> None:
    """A chip a part, with a ×. Show all takes the rest."""
    platformos.add(
        {"error_type": "error", "data": {"page": "a"}}, {"data": {"page": "a"}}, {"error_type": "error", "data": {}}
    )
    screen.wait_ids(platformos.ids)
    screen.entry("1").get_by_role("button", name="error", exact=True).click()
    screen.entry("1").get_by_role("button", name="a", exact=True).click()
    screen.wait_ids(["1"])
    chips = screen.page.get_by_role("group", name="Narrowed to")
    expect(chips.get_by_role("button", name=re.compile("remove$"))).to_have_text(["type error", "a"])
    chips.get_by_role("button", name=re.compile("type error")).click()
    screen.wait_ids(["1", "2"])
    chips.get_by_role("button", name="Show all").click()
    screen.wait_ids(platformos.ids)
    expect(chips.get_by_role("button")).to_have_count(0)


def _looks(screen: Screen, column: int) -> list[Any]:
    """How all of a column and its errors look, which is None where there are none.

    At one moment: a column that was found before may have been drawn anew.
    """
    told: list[Any] = screen.page.evaluate(
        """column => {
          const each = [...document.querySelectorAll("#by-hour .columns-chart button")].at(column);
          const outline = getComputedStyle(each).outlineStyle;
          return ["::before", "::after"].map(part => {
            const {height, backgroundColor, content} = getComputedStyle(each, part);
            return content === "none" ? null : {height: parseFloat(height), backgroundColor, outline};
          });
        }""",
        column,
    )
    return told


def test_one_error_among_thousands_is_seen(screen: Screen, platformos: PlatformOS) -> None:
    """Its column has at least three pixels of red. A pressed column keeps its colours, and is framed."""
    at = _ago(minutes=3)
    platformos.add(
        *({"created_at": at, "message": "m"} for _ in range(2000)), {"created_at": at, "error_type": "error"}
    )
    platformos.add({"created_at": _ago(minutes=1), "message": "m"})
    chart = screen.figure("Entries over time").get_by_role("button")
    expect(chart.first).to_contain_text("2,001 entries, 1 error")
    expect(chart).to_have_count(2)
    all_, errors = _looks(screen, 0)
    assert errors["height"] >= 3
    assert errors["backgroundColor"] != all_["backgroundColor"]
    assert _looks(screen, -1)[1] is None
    chart.last.click()
    expect(chart.last).to_have_attribute("aria-pressed", "true")
    assert _looks(screen, -1)[0]["backgroundColor"] == all_["backgroundColor"]
    assert _looks(screen, -1)[0]["outline"] == "solid"


def test_the_chart_is_above_the_log_with_its_times(screen: Screen, platformos: PlatformOS) -> None:
    """It is as wide as the page, and has 40 to 70 columns; the times stand below the columns that they name."""
    platformos.add(*({"created_at": _ago(minutes=n)} for n in (50, 40, 3)))
    screen.wait_ids(platformos.ids)
    figure = screen.figure("Entries over time")
    assert _box(figure)["bottom"] <= _box(screen.log)["y"] + 1
    assert _box(figure)["width"] > 1200
    columns = figure.locator(".columns-chart > *")
    assert 40 <= columns.count() <= 70
    ticks = figure.locator(".ticks > *")
    assert 3 <= ticks.count() <= 7
    named = figure.get_by_role("button", name=re.compile("1 entry")).first
    minute = re.search(r"\d\d:(\d\d)", named.inner_text())
    assert minute is not None
    for tick in ticks.all():
        told = re.search(r"(\d\d):(\d\d)$", tick.inner_text())
        assert told is not None
        apart = (int(told[2]) - int(minute[1])) % 60
        width = _box(named)["width"]
        assert abs((_box(tick)["x"] - _box(named)["x"]) / width - apart) < 0.2 or apart > 50


def test_one_tab_reaches_the_chart_and_the_arrow_keys_walk_it(screen: Screen, platformos: PlatformOS) -> None:
    """Seventy stops would be in the way of who goes by keyboard."""
    platformos.add(*({"created_at": _ago(minutes=n), "message": f"m{n}"} for n in (9, 7, 5)))
    screen.wait_ids(platformos.ids)
    chart = screen.figure("Entries over time").get_by_role("button")
    expect(chart).to_have_count(3)  # it is drawn some moments after the log
    assert chart.evaluate_all("all => all.filter(each => each.tabIndex === 0).length") == 1
    chart.last.focus()
    screen.page.keyboard.press("ArrowLeft")
    expect(chart.nth(1)).to_be_focused()
    screen.page.keyboard.press("ArrowLeft")
    screen.page.keyboard.press("ArrowLeft")
    expect(chart.first).to_be_focused()
    screen.page.keyboard.press("Enter")
    screen.wait_ids(["1"])
    expect(chart.first).to_be_focused()


def test_a_rows_tools_lie_over_it_and_take_no_room(screen: Screen, platformos: PlatformOS) -> None:
    """They are seen when the row is pointed at or has the focus, and not else."""
    platformos.add_many(3, message="w " * 400)
    screen.wait_ids(platformos.ids)
    row = screen.entry("2")
    copy = row.get_by_role("button", name="Copy entry 2")
    seen = "each => getComputedStyle(each.parentElement).opacity"
    screen.search.hover()
    assert copy.evaluate(seen) == "0"
    wide = row.evaluate(
        """each => {
          const range = document.createRange();
          range.selectNodeContents(each.querySelector(".message"));
          return each.getBoundingClientRect().right - Math.max(...[...range.getClientRects()].map(({right}) => right));
        }"""
    )
    assert wide < 40
    row.hover()
    assert copy.evaluate(seen) == "1"
    screen.search.hover()
    assert copy.evaluate(seen) == "0"
    row.focus()
    assert copy.evaluate(seen) == "1"
    assert _box(copy)["height"] >= 22


def test_what_is_ordinary_is_grey(screen: Screen, platformos: PlatformOS) -> None:
    """Info is no bold blue: errors and warnings stand out, and nothing else does."""
    platformos.add({"error_type": "info"}, {"error_type": "error"}, {"error_type": "warn"})
    screen.wait_ids(platformos.ids)
    weight = {
        type_: screen.log.get_by_role("button", name=type_, exact=True).evaluate(
            "each => Number(getComputedStyle(each).fontWeight)"
        )
        for type_ in ("info", "error", "warn")
    }
    assert weight["info"] < 600 <= min(weight["error"], weight["warn"])
    red, green, blue = screen.log.get_by_role("button", name="info", exact=True).evaluate(
        "each => getComputedStyle(each).color.match(/\\d+/g).slice(0, 3).map(Number)"
    )
    assert max(red, green, blue) - min(red, green, blue) < 40


def test_the_way_back_covers_no_row(screen: Screen, platformos: PlatformOS) -> None:
    """`Jump to live` where nothing is new, with a number where something is; below the log, and nothing moves."""
    platformos.add_many(80)
    screen.wait_ids(platformos.ids)
    log = _box(screen.log)
    screen.scroll_up()
    expect(screen.button("Jump to live")).to_be_visible()
    platformos.add_many(2)
    expect(screen.button("2 new, jump to live")).to_be_visible()
    assert _box(screen.jump)["y"] >= log["bottom"]
    assert _box(screen.log) == log


def test_what_comes_by_itself_moves_nothing_that_is_read(screen: Screen, platformos: PlatformOS) -> None:
    """An alert stands below the log: the rows and the charts stay where they were."""
    platformos.add_many(80)
    screen.wait_ids(platformos.ids)
    screen.scroll_up()
    expect(screen.entry("3")).to_be_in_viewport()
    before = [_box(screen.entry("3")), _box(screen.figure("Entries over time"))]
    platformos.add_many(11, error_type="error")
    expect(screen.alert).to_be_visible()
    assert _box(screen.alert)["y"] >= _box(screen.log)["bottom"] - 1
    assert [_box(screen.entry("3")), _box(screen.figure("Entries over time"))] == before


def test_rows_are_copied_as_one_line_each(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """A selection over several rows has time, type and message of each, and no word of the tools."""
    platformos.add(
        {"error_type": "error", "message": "it broke", "data": {"page": "a/b"}, "created_at": "2024-01-01T12:00:00Z"},
        {"error_type": "cart", "message": "3 x lamp", "created_at": "2024-01-01T12:00:01Z"},
        {"error_type": "info", "message": "done", "created_at": "2024-01-01T12:00:02Z"},
    )
    screen = visit(site, permissions=["clipboard-read", "clipboard-write"], timezone_id="UTC").connect()
    screen.wait_ids(platformos.ids)
    screen.page.evaluate(
        """() => {
          const rows = document.querySelectorAll("[role=log] [data-id]");
          getSelection().setBaseAndExtent(rows[0], 0, rows[2], rows[2].childNodes.length);
        }"""
    )
    screen.page.keyboard.press("Control+c")
    copied = screen.page.wait_for_function(
        "() => navigator.clipboard.readText().then(text => text || null)"
    ).json_value()
    lines = [re.sub(r"\s+", " ", line).strip() for line in copied.strip().splitlines()]
    assert [re.sub(r"^.*?(?=12:00)", "", line) for line in lines] == [
        "12:00:00.000 error a/b it broke",
        "12:00:01.000 info cart 3 x lamp",
        "12:00:02.000 info done",
    ]


def test_the_first_screen_says_that_it_is_not_connected(site: Server, visit: Visit) -> None:
    """It says so for as long as that is so."""
    screen = visit(site)
    screen.page.clock.install()
    screen.open()
    expect(screen.connection).to_have_text(re.compile(r"^\s*not connected\s*$"))
    screen.page.clock.run_for(3000)  # it is written anew each second
    expect(screen.connection).to_have_text(re.compile(r"^\s*not connected\s*$"))


def test_a_wrong_token_is_told_beside_its_field(site: Server, visit: Visit, complaints: Complaints) -> None:
    """Nothing is between the field and the sentence. The right one clears it."""
    complaints.expect("401")
    screen = visit(site)
    screen.token.fill("wrong")
    screen.button("Connect").click()
    told = screen.page.get_by_role("main").get_by_text("not known")
    expect(told).to_be_visible()
    assert 0 <= _box(told)["y"] - _box(screen.token)["bottom"] < 20
    expect(screen.token).to_have_attribute("aria-invalid", "true")
    expect(screen.token).to_be_focused()
    screen.connect()
    expect(told).to_have_count(0)


def test_a_token_is_taken_out_of_what_was_pasted_with_it(site: Server, visit: Visit) -> None:
    """It comes from a curl command or a settings file."""
    screen = visit(site)
    for pasted in ("Bearer {}", "Authorization: Bearer {}", " bearer  {} ", '"{}"', "'Authorization: Bearer {}'"):
        screen.connect(pasted.format(TOKEN))
        screen.open_more().button("Forget token").click()
        expect(screen.token).to_have_value("")


STACK = "\n".join(["RuntimeError: it broke", *(f"  at lib/module_{n}.rb:{n} in call" for n in range(39))])
WIDE_JSON = json.dumps({"order": {"lines": [{"sku": f"item-{n}", "price": "12.00"} for n in range(140)]}})


@pytest.mark.parametrize("size", [(1366, 768), (360, 740)], ids=str)
def test_a_long_message_shows_six_lines(
    site: Server, platformos: PlatformOS, visit: Visit, size: tuple[int, int]
) -> None:
    """A button says how much more there is; a second click folds it again. A short one has no button."""
    platformos.add({"message": STACK}, {"message": "x" * 3000}, {"message": "a\nb\nc\nd\ne\nf"}, {"message": LONG})
    screen = _sized(visit, site, size)
    screen.wait_ids(platformos.ids)
    for id_, name, least in (("1", "all 40 lines", 40), ("2", "all 3,000 characters", 12)):
        row = screen.entry(id_)
        folded = _box(row)["height"]
        assert folded <= 8 * 20 + 4
        row.get_by_role("button", name=name).click()
        expect(row.get_by_role("button", name="less", exact=True)).to_be_visible()
        assert _box(row)["height"] > least * 20
        row.get_by_role("button", name="less", exact=True).press("Enter")  # the list may move beneath a pointer
        expect(row.get_by_role("button", name=name)).to_be_visible()
        assert _box(row)["height"] == folded
    for id_ in ("3", "4"):
        expect(screen.entry(id_).get_by_role("button", name=re.compile("^all"))).to_have_count(0)


def test_json_in_a_message_is_pretty_when_unfolded(screen: Screen, platformos: PlatformOS) -> None:
    """Each member has a line that is seen, and what a search has found in it is marked."""
    platformos.add({"message": WIDE_JSON}, {"message": "after"})
    screen.wait_ids(platformos.ids)
    row = screen.entry("1")
    row.get_by_role("button", name=re.compile("^all .*characters")).click()
    expect(row.get_by_role("button", name="less", exact=True)).to_be_visible()
    assert _box(row)["height"] > 4 * 140 * 20
    assert '"lines": [\n      {\n        "sku": "item-0",\n        "price": "12.00"\n      },' in row.inner_text()
    screen.search.fill('item-139", "price')
    expect(row.locator("mark")).to_have_text(re.compile(r'^item-139",\s+"price$'))
    row.press("Enter")
    assert _box(row)["height"] <= 8 * 20 + 4
