"""Link: the whole view is in the address, each narrowing is a step back, and a reload keeps all of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode

import pytest
from playwright.sync_api import expect

from tests.page.complaints import Complaints
from tests.page.conftest import Visit
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS
from tests.support.server import Server

MIXED = ("error", "info", "LiquidError", "warn", "payment-callback", "info")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _parts(screen: Screen) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(screen.fragment).items()}


def _wait_part(screen: Screen, name: str, value: str) -> None:
    screen.page.wait_for_function(
        "([name, value]) => (new URLSearchParams(location.hash.slice(1)).get(name) ?? '') === value", arg=[name, value]
    )


def _add(platformos: PlatformOS) -> None:
    """One a minute from noon on, on two pages."""
    platformos.add(
        *(
            {
                "error_type": kind,
                "message": f"Order {n} is a {kind}",
                "data": {"page": f"p/{n % 2}"},
                "created_at": (NOON + timedelta(minutes=n)).isoformat(),
            }
            for n, kind in enumerate(MIXED)
        )
    )


def test_type_path_group_time_and_only_matches_are_in_the_link(
    site: Server, platformos: PlatformOS, visit: Visit
) -> None:
    """What is clicked together opens again as it was, for somebody else."""
    _add(platformos)
    screen = visit(site).connect()
    screen.wait_ids(platformos.ids)
    screen.figure("Entries by type").get_by_role("button", name="error").click()
    screen.figure("Entries over time").get_by_role("button").first.click()
    screen.entry("1").get_by_role("button", name="p/0").click()
    screen.region("Errors by kind").get_by_role("button", name="a error").click()
    screen.search.fill("Order 0")
    screen.checkbox("Only matches").check()
    screen.wait_ids(["1"])
    _wait_part(screen, "only", "1")
    link = _parts(screen)
    assert {name: link[name] for name in ("type", "path", "search", "only", "since", "until")} == {
        "type": "error",
        "path": "p/0",
        "search": "Order 0",
        "only": "1",
        "since": "2026-03-01T12:00:00.000Z",
        "until": "2026-03-01T12:00:59.999Z",
    }
    assert "a error" in link["group"]
    other = visit(site, f"#{screen.fragment}").connect()
    other.wait_ids(["1"])
    expect(other.checkbox("Only matches")).to_be_checked()
    assert _parts(other) | {"at": ""} == link | {"at": ""}


@pytest.mark.parametrize(
    ("part", "ids"),
    [
        ({"type": "info"}, ["2", "5", "6"]),
        ({"path": "p/1"}, ["2", "4", "6"]),
        ({"group": "Order # is a LiquidError"}, ["3"]),
        ({"since": "2026-03-01T12:03Z"}, ["4", "5", "6"]),
        ({"until": "2026-03-01T12:01:00Z"}, ["1", "2"]),
        ({"since": "2026-03-01T12:01", "until": "2026-03-01T12:02"}, ["2", "3"]),
        ({"since": "yesterday", "until": "?"}, ["1", "2", "3", "4", "5", "6"]),
        ({"search": "error", "only": "1"}, ["1", "3"]),
        ({"filter": "error"}, ["1", "3"]),
        ({"query": "liquid"}, ["3"]),
    ],
)
def test_each_part_of_a_link_does_what_it_says(
    site: Server, platformos: PlatformOS, visit: Visit, part: dict[str, str], ids: list[str]
) -> None:
    """On a fresh page, and again after a reload, which keeps the part as long as it means something."""
    _add(platformos)
    screen = visit(site, f"#{urlencode(part)}").connect()
    screen.wait_ids(ids)
    screen.page.reload()
    screen.wait_ids(ids)


def test_back_undoes_one_narrowing_after_another(screen: Screen, platformos: PlatformOS) -> None:
    """It does not leave the page before all is shown as at first; forward narrows again."""
    _add(platformos)
    screen.wait_ids(platformos.ids)
    screen.figure("Entries by type").get_by_role("button", name="info").click()
    screen.wait_ids(["2", "5", "6"])
    screen.entry("2").get_by_role("button", name="p/1").click()
    screen.wait_ids(["2", "6"])
    screen.set_filter("type:info,warn")
    screen.wait_ids(["2", "6"])
    screen.page.go_back()
    expect(screen.filter).to_have_value("")
    screen.wait_ids(["2", "6"])
    screen.page.go_back()
    screen.wait_ids(["2", "5", "6"])
    screen.page.go_back()
    screen.wait_ids(platformos.ids)
    screen.page.go_forward()
    screen.wait_ids(["2", "5", "6"])
    screen.wait_state("live")


def test_a_word_in_the_filter_is_a_type_that_there_is_else_a_text(screen: Screen, platformos: PlatformOS) -> None:
    """The field shows which: a type with its name, in the link too."""
    _add(platformos)
    screen.wait_ids(platformos.ids)
    screen.set_filter("liquiderror")
    screen.wait_ids(["3"])
    expect(screen.filter).to_have_value("type:liquiderror")
    assert _parts(screen)["query"] == "type:liquiderror"
    screen.set_filter("callback")
    screen.wait_ids(["5"])
    expect(screen.filter).to_have_value("callback")
    assert _parts(screen)["query"] == "callback"
    screen.page.reload()
    screen.wait_ids(["5"])
    expect(screen.filter).to_have_value("callback")


def test_a_filter_applies_when_the_field_is_left(screen: Screen, platformos: PlatformOS) -> None:
    """What the field says is what is shown: after Tab as after Enter. Escape takes back what was typed."""
    _add(platformos)
    screen.wait_ids(platformos.ids)
    screen.filter.fill("warn")
    screen.filter.press("Tab")
    screen.wait_ids(["4"])
    expect(screen.filter).to_have_value("type:warn")
    screen.filter.fill("info")
    screen.filter.press("Escape")
    expect(screen.filter).to_have_value("type:warn")
    expect(screen.filter).not_to_be_focused()
    screen.wait_ids(["4"])
    assert _parts(screen)["query"] == "type:warn"


def test_who_has_yet_to_connect_is_told_what_a_link_leads_to(
    site: Server, visit: Visit, complaints: Complaints
) -> None:
    """As the link is now; without one nothing is said. It is text, whatever the link has."""
    screen = visit(site)
    told = screen.page.locator("#invitation")
    expect(told).to_be_hidden()
    for link, said in (
        ("env=staging&at=812", "entry 812 of staging."),
        ("env=*&at=production:7&type=error", "entry 7 of every environment (type error)."),
        ("query=type:error&search=<b>order</b>", "the log (filter “type:error”, search “<b>order</b>”)."),
        (f"env=staging&search={'w' * 90}", f"staging (search “{'w' * 80}…”)."),
        ("until=2026-03-01T12:05:00Z", "the log (until 1 Mar 12:05)."),
    ):
        screen.page.evaluate("link => { location.hash = link; }", link)
        expect(told).to_have_text(f"Connect to open what this link leads to: {said}")
    complaints.expect("401")
    screen.page.evaluate("() => { location.hash = 'token=wrong&env=production'; }")
    expect(screen.page.locator("#refused")).to_contain_text("token")
    expect(told).to_have_text("Connect to open what this link leads to: production.")
    screen.connect()
    expect(told).to_be_hidden()


def test_a_link_to_an_entry_is_copied(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """By a button of its row or by a key; who opens it finds the entry in the same view, and it has no token."""
    _add(platformos)
    screen = visit(site, permissions=["clipboard-read", "clipboard-write"]).connect()
    screen.wait_ids(platformos.ids)
    screen.figure("Entries by type").get_by_role("button", name="info").click()
    screen.wait_ids(["2", "5", "6"])
    screen.entry("5").get_by_role("button", name="Copy link to entry 5", exact=True).click()
    clipboard = "id => navigator.clipboard.readText().then(text => text.endsWith(`at=${id}`) ? text : null)"
    link = str(screen.page.wait_for_function(clipboard, arg="5").json_value())
    assert link == f"{screen.address}#env=staging&tool=live&type=info&at=5"
    screen.page.keyboard.press("ArrowUp")
    screen.page.keyboard.press("l")
    screen.page.wait_for_function(clipboard, arg="2")
    other = visit(site, link.removeprefix(screen.address)).connect()
    other.wait_ids(["2", "5", "6"])
    expect(other.entry("5")).to_have_attribute("aria-current", "true")


def test_a_link_that_may_not_be_copied_is_in_the_address(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """Where the browser refuses both ways to the clipboard the button says so, on a phone too."""
    _add(platformos)
    screen = visit(site, viewport={"width": 360, "height": 740}, has_touch=True).connect()
    screen.page.evaluate(
        """() => {
          Object.defineProperty(navigator, "clipboard", { value: undefined });
          document.execCommand = () => false;
        }"""
    )
    screen.wait_ids(platformos.ids)
    screen.entry("2").tap(position={"x": 20, "y": 34})
    screen.entry("2").get_by_role("button", name="Copy link to entry 2", exact=True).tap()
    expect(screen.entry("2")).to_contain_text("not copied: the address has it")
    tools = screen.entry("2").locator(".tools").bounding_box()
    assert tools is not None
    assert tools["x"] >= 0
    _wait_part(screen, "at", "2")
