"""Follow: entries as they come, each once, whatever happens to the connection."""

from __future__ import annotations

import re
import signal
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.page.complaints import AWAY, Complaints
from tests.page.conftest import Start, Visit, in_firefox_too
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS
from tests.support.server import Server

PAGEFUL = 60  # entries that fill the log's region and more


@in_firefox_too
def test_entries_appear_as_they_come_and_the_newest_is_in_view(screen: Screen, platformos: PlatformOS) -> None:
    """They are in the order of their ids, whether they were there before or not."""
    for _ in range(3):
        platformos.add_many(PAGEFUL // 2)
        screen.wait_drawn(platformos.ids[-1])
        expect(screen.entry(platformos.ids[-1])).to_be_in_viewport()
    screen.wait_ids(platformos.ids)
    expect(screen.jump).to_have_count(0)


def test_an_entry_of_a_moment_says_what_it_is(screen: Screen, platformos: PlatformOS) -> None:
    """Its element carries the id and the type."""
    platformos.add({"error_type": "LiquidError", "message": "m"})
    expect(screen.entry("1")).to_have_attribute("data-type", "error")


def test_the_connection_tells_its_state_and_when_it_last_heard(site: Server, visit: Visit) -> None:
    """It says `live`, and "last heard 3 s ago" while nothing comes, and is always in sight."""
    screen = visit(site).connect()
    expect(screen.connection).to_have_count(1)
    expect(screen.connection).to_have_text(re.compile(r"^\s*live\b.*\blast heard [1-9]\d* s ago", re.DOTALL))
    expect(screen.connection).to_be_in_viewport()


def test_a_heartbeat_counts_as_heard(server: Start, platformos: PlatformOS, visit: Visit) -> None:
    """The time begins anew with each heartbeat, though no entry comes."""
    screen = visit(server(env={"POSLOGS_HEARTBEAT_SECONDS": "4"})).connect()
    expect(screen.connection).to_contain_text("3 s ago")
    expect(screen.connection).to_contain_text(re.compile(r"just now|\b[01] s ago"))
    expect(screen.connection).to_contain_text("3 s ago")


@in_firefox_too
def test_who_scrolls_up_is_left_in_peace(screen: Screen, platformos: PlatformOS) -> None:
    """A button counts what comes, and the visible entries do not move. The button leads to the newest, and follows."""
    platformos.add_many(PAGEFUL)
    screen.wait_ids(platformos.ids)
    screen.scroll_up()
    read = screen.entry("3")
    expect(read).to_be_in_viewport()
    before = read.bounding_box()
    platformos.add_many(5)
    expect(screen.jump).to_have_text("5 new, jump to live")
    platformos.add_many(2)
    expect(screen.jump).to_have_text("7 new, jump to live")
    assert read.bounding_box() == before
    screen.jump.click()
    expect(screen.entry(platformos.ids[-1])).to_be_in_viewport()
    expect(screen.jump).to_have_count(0)
    platformos.add_many(1)
    screen.wait_ids(platformos.ids)
    expect(screen.entry(platformos.ids[-1])).to_be_in_viewport()


def test_scrolling_down_to_the_end_follows_again(screen: Screen, platformos: PlatformOS) -> None:
    """Scrolling does what the button does."""
    platformos.add_many(PAGEFUL)
    screen.wait_ids(platformos.ids)
    screen.scroll_up()
    platformos.add_many(1)
    expect(screen.jump).to_have_text("1 new, jump to live")
    for _ in range(10):
        screen.page.mouse.wheel(0, 3000)
    expect(screen.jump).to_have_count(0)
    platformos.add_many(PAGEFUL)
    screen.wait_ids(platformos.ids)
    expect(screen.entry(platformos.ids[-1])).to_be_in_viewport()


def test_a_window_that_grows_is_filled(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """Else nothing could be scrolled, and so nothing above would be shown."""
    platformos.add_many(300)
    screen = visit(site, viewport={"width": 1280, "height": 500}).connect()
    screen.wait_drawn("300")
    screen.page.set_viewport_size({"width": 1280, "height": 3_000})
    expect(screen.entries.first).not_to_be_in_viewport()
    expect(screen.entry("300")).to_be_in_viewport(ratio=1)


@in_firefox_too
def test_pause_keeps_reading_and_counts(screen: Screen, platformos: PlatformOS) -> None:
    """Nothing is drawn, and the button says how many entries wait. Resume draws them all, in order, once."""
    platformos.add_many(2)
    screen.wait_ids(["1", "2"])
    screen.button("Pause").click()
    screen.wait_state("paused")
    platformos.add_many(3)
    expect(screen.button(re.compile(r"^Resume \(3\)$"))).to_be_visible()
    platformos.add_many(1)
    expect(screen.button(re.compile(r"^Resume \(4\)$"))).to_be_visible()
    assert screen.ids == ["1", "2"]
    screen.button(re.compile("^Resume")).click()
    screen.wait_ids(platformos.ids)
    screen.wait_state("live")
    expect(screen.button("Pause")).to_be_visible()


def test_clear_empties_the_log_and_it_goes_on(screen: Screen, platformos: PlatformOS) -> None:
    """What was cleared does not come back, even after a lost connection."""
    platformos.add_many(3)
    screen.wait_ids(platformos.ids)
    screen.button("Clear").click()
    expect(screen.entries).to_have_count(0)
    platformos.add_many(2)
    screen.wait_ids(["4", "5"])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_that_goes_and_comes_back_is_a_blink(
    site: Server, platformos: PlatformOS, visit: Visit, complaints: Complaints, how: signal.Signals
) -> None:
    """The page shows it while it lasts. Entries from before, meanwhile and after come once each."""
    complaints.expect(*AWAY)
    screen = visit(site).connect()
    platformos.add_many(5)
    screen.wait_ids(platformos.ids)
    site.signal(how)
    site.wait_exit()
    site.stop()
    screen.wait_state("reconnecting")
    platformos.add_many(5)
    site.start()
    screen.wait_state("live")
    platformos.add_many(5)
    screen.wait_ids(platformos.ids)


@in_firefox_too
def test_a_worker_that_is_killed_costs_nothing(
    site: Server, platformos: PlatformOS, visit: Visit, complaints: Complaints
) -> None:
    """gunicorn starts another one, and the log goes on by itself."""
    complaints.expect(*AWAY)
    screen = visit(site).connect()
    platformos.add_many(5)
    screen.wait_ids(platformos.ids)
    import os

    os.kill(site.worker_pid(), signal.SIGKILL)
    platformos.add_many(5)
    screen.wait_ids(platformos.ids)
    screen.wait_state("live")


def test_the_page_comes_back_by_last_event_id(
    site: Server, platformos: PlatformOS, visit: Visit, complaints: Complaints
) -> None:
    """It asks for what came after the last entry, not for the whole log."""
    complaints.expect(*AWAY)
    screen = visit(site).connect()
    platformos.add_many(7)
    screen.wait_ids(platformos.ids)
    asked: list[Any] = []
    screen.page.on("request", lambda request: asked.append(request) if "call-stream" in request.url else None)
    site.stop()
    screen.wait_state("reconnecting")
    site.start()
    screen.wait_state("live")
    assert {each.headers.get("last-event-id") for each in asked} == {"7"}
    assert all("tail" not in each.post_data_json["input"] for each in asked)


@in_firefox_too
def test_an_outage_of_platformos_is_told_while_it_lasts(screen: Screen, platformos: PlatformOS) -> None:
    """The page says that platformOS is away, not the server. Then the log goes on, with each entry once."""
    platformos.add_many(2)
    screen.wait_ids(platformos.ids)
    platformos.fail("status", status=500)
    expect(screen.connection).to_contain_text("platformOS answered 500 for environment staging")
    platformos.add_many(2)
    platformos.heal()
    screen.wait_ids(platformos.ids)
    expect(screen.connection).not_to_contain_text("500")
    screen.wait_state("live")


def test_a_row_that_platformos_shows_late_arrives_once(screen: Screen, platformos: PlatformOS) -> None:
    """Its id is below one that is there already."""
    platformos.add({"id": 1}, {"id": 2})
    expect(screen.entries).to_have_count(2)
    platformos.add({"id": 5})  # comes by a poll that knows what was there: the first only learns it (decision 8)
    expect(screen.entries).to_have_count(3)
    platformos.reveal({"id": 3, "message": "late"})
    expect(screen.entries).to_have_count(4)
    platformos.add({"id": 6})
    expect(screen.entries).to_have_count(5)
    assert sorted(screen.ids) == ["1", "2", "3", "5", "6"]


def test_ids_of_nineteen_digits_are_told_apart(screen: Screen, platformos: PlatformOS) -> None:
    """The ids differ beyond the precision of a JavaScript number."""
    ids = [9_000_000_000_000_000_001, 9_000_000_000_000_000_002, 9_000_000_000_000_000_003]
    platformos.add(*({"id": each} for each in ids))
    screen.wait_ids([str(each) for each in ids])


def test_a_position_without_entries_moves_on(
    site: Server, platformos: PlatformOS, visit: Visit, complaints: Complaints
) -> None:
    """With a filter that keeps nothing, what it left out is not asked for again after a break."""
    complaints.expect(*AWAY)
    screen = visit(site, "#filter=error").connect()
    platformos.add_many(5)
    platformos.add({"error_type": "error"})
    screen.wait_ids(["6"])
    site.stop()
    screen.wait_state("reconnecting")
    site.start()
    screen.wait_state("live")
    platformos.add({"error_type": "error"})
    screen.wait_ids(["6", "7"])


def test_a_pause_holds_whatever_the_view_is_narrowed_to(screen: Screen, platformos: PlatformOS) -> None:
    """What came since is counted, and not drawn before Resume."""
    platformos.add({"error_type": "error"}, {"error_type": "info"})
    screen.wait_ids(["1", "2"])
    screen.button("Pause").click()
    platformos.add({"error_type": "error"}, {"error_type": "info"})
    expect(screen.button("Resume (2)")).to_be_visible()
    screen.figure("Entries by type").get_by_role("button", name="error").click()
    screen.wait_ids(["1"])
    expect(screen.button("Resume (1)")).to_be_visible()
    screen.button("Show all").click()
    screen.wait_ids(["1", "2"])
    screen.button("Resume (2)").click()
    screen.wait_ids(platformos.ids)
