"""Context: an entry among all that is around it, by a click in its row or by a link, held or not."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import expect

from tests.page.complaints import Complaints
from tests.page.conftest import Visit
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS
from tests.support.server import Server

MANY = 12_000  # more than the page gets at its opening
FAR = "500"


def _fill(platformos: PlatformOS, count: int = MANY) -> None:
    """Each hundredth is an error."""
    platformos.add(
        *({"error_type": "error" if n % 100 == 0 else "info", "message": f"m{n}"} for n in range(1, count + 1))
    )


def _wait_new(screen: Screen, platformos: PlatformOS) -> int:
    """How many entries are new, once some are: those that come in the second after the opening's last are not."""
    while not (told := re.match(r"(\d+) new", screen.jump.inner_text())):
        held = int(screen.download.inner_text().removeprefix("Download ").replace(",", ""))
        platformos.add_many(1)
        expect(screen.download).to_have_text(f"Download {held + 1:,}")
    return int(told[1])


def _wait_around(screen: Screen, id_: str) -> None:
    """It is current, and both neighbours are on the screen."""
    entry = screen.entry(id_)
    expect(entry).to_have_attribute("aria-current", "true")
    for each in (str(int(id_) - 1), id_, str(int(id_) + 1)):
        expect(screen.entry(each)).to_be_in_viewport()
    drawn = screen.ids
    at = drawn.index(id_)
    assert drawn[at - 1 : at + 2] == [str(int(id_) - 1), id_, str(int(id_) + 1)]


def _at(screen: Screen) -> str:
    return parse_qs(screen.fragment).get("at", [""])[0]


def _show(screen: Screen, id_: str) -> None:
    screen.entry(id_).hover()
    screen.entry(id_).get_by_role("button", name=re.compile("^Show in context")).click()


def test_an_entry_is_shown_in_context_whatever_the_view_is_narrowed_to(screen: Screen, platformos: PlatformOS) -> None:
    """Type, search and filter are left; what surrounds it is on the screen. Back leads to where one was."""
    _fill(platformos, 1000)
    screen.wait_drawn("1000")
    screen.figure("Entries by type").get_by_role("button", name="error").click()
    screen.search.fill("m")
    screen.checkbox("Only matches").check()
    screen.wait_ids([str(n) for n in range(100, 1001, 100)])
    _show(screen, "500")
    _wait_around(screen, "500")
    expect(screen.checkbox("Only matches")).not_to_be_checked()
    screen.page.go_back()
    screen.wait_ids([str(n) for n in range(100, 1001, 100)])


def test_the_server_is_asked_for_what_a_filter_has_left_out(screen: Screen, platformos: PlatformOS) -> None:
    """The page holds errors only, from long before; those around one of them come by `around`."""
    _fill(platformos)
    screen.set_filter("type:error")
    expect(screen.download).to_have_text("Download 120")
    screen.scroll_up()
    with screen.page.expect_request(
        lambda request: request.url.endswith("/call") and "around" in request.post_data_json["input"]
    ) as asked:
        _show(screen, FAR)
    assert asked.value.post_data_json["input"]["around"] == FAR
    _wait_around(screen, FAR)
    expect(screen.filter).to_have_value("")
    expect(screen.download).to_have_text(re.compile(r"Download 1\d,\d{3}"), timeout=60_000)
    _wait_around(screen, FAR)
    screen.page.go_back()
    expect(screen.filter).to_have_value("type:error")
    expect(screen.entry(FAR)).to_be_in_viewport()
    expect(screen.entry(str(int(FAR) + 1))).to_have_count(0)


def test_the_key_s_shows_the_current_entry_in_context(screen: Screen, platformos: PlatformOS) -> None:
    """It needs no mouse."""
    _fill(platformos, 1000)
    screen.wait_drawn("1000")
    screen.set_filter("type:error")
    screen.wait_ids([str(n) for n in range(100, 1001, 100)])
    screen.log.focus()
    for key in ("k", "k", "k", "s"):
        screen.page.keyboard.press(key)
    _wait_around(screen, "800")
    expect(screen.entry("800")).to_be_focused()


@pytest.mark.parametrize("id_", [FAR, "11500"], ids=["from long before", "held anyway"])
def test_a_link_to_an_entry_opens_the_log_around_it(
    site: Server, platformos: PlatformOS, visit: Visit, id_: str
) -> None:
    """On a fresh page. It stays there while more comes, and is in the address, so a reload leads to it again."""
    _fill(platformos)
    screen = visit(site, f"#env=staging&at={id_}").connect()
    _wait_around(screen, id_)
    expect(screen.download).to_have_text(re.compile(r"Download 1\d,\d{3}"), timeout=60_000)
    _wait_around(screen, id_)
    new = _wait_new(screen, platformos)
    platformos.add_many(5)
    expect(screen.jump).to_have_text(f"{new + 5} new, jump to live")
    _wait_around(screen, id_)
    assert _at(screen) == id_
    screen.page.reload()
    _wait_around(screen, id_)
    screen.jump.or_(screen.button("Jump to live")).first.click()
    screen.wait_drawn(platformos.ids[-1])
    screen.page.wait_for_function("() => !location.hash.includes('at=')")


def test_the_current_entry_is_in_the_address_and_a_reload_keeps_the_place(
    screen: Screen, platformos: PlatformOS
) -> None:
    """To copy the address is to copy a link to the entry that one is at."""
    _fill(platformos, 1000)
    screen.wait_drawn("1000")
    screen.scroll_up()
    place = "each => each.getBoundingClientRect().top"
    screen.entry("3").click()
    before = screen.entry("3").evaluate(place)
    screen.page.wait_for_function("() => location.hash.includes('at=3')")
    screen.page.reload()
    expect(screen.entry("3")).to_have_attribute("aria-current", "true")
    screen.wait_drawn("30")
    expect(screen.entry("3")).to_be_in_viewport()
    assert abs(screen.entry("3").evaluate(place) - before) < 3


def test_a_link_to_an_entry_that_is_not_there_says_so(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """It shows the place where it would be."""
    platformos.add({"id": 10}, {"id": 20}, {"id": 30})
    screen = visit(site, "#env=staging&at=25").connect()
    screen.wait_ids(["10", "20", "30"])
    expect(screen.page.get_by_text("Entry 25 is not in the log (any more); this is its place.")).to_be_visible()
    screen.wait_state("live")


def test_a_link_to_an_entry_names_its_environment_where_several_are_watched(
    site: Server, platformos: PlatformOS, production: PlatformOS, visit: Visit
) -> None:
    """Both have an entry of that id."""
    platformos.add_many(300, message="of staging")
    production.add_many(300, message="of production")
    screen = visit(site, "#env=*&at=production:150").connect()
    current = screen.log.locator("[aria-current]")
    expect(current).to_contain_text("of production")
    expect(current).to_have_attribute("data-id", "150")
    expect(current).to_be_in_viewport()
    assert _at(screen) == "production:150"


def test_what_surrounds_an_entry_may_be_refused(screen: Screen, platformos: PlatformOS, complaints: Complaints) -> None:
    """The page says why, and goes on."""
    complaints.expect("502", "503")
    _fill(platformos, 300)
    screen.set_filter("type:error")
    screen.wait_ids(["100", "200", "300"])
    screen.page.route(
        "**/call",
        lambda route: (
            route.fulfill(status=503, json={"error": "platformOS does not answer."})
            if "around" in (route.request.post_data or "")
            else route.continue_()
        ),
    )
    _show(screen, "200")
    told = "What is around entry 200 cannot be shown: platformOS does not answer."
    expect(screen.page.get_by_text(told)).to_be_visible()
    screen.wait_drawn("199")
