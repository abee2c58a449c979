"""Upkeep: a tab whose clock is wrong, whose server is of another version by now, or whose computer is offline."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Route, expect

from poslogs import __version__
from tests.page.complaints import AWAY, Complaints
from tests.page.conftest import Visit, Window, in_firefox_too
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS
from tests.support.server import Server

SHIFT = """
(() => {
  const Real = Date;
  globalThis.Date = class extends Real {
    constructor(...parts) { super(...(parts.length > 0 ? parts : [Real.now() + BY])); }
    static now() { return Real.now() + BY; }
  };
})();
"""
OTHER = "99.1.2"


def _ago(**kw: float) -> str:
    return (datetime.now(UTC) - timedelta(**kw)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize(("hours", "said"), [(1, "1 h ahead"), (-1, "1 h behind")])
def test_a_clock_that_is_wrong_by_an_hour_is_told_and_makes_nothing_wrong(
    site: Server, platformos: PlatformOS, window: Window, hours: int, said: str
) -> None:
    """The last minutes, since when, ages and the alert go by the server's time, also after a reload."""
    ages = (50, 30, 10, 4, 1)
    platformos.add(*({"created_at": _ago(minutes=each, seconds=5), "error_type": "error"} for each in ages))
    context = window(timezone_id="UTC")
    context.add_init_script(SHIFT.replace("BY", str(hours * 3_600_000)))
    screen = Screen(context, site).open().connect()
    screen.wait_ids(platformos.ids)
    for _ in range(2):
        expect(
            screen.page.get_by_text(f"This computer's clock is {said}; the page goes by the server's.")
        ).to_be_visible()
        last = screen.page.get_by_role("combobox", name="Last", exact=True)
        last.select_option(label="5 min")
        screen.wait_ids(["4", "5"])
        since = datetime.fromisoformat(parse_qs(screen.fragment)["since"][0])
        assert timedelta(minutes=4) < datetime.now(UTC) - since < timedelta(minutes=6)
        field = screen.page.get_by_role("textbox", name="Since", exact=True)
        field.fill("20m")
        field.press("Enter")
        screen.wait_ids(["3", "4", "5"])
        expect(screen.region("Errors by kind")).to_contain_text(re.compile(r"last [1-4] min ago"))
        screen.button("Show all").click()
        screen.page.reload()
        screen.wait_ids(platformos.ids)
    platformos.add(*({"error_type": "error"} for _ in range(11)))
    expect(screen.alert).to_be_visible()
    told = re.search(r"since (\d\d):(\d\d)", screen.alert.inner_text())
    assert told is not None
    now = datetime.now(UTC)
    assert (now - now.replace(hour=int(told[1]), minute=int(told[2]))) % timedelta(days=1) < timedelta(minutes=10)


def test_a_clock_that_is_right_is_not_spoken_of(screen: Screen) -> None:
    """Nor is the version, which is the server's."""
    expect(screen.page.get_by_text("This computer's clock")).to_have_count(0)
    expect(screen.page.get_by_text("The server is of version")).to_have_count(0)
    expect(screen.button("Reload")).to_be_hidden()


def _as_another_version(route: Route) -> None:
    response = route.fetch()
    route.fulfill(response=response, body=json.dumps({**response.json(), "version": OTHER}))


def test_a_server_of_another_version_is_told_and_the_page_offers_to_reload(
    screen: Screen, platformos: PlatformOS, complaints: Complaints
) -> None:
    """It was upgraded while the tab was open. The log goes on; the page reloads when the reader wants it, and once."""
    complaints.expect(*AWAY)
    platformos.add_many(2)
    screen.wait_ids(platformos.ids)
    loads: list[str] = []
    screen.page.on("load", lambda page: loads.append(page.url))
    screen.server.stop()
    screen.wait_state("reconnecting")
    screen.page.route("**/health", _as_another_version)
    screen.server.start()
    told = f"The server is of version {OTHER} now, and this page of {__version__}."
    expect(screen.page.get_by_text(told)).to_be_visible()
    screen.wait_state("live")
    platformos.add_many(2)
    screen.wait_ids(platformos.ids)
    assert loads == []
    screen.page.unroute("**/health")
    with screen.page.expect_event("load"):
        screen.button("Reload").click()
    screen.wait_ids(platformos.ids)
    with screen.page.expect_response("**/health"):
        pass
    expect(screen.button("Reload")).to_be_hidden()
    assert len(loads) == 1


@in_firefox_too
def test_a_server_that_comes_back_as_it_was_is_not_spoken_of(
    screen: Screen, platformos: PlatformOS, complaints: Complaints
) -> None:
    """The server is asked once after it was away, and what it says is no news."""
    complaints.expect(*AWAY)
    screen.server.stop()
    screen.wait_state("reconnecting")
    screen.server.start()
    with screen.page.expect_response("**/health"):
        screen.wait_state("live")
    platformos.add_many(1)
    screen.wait_ids(["1"])
    expect(screen.button("Reload")).to_be_hidden()


def test_a_computer_without_a_network_is_told_and_goes_on_at_once_with_one(
    site: Server, platformos: PlatformOS, visit: Visit, complaints: Complaints
) -> None:
    """The state says why; no timer has to run until the page is live again, and nothing is missing."""
    complaints.expect(*AWAY)
    screen = visit(site)
    screen.page.clock.install()
    screen.open().connect()
    platformos.add_many(2)
    screen.wait_ids(platformos.ids)
    screen.page.context.set_offline(True)
    screen.wait_state("reconnecting: This computer is offline")
    platformos.add_many(2)
    screen.page.clock.pause_at(screen.page.evaluate("() => Date.now()") + 60_000)
    screen.wait_state("reconnecting: This computer is offline")
    screen.page.context.set_offline(False)
    screen.wait_state("live")
    screen.page.clock.resume()
    screen.wait_ids(platformos.ids)


def test_the_first_screen_says_that_the_computer_is_offline(site: Server, visit: Visit, complaints: Complaints) -> None:
    """And not that the server does not answer."""
    complaints.expect(*AWAY)
    screen = visit(site)
    screen.page.context.set_offline(True)
    screen.token.fill("a-token")
    screen.button("Connect").click()
    expect(screen.page.get_by_role("main").get_by_text("This computer is offline.")).to_be_visible()
