"""Times: in which zone they are, in one form, and by days."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from tests.page.conftest import Visit, in_firefox_too
from tests.support.platformos import PlatformOS
from tests.support.server import Server


@in_firefox_too
def test_the_zone_is_named_and_can_be_utc(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """In every row and in the histogram. A reload keeps it."""
    platformos.add({"created_at": "2024-01-15T22:34:56Z"}, {"created_at": "2024-01-15T23:34:56Z"})
    screen = visit(site, timezone_id="Europe/Warsaw", locale="en-US").connect()
    times = screen.page.get_by_role("combobox", name="Times", exact=True)
    head = screen.page.get_by_role("banner")
    expect(head).to_contain_text("Europe/Warsaw, UTC+1")
    expect(screen.wait_drawn("1").get_by_role("time")).to_have_text("23:34:56.000")
    expect(screen.wait_drawn("2").get_by_role("time")).to_have_text("00:34:56.000")
    for entry, day in (("1", "Monday, 15 January 2024"), ("2", "Tuesday, 16 January 2024")):
        expect(screen.entry(entry)).to_contain_text(re.compile(f"^{day}"))
    expect(screen.figure("Entries over time")).to_contain_text("(Europe/Warsaw, UTC+1)")
    screen.open_more()
    times.select_option(label="UTC")
    expect(head).not_to_contain_text("Warsaw")
    expect(screen.entry("1").get_by_role("time")).to_have_text("22:34:56.000")
    expect(screen.entry("2").get_by_role("time")).to_have_text("23:34:56.000")
    expect(screen.entry("1")).to_contain_text("15 January")
    expect(screen.entry("2")).not_to_contain_text("January")
    expect(screen.figure("Entries over time")).to_contain_text("15 Jan 23:34")
    screen.page.reload()
    expect(screen.wait_drawn("1").get_by_role("time")).to_have_text("22:34:56.000")
    screen.open_more()
    times.select_option(label="local")
    expect(screen.entry("1").get_by_role("time")).to_have_text("23:34:56.000")


def test_midnight_begins_a_day(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """Entries of today alone need no day. After midnight both days are named."""
    screen = visit(site, timezone_id="UTC")
    before = datetime(2026, 11, 28, 23, 58, tzinfo=UTC)
    screen.page.clock.install(time=before)
    screen.set_server_time(before)
    screen.open().connect()
    platformos.add({"created_at": "2026-11-28T23:57:00Z"})
    expect(screen.wait_drawn("1")).not_to_contain_text("November")
    platformos.add({"created_at": "2026-11-29T00:01:00Z"})
    screen.wait_drawn("2")
    screen.set_server_time(before + timedelta(minutes=3))  # the page may ask for it once its clock has jumped
    screen.page.clock.fast_forward(180_000)
    screen.page.clock.run_for(61_000)
    expect(screen.entry("1")).to_contain_text("Saturday, 28 November 2026")
    expect(screen.entry("2")).to_contain_text("Sunday, 29 November 2026")
