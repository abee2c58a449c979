"""Fold repeats: entries that follow one another and differ in numbers only are one row, until they are unfolded."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.page.conftest import Visit, Window, in_firefox_too
from tests.page.load import MOST_DRAWN, MOST_HELD, arriving, fill
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS
from tests.support.server import Server

NEAR_PX = 2.0
TALLY = re.compile(r"^[\d,]+ times: show each$")


def _orders(first: int, last: int) -> list[dict[str, Any]]:
    return [{"message": f"Order #{n} failed", "error_type": "error"} for n in range(first, last + 1)]


def _others(*words: str) -> list[dict[str, Any]]:
    return [{"message": f"{word} done"} for word in words]


def _fold(screen: Screen) -> None:
    screen.open_more().checkbox("Fold repeats").check()
    screen.page.keyboard.press("Escape")


def _tally(screen: Screen, id_: str) -> Locator:
    return screen.entry(id_).get_by_role("button", name=TALLY)


def _wait_tallies(screen: Screen, *tallies: str) -> None:
    """Wait until the rows that stand for several say so, in this order."""
    expect(screen.log.get_by_role("button", name=TALLY)).to_have_text([re.compile(rf"^{it}($| to )") for it in tallies])


def _wait_current(screen: Screen, id_: str) -> None:
    expect(screen.log.locator("[aria-current]")).to_have_attribute("data-id", id_)
    expect(screen.entry(id_)).to_be_in_viewport()


def _top(row: Locator) -> float:
    box = row.bounding_box()
    assert box is not None
    return box["y"]


def _ids(first: int, last: int) -> Sequence[str]:
    return [str(n) for n in range(first, last + 1)]


@in_firefox_too
def test_what_repeats_is_one_row_that_unfolds(screen: Screen, platformos: PlatformOS) -> None:
    """It says how often, and until when. A click shows each, another one the first again. It is off at first."""
    at = {"created_at": "2024-01-15T12:34:56.789Z"}
    platformos.add(*_others("a"), *_orders(1, 2), {**_orders(3, 3)[0], **at}, *_others("b", "b"), *_orders(9, 9))
    screen.wait_ids(_ids(1, 7))
    _fold(screen)
    screen.wait_ids(["1", "2", "5", "7"])
    _wait_tallies(screen, "×3", "×2")
    expect(_tally(screen, "2")).to_have_accessible_name("3 times: show each")
    expect(_tally(screen, "2").get_by_role("time")).to_have_attribute("datetime", at["created_at"])
    expect(screen.entry("2")).to_contain_text(re.compile(r"error *×3 to .*:34:56\.789 Order #1 failed"))
    expect(_tally(screen, "2")).to_have_attribute("aria-expanded", "false")
    _tally(screen, "2").click()
    screen.wait_ids(["1", "2", "3", "4", "5", "7"])
    expect(_tally(screen, "2")).to_have_attribute("aria-expanded", "true")
    _tally(screen, "2").click()
    screen.wait_ids(["1", "2", "5", "7"])
    screen.open_more().checkbox("Fold repeats").uncheck()
    screen.wait_ids(_ids(1, 7))
    _wait_tallies(screen)


def test_a_reload_keeps_it_and_the_link_does_not_name_it(screen: Screen, platformos: PlatformOS) -> None:
    """As the other switches of how rows look: a link opens as its reader likes it."""
    platformos.add(*_orders(1, 9))
    screen.wait_ids(_ids(1, 9))
    _fold(screen)
    screen.wait_ids(["1"])
    assert "fold" not in screen.fragment
    screen.page.reload()
    screen.wait_ids(["1"])
    _wait_tallies(screen, "×9")


def test_arrivals_extend_the_newest_row(screen: Screen, platformos: PlatformOS) -> None:
    """It counts on where it stands, and follows when another begins. What came is told in entries."""
    platformos.add(*_others(*"abcdefghijklmnopqrstuvwxyz" * 3), *_orders(1, 2))
    screen.wait_drawn("80")
    _fold(screen)
    _wait_tallies(screen, "×2")
    expect(screen.entry("79")).to_be_in_viewport(ratio=1)
    platformos.add(*_orders(3, 5))
    _wait_tallies(screen, "×5")
    platformos.add(*_others("b", "b"))
    _wait_tallies(screen, "×5", "×2")
    expect(screen.entry("84")).to_be_in_viewport(ratio=1)
    screen.scroll_up()
    screen.entry("5").click()
    before = _top(screen.entry("5"))
    platformos.add(*_others("b"), *_orders(7, 9))
    expect(screen.jump).to_have_text("4 new, jump to live")
    _wait_tallies(screen, "×5", "×3")
    assert abs(_top(screen.entry("5")) - before) <= NEAR_PX
    screen.jump.click()
    _wait_tallies(screen, "×5", "×3", "×3")


def test_unfolding_moves_nothing_above_and_stays_while_more_comes(screen: Screen, platformos: PlatformOS) -> None:
    """The row that was clicked keeps its place; what arrives of the same kind has rows too, below."""
    platformos.add(*_others(*"abcdefghijklmnopqrstuvwxyz" * 3), *_orders(1, 60))
    screen.wait_drawn("138")
    _fold(screen)
    _wait_tallies(screen, "×60")
    before = _top(screen.entry("79"))
    _tally(screen, "79").click()
    screen.wait_drawn("138")
    assert abs(_top(screen.entry("79")) - before) <= NEAR_PX
    platformos.add(*_orders(61, 62))
    expect(screen.jump).to_have_text("2 new, jump to live")
    _wait_tallies(screen, "×62")
    assert abs(_top(screen.entry("79")) - before) <= NEAR_PX
    screen.jump.click()
    expect(screen.entry("140")).to_be_in_viewport(ratio=1)


def test_keys_go_from_row_to_row_and_unfold(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """`e` finds the next kind of error; Tab reaches the button, and the focus stays on it; `c` copies the first."""
    platformos.add(*_others("a"), *_orders(1, 4), *_others("b"), *_orders(5, 6), *_others("c"))
    screen = visit(site, permissions=["clipboard-read", "clipboard-write"]).connect()
    screen.wait_ids(_ids(1, 9))
    _fold(screen)
    screen.wait_ids(["1", "2", "6", "7", "9"])
    press = screen.page.keyboard.press
    screen.log.focus()
    for key, id_ in (("k", "9"), ("E", "7"), ("E", "2"), ("e", "7"), ("k", "6"), ("k", "2")):
        press(key)
        _wait_current(screen, id_)
    press("c")
    screen.page.wait_for_function("() => navigator.clipboard.readText().then(text => text.includes('Order #1 '))")
    for _ in range(20):
        press("Tab")
        if _tally(screen, "2").evaluate("each => each === document.activeElement"):
            break
    press("Enter")
    screen.wait_ids(["1", "2", "3", "4", "5", "6", "7", "9"])
    expect(_tally(screen, "2")).to_be_focused()
    press("j")
    press("j")
    _wait_current(screen, "4")
    press("e")
    _wait_current(screen, "5")


def test_a_touch_unfolds(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """On a phone, also where the switch is behind More."""
    platformos.add(*_orders(1, 5))
    screen = visit(site, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True).connect()
    screen.wait_ids(_ids(1, 5))
    screen.button("More").tap()
    screen.checkbox("Fold repeats").tap()
    screen.button("More").tap()
    screen.wait_ids(["1"])
    _tally(screen, "1").tap()
    screen.wait_ids(_ids(1, 5))
    _tally(screen, "1").tap()
    screen.wait_ids(["1"])


def test_the_search_steps_to_rows_and_unfolds_where_only_another_matches(
    screen: Screen, platformos: PlatformOS
) -> None:
    """Where the first of a row matches it counts for all. Else that row is unfolded: the match is seen."""
    platformos.add(*_others("a"), *_orders(100, 130), *_others("b"), *_orders(200, 230))
    screen.wait_drawn("64")
    _fold(screen)
    screen.wait_ids(["1", "2", "33", "34"])
    screen.search.fill("order")
    expect(screen.page.get_by_text("62 matches")).to_be_visible()
    screen.search.press("Enter")
    _wait_current(screen, "34")
    expect(screen.page.get_by_text("32 of 62 matches")).to_be_visible()
    screen.search.press("Enter")
    _wait_current(screen, "2")
    screen.wait_ids(["1", "2", "33", "34"])
    screen.search.fill("#217")
    expect(screen.page.get_by_text("1 match", exact=True)).to_be_visible()
    screen.button("Next match").click()
    _wait_current(screen, "51")
    expect(screen.marks).to_have_text(["#217"])
    _wait_tallies(screen, "×31", "×31")
    screen.checkbox("Only matches").check()
    screen.wait_ids(["51"])
    screen.checkbox("Only matches").uncheck()
    _wait_current(screen, "51")


def test_a_link_leads_to_an_entry_that_is_folded(screen: Screen, platformos: PlatformOS) -> None:
    """So does a reload, and a pin: the entry is current and seen among all of its kind."""
    platformos.add(*_others("a"), *_orders(1, 5), *_others("b"), *_orders(6, 9))
    screen.wait_ids(_ids(1, 11))
    screen.entry("10").hover()
    screen.entry("10").get_by_role("button", name="Pin entry 10").click()
    screen.entry("7").click()
    _fold(screen)
    screen.wait_ids(["1", "2", "7", "8"])
    screen.page.evaluate("() => { location.hash = '#env=staging&at=4'; }")
    _wait_current(screen, "4")
    screen.wait_ids(["1", "2", "3", "4", "5", "6", "7", "8"])
    screen.page.reload()
    _wait_current(screen, "4")
    screen.region("Pinned entries").get_by_text("Order #8 failed").click()
    _wait_current(screen, "10")
    screen.wait_drawn("11")
    expect(screen.entry("10").get_by_role("button", name="Pin entry 10")).to_have_attribute("aria-pressed", "true")


def test_what_the_reader_is_at_is_not_folded_away(screen: Screen, platformos: PlatformOS) -> None:
    """The current entry, and one whose data is open, when the switch is turned and when the view becomes wider."""
    platformos.add(*_orders(1, 4), *_others("a"), *({**each, "data": {"word": "here"}} for each in _orders(5, 9)))
    screen.wait_ids(_ids(1, 10))
    screen.entry("8").get_by_role("button", name="Details of entry 8").click()
    screen.entry("3").click()
    before = _top(screen.entry("8"))
    _fold(screen)
    screen.wait_drawn("3")
    expect(screen.entry("8").get_by_text("here")).to_be_visible()
    _wait_tallies(screen, "×4", "×5")
    assert abs(_top(screen.entry("8")) - before) <= NEAR_PX
    _tally(screen, "6").click()
    screen.wait_ids(_ids(1, 6))
    screen.figure("Entries by type").get_by_role("button", name="error").click()
    _wait_tallies(screen, "×9")
    screen.button("Show all").click()
    screen.wait_ids(["1", "5", "6"])


def test_the_context_of_a_folded_row_is_shown(screen: Screen, platformos: PlatformOS) -> None:
    """It is current among its neighbours, though more of its kind come right before it there."""
    infos = [{"message": f"Order #{n} paid"} for n in range(5)]
    platformos.add(*infos, {"message": "Order #6 paid", "data": {"page": "cart"}}, *_others("b"))
    screen.wait_ids(_ids(1, 7))
    _fold(screen)
    screen.wait_ids(["1", "7"])
    _tally(screen, "1").click()
    screen.entry("6").get_by_role("button", name="cart", exact=True).click()
    screen.wait_ids(["6"])
    _fold(screen)
    screen.entry("6").hover()
    screen.entry("6").get_by_role("button", name=re.compile("^Show in context")).click()
    _wait_current(screen, "6")
    for each in ("5", "7"):
        expect(screen.entry(each)).to_be_in_viewport()


def test_counts_and_files_are_of_entries(screen: Screen, platformos: PlatformOS) -> None:
    """To fold is a matter of how rows look: the download and the counts have each entry."""
    platformos.add(*_orders(1, 20), *_others("a"))
    screen.wait_drawn("21")
    _fold(screen)
    screen.wait_ids(["1", "21"])
    expect(screen.download).to_have_text("Download 21")
    expect(screen.page.get_by_text("21 entries held")).to_be_visible()
    with screen.page.expect_download() as info:
        screen.download.click()
    lines = Path(info.value.path()).read_text("utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == _ids(1, 21)


def test_a_silence_is_told_from_the_last_of_a_row_on(screen: Screen, platformos: PlatformOS) -> None:
    """The row says when its last entry came, and the line below it how long nothing came after that."""
    times = ["2024-01-15T12:00:00Z", "2024-01-15T12:20:00Z", "2024-01-15T12:25:00Z"]
    platformos.add(*({**row, "created_at": at} for row, at in zip([*_orders(1, 2), *_others("a")], times, strict=True)))
    screen.wait_ids(["1", "2", "3"])
    _fold(screen)
    screen.wait_ids(["1", "3"])
    expect(screen.entry("3")).to_contain_text("5 min of silence")


def test_what_came_while_nobody_looked_has_a_row_of_its_own(screen: Screen, platformos: PlatformOS) -> None:
    """The line that says so stands between two rows, also where both are of one kind."""
    screen.page.evaluate(
        """() => {
          Object.defineProperty(document, "hidden", { get: () => window.away === true });
          window.look = (away) => { window.away = away; document.dispatchEvent(new Event("visibilitychange")); };
        }"""
    )
    platformos.add(*_orders(1, 3))
    screen.wait_ids(_ids(1, 3))
    _fold(screen)
    _wait_tallies(screen, "×3")
    screen.page.evaluate("() => look(true)")
    platformos.add(*_orders(4, 5))
    _wait_tallies(screen, "×5")
    screen.page.evaluate("() => look(false)")
    _wait_tallies(screen, "×3", "×2")
    expect(screen.entry("4")).to_contain_text("new since you looked")
    platformos.add(*_orders(6, 6))
    _wait_tallies(screen, "×3", "×3")


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_hundred_thousand_entries_fold_while_more_arrive(
    site: Server, platformos: PlatformOS, window: Window
) -> None:
    """The oldest leave, streaks unfold, and the rows are those of all entries in order."""
    screen = Screen(window(), site).open().connect()
    fill(screen, platformos, MOST_HELD)
    with arriving(platformos):
        _fold(screen)
        expect(screen.log.get_by_role("button", name=TALLY).first).to_have_count(1, timeout=60_000)
        expect(screen.page.get_by_text(re.compile(r"oldest [\d,]+ entries were dropped"))).to_be_visible(timeout=60_000)
        screen.scroll_up()
        assert screen.entries.count() <= MOST_DRAWN
        screen.log.get_by_role("button", name=TALLY).first.click()
        screen.jump.click()
    screen.open_more().checkbox("Fold repeats").uncheck()
    screen.wait_drawn(platformos.ids[-1])
    drawn = [int(each) for each in screen.ids]
    assert drawn == list(range(drawn[0], drawn[0] + len(drawn)))
