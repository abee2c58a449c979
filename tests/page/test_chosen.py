"""Chosen: a time that is chosen in the histogram opens where a reader begins, and the overview counts what it has."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.page.conftest import Visit, in_firefox_too
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS
from tests.support.server import Server

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
IN_A_MINUTE = 100  # more than a screen shows
HELD = 10_000  # that the page gets at its opening


def _add_minute(platformos: PlatformOS, minute: int, errors: tuple[int, ...] = (), begin: datetime = NOON) -> list[str]:
    """Entries of a minute after `begin`, of which those with these numbers are errors; their ids."""
    known = len(platformos.ids)
    platformos.add(
        *(
            {
                "created_at": (begin + timedelta(minutes=minute, milliseconds=500 * n)).isoformat(),
                "error_type": "error" if n in errors else "info",
                "message": f"minute {minute}, number {n}",
            }
            for n in range(IN_A_MINUTE)
        )
    )
    return platformos.ids[known:]


def _link(since: int, until: int | None = None, **parts: str) -> str:
    """A link to the time from one minute after NOON to another."""
    times = {"since": since} | ({} if until is None else {"until": until})
    moments = {name: (NOON + timedelta(minutes=minute)).isoformat() for name, minute in times.items()}
    return f"#{urlencode(moments | parts)}"


def _choose(screen: Screen, number: int) -> None:
    screen.figure("Entries over time").get_by_role("button").nth(number).click()


def test_a_minute_without_errors_opens_at_its_first_entry(screen: Screen, platformos: PlatformOS) -> None:
    """Also from another minute that was chosen before, and with the way to the newest entry."""
    minutes = [_add_minute(platformos, minute) for minute in (1, 2, 3)]
    screen.wait_drawn(platformos.ids[-1])
    for number in (1, 0, 2):
        _choose(screen, number)
        expect(screen.entry(minutes[number][0])).to_be_in_viewport(ratio=1)
        expect(screen.entry(minutes[number][-1])).not_to_be_in_viewport()
        assert screen.scrolled == 0
    expect(screen.button("Jump to live")).to_be_visible()


def test_a_minute_with_errors_opens_at_the_first_of_them(screen: Screen, platformos: PlatformOS) -> None:
    """It is current, with what led to it above; `e` goes on from there, and the link names it."""
    _add_minute(platformos, 1)
    ids = _add_minute(platformos, 2, errors=(60, 80))
    _add_minute(platformos, 3)
    screen.wait_drawn(platformos.ids[-1])
    _choose(screen, 1)
    expect(screen.entry(ids[60])).to_have_attribute("aria-current", "true")
    for number in (58, 59, 60, 61):
        expect(screen.entry(ids[number])).to_be_in_viewport(ratio=1)
    screen.page.wait_for_function("id => location.hash.endsWith(`at=${id}`)", arg=ids[60])
    screen.page.keyboard.press("e")
    expect(screen.entry(ids[80])).to_have_attribute("aria-current", "true")


def test_who_is_at_an_entry_of_the_minute_stays_there(screen: Screen, platformos: PlatformOS) -> None:
    """The current entry does not move as the view becomes another."""
    ids = _add_minute(platformos, 1, errors=(3,))
    screen.wait_drawn(ids[-1])
    screen.entry(ids[90]).click()
    before = screen.entry(ids[90]).bounding_box()
    _choose(screen, 0)
    expect(screen.entry(ids[90])).to_have_attribute("aria-current", "true")
    assert screen.entry(ids[90]).bounding_box() == before


def test_a_minute_that_fits_on_the_screen_needs_no_way_back(screen: Screen, platformos: PlatformOS) -> None:
    """All of it is seen, so there is nowhere to go."""
    platformos.add(*({"created_at": (NOON + timedelta(minutes=n)).isoformat()} for n in range(5)))
    screen.wait_ids(platformos.ids)
    _choose(screen, 2)
    screen.wait_ids([platformos.ids[2]])
    expect(screen.jump).to_have_count(0)


def test_the_overview_counts_the_chosen_time(screen: Screen, platformos: PlatformOS) -> None:
    """It says so, counts what comes, and counts all again once that time is let go of."""
    begin = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=20)
    _add_minute(platformos, 1, errors=(1, 2, 3), begin=begin)
    _add_minute(platformos, 2, errors=(50,), begin=begin)
    platformos.add({"error_type": "warn"}, {"error_type": "error", "message": "just now"})
    screen.wait_drawn(platformos.ids[-1])
    types, kinds = screen.figure("Entries by type"), screen.region("Errors by kind")
    expect(types.get_by_role("button", name="error")).to_have_text("error 5")
    _choose(screen, 1)
    expect(types.get_by_role("button", name="error")).to_have_text("error 1")
    assert screen.by_type() == {"error": 1, "info": IN_A_MINUTE - 1}
    expect(kinds.get_by_role("button")).to_have_text(re.compile("^1×"))
    for part in (types, kinds):
        expect(part.locator(".hint").first).to_have_text(re.compile(r"\d\d:\d\d to .*\d\d:\d\d$"))
    screen.button("Show all").click()
    expect(types.get_by_role("button", name="error")).to_have_text("error 5")
    expect(types.locator(".hint")).to_be_empty()
    screen.page.get_by_role("combobox", name="Last", exact=True).select_option(label="5 min")
    expect(types.get_by_role("button", name="error")).to_have_text("error 1")
    assert screen.by_type() == {"error": 1, "warn": 1}
    platformos.add({"error_type": "error"})
    expect(types.get_by_role("button", name="error")).to_have_text("error 2")


@in_firefox_too
@pytest.mark.parametrize("until", [3, None])
def test_a_link_to_a_time_opens_at_its_first_error(
    site: Server, platformos: PlatformOS, visit: Visit, until: int | None
) -> None:
    """As that time does when it is chosen in the histogram; a reload keeps where the reader has gone from there."""
    _add_minute(platformos, 1, errors=(50,))
    ids = _add_minute(platformos, 2, errors=(60, 80))
    _add_minute(platformos, 4, errors=(50,))
    screen = visit(site, _link(2, until)).connect()
    expect(screen.entry(ids[60])).to_have_attribute("aria-current", "true")
    for number in (58, 59, 60, 61):
        expect(screen.entry(ids[number])).to_be_in_viewport(ratio=1)
    screen.page.wait_for_function("id => location.hash.endsWith(`at=${id}`)", arg=ids[60])
    screen.page.keyboard.press("End")
    expect(screen.jump).to_have_count(0)
    screen.page.wait_for_function("() => history.state?.end && !location.hash.includes('at=')")
    screen.page.reload()
    expect(screen.entry(ids[-1] if until else platformos.ids[-1])).to_be_in_viewport()
    screen.wait_state("live")
    platformos.add_many(1)
    expect(screen.entry(ids[-1] if until else platformos.ids[-1])).to_be_in_viewport()
    expect(screen.entry(ids[60])).not_to_be_in_viewport()


def test_a_link_to_a_time_without_errors_opens_at_its_first_entry(
    site: Server, platformos: PlatformOS, visit: Visit
) -> None:
    """Also where it replaces the link to another time; Back leads to where that one was."""
    minutes = [_add_minute(platformos, minute, errors=(50,) if minute == 1 else ()) for minute in (1, 2, 3)]
    screen = visit(site, _link(2, 3)).connect()
    expect(screen.entry(minutes[1][0])).to_be_in_viewport(ratio=1)
    assert screen.scrolled == 0
    screen.page.evaluate("link => { location.hash = link; }", _link(1, 2))
    expect(screen.entry(minutes[0][50])).to_have_attribute("aria-current", "true")
    expect(screen.entry(minutes[0][50])).to_be_in_viewport(ratio=1)
    screen.page.go_back()
    expect(screen.entry(minutes[1][0])).to_be_in_viewport(ratio=1)


def test_a_link_to_a_time_asks_for_what_the_page_does_not_hold(
    site: Server, platformos: PlatformOS, visit: Visit
) -> None:
    """It opens at the first error once all of that time is there; with a search, at the first of those that match."""
    ids = _add_minute(platformos, 1, errors=(20, 80))
    platformos.add(*({"created_at": (NOON + timedelta(minutes=9)).isoformat()} for _ in range(HELD)))
    screen = visit(site, _link(1, 2)).connect()
    expect(screen.entry(ids[20])).to_have_attribute("aria-current", "true")
    expect(screen.entry(ids[20])).to_be_in_viewport(ratio=1)
    other = visit(site, _link(1, 2, search="(?<!2)0$", regex="1", only="1")).connect()
    expect(other.entry(ids[80])).to_have_attribute("aria-current", "true")


def test_a_link_to_a_time_without_a_beginning_shows_its_end(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """The server is asked for it where the page holds only what came later."""
    ids = _add_minute(platformos, 1)
    platformos.add(*({"created_at": (NOON + timedelta(minutes=9)).isoformat()} for _ in range(HELD)))
    screen = visit(site, f"#until={(NOON + timedelta(minutes=5)).isoformat().replace('+00:00', 'Z')}").connect()
    expect(screen.entry(ids[-1])).to_be_in_viewport()
    expect(screen.page.get_by_text("The chosen time ends at")).to_be_in_viewport()


def test_a_link_to_a_time_leaves_a_reader_who_has_begun_where_he_is(
    site: Server, platformos: PlatformOS, visit: Visit
) -> None:
    """The answer for what is missing may be late."""
    ids = _add_minute(platformos, 1, errors=(20,))
    screen = visit(site)
    held = []
    screen.page.route("**/call", lambda route: held.append(route))
    screen.page.evaluate("link => { location.hash = link; }", _link(1, 2))
    screen.connect()
    screen.wait_drawn(ids[-1])
    screen.scroll_up()
    platformos.add_many(1)
    screen.page.wait_for_function("() => history.state?.place")
    for route in held:
        route.continue_()
    expect(screen.page.get_by_text("Asking for earlier entries")).to_have_count(0)
    assert screen.scrolled <= 1


def test_the_end_of_a_long_time_is_seen_at_its_end(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """Also where its last entries are not drawn before."""
    for minute in range(1, 6):
        ids = _add_minute(platformos, minute, errors=(20,) if minute == 1 else ())
    screen = visit(site, _link(1, 6)).connect()
    expect(screen.entry("21")).to_have_attribute("aria-current", "true")
    expect(screen.entry(ids[-1])).to_have_count(0)
    screen.page.keyboard.press("End")
    expect(screen.entry(ids[-1])).to_be_in_viewport(ratio=1)
    expect(screen.page.get_by_text("The chosen time ends at")).to_be_in_viewport(ratio=1)


def test_where_a_chosen_time_ends_is_seen_after_a_reload_at_its_end(
    site: Server, platformos: PlatformOS, visit: Visit
) -> None:
    """It says when in the zone that is shown."""
    ids = _add_minute(platformos, 1)
    screen = visit(site, _link(1, 6), timezone_id="America/New_York").connect()
    screen.wait_drawn(ids[0])
    screen.page.keyboard.press("End")
    screen.page.wait_for_function("() => history.state?.end")
    screen.page.reload()
    told = screen.page.get_by_text("The chosen time ends at 1 Mar 07:06")
    expect(told).to_be_in_viewport(ratio=1)
    screen.open_more().page.get_by_role("combobox", name="Times", exact=True).select_option("UTC")
    expect(screen.page.get_by_text("The chosen time ends at 1 Mar 12:06")).to_be_in_viewport(ratio=1)


def test_where_a_chosen_time_ends_is_told(screen: Screen, platformos: PlatformOS) -> None:
    """Below its last entry, with a way on: the state still says `live`, and yet nothing comes."""
    ids = _add_minute(platformos, 1, errors=(20,))
    newest = _add_minute(platformos, 2)
    screen.wait_drawn(newest[-1])
    told = screen.page.get_by_text("The chosen time ends at")
    expect(told).to_be_hidden()
    _choose(screen, 0)
    expect(screen.entry(ids[20])).to_be_in_viewport()
    screen.page.keyboard.press("End")
    expect(told).to_be_in_viewport(ratio=1)
    below, last = told.bounding_box(), screen.entry(ids[-1]).bounding_box()
    assert below is not None
    assert last is not None
    assert below["y"] >= last["y"] + last["height"] - 1
    expect(screen.jump).to_have_count(0)  # it is the end
    screen.button("Show what came later").click()
    expect(screen.entry(newest[-1])).to_be_in_viewport()
    expect(told).to_be_hidden()


@in_firefox_too
def test_the_way_to_live_leads_out_of_a_time_that_ends(screen: Screen, platformos: PlatformOS) -> None:
    """What comes is shown then, and Back leads to where the reader was. `End` leads to the end of that time."""
    ids = _add_minute(platformos, 1, errors=(20,))
    newest = _add_minute(platformos, 2)
    screen.wait_drawn(newest[-1])
    _choose(screen, 0)
    expect(screen.entry(ids[20])).to_have_attribute("aria-current", "true")
    screen.page.keyboard.press("End")
    expect(screen.entry(ids[-1])).to_be_in_viewport()
    expect(screen.jump).to_have_count(0)
    screen.page.keyboard.press("e")
    expect(screen.entry(ids[20])).to_be_in_viewport()
    screen.page.wait_for_function("id => location.hash.endsWith(`at=${id}`)", arg=ids[20])
    expect(screen.jump).to_have_attribute("title", re.compile("^Leave the chosen time"))
    screen.jump.click()
    expect(screen.entry(newest[-1])).to_be_in_viewport()
    expect(screen.button("Show all")).to_have_count(0)
    platformos.add_many(1)
    expect(screen.entry(platformos.ids[-1])).to_be_in_viewport()
    expect(screen.jump).to_have_count(0)
    screen.page.go_back()
    expect(screen.entry(ids[20])).to_be_in_viewport()
    expect(screen.entry(ids[20])).to_have_attribute("aria-current", "true")
    expect(screen.button("Show all")).to_have_count(1)
