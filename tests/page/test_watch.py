"""Watch: charts, errors by kind, the alert."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from tests.page.conftest import Visit
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS
from tests.support.server import Server

NOTIFICATIONS = """
window.notified = [];
window.Notification = class extends EventTarget {
  static permission = "default";
  static async requestPermission() { return this.permission = "granted"; }
  constructor(title, options) { super(); window.notified.push([title, options.body]); }
  close() {}
};
Object.defineProperty(document, "hidden", { get: () => window.away === true });
Object.defineProperty(document, "visibilityState", { get: () => window.away === true ? "hidden" : "visible" });
"""


def _ago(**kw: float) -> str:
    return (datetime.now(UTC) - timedelta(**kw)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _wait_counts(screen: Screen, **counts: int) -> None:
    for type_, count in counts.items():
        bar = screen.figure("Entries by type").get_by_role("button", name=re.compile(rf"{type_}\s+{count}\b"))
        expect(bar).to_have_count(1)
    expect(screen.figure("Entries by type").get_by_role("button")).to_have_count(len(counts))
    assert screen.by_type() == counts


def test_entries_are_counted_by_type_as_they_come(screen: Screen, platformos: PlatformOS) -> None:
    """The counts are text that can be read."""
    platformos.add(*({"error_type": each} for each in ("error", "LiquidError", "warn", "info", "info", "debug")))
    _wait_counts(screen, error=2, warn=1, info=2, debug=1)
    platformos.add({"error_type": "error"})
    _wait_counts(screen, error=3, warn=1, info=2, debug=1)
    screen.button("Clear").click()
    expect(screen.figure("Entries by type").get_by_role("button")).to_have_count(0)


def test_entries_are_counted_by_the_minute_while_the_span_is_short(screen: Screen, platformos: PlatformOS) -> None:
    """Of three minutes one is empty."""
    platformos.add({"created_at": _ago(minutes=9)}, {"created_at": _ago(minutes=9)}, {"created_at": _ago(minutes=5)})
    screen.wait_ids(platformos.ids)
    expect(screen.figure("Entries over time")).to_contain_text("minute")
    assert screen.by_time() == [2, 1]


def test_entries_are_counted_by_longer_times_when_the_span_is_long(screen: Screen, platformos: PlatformOS) -> None:
    """The span is half a day, in order of time: a column has a quarter of an hour."""
    hours = [12, 12, 12, 6, 6, 0.001]
    platformos.add(*({"created_at": _ago(hours=each)} for each in hours))
    screen.wait_ids(platformos.ids)
    expect(screen.figure("Entries over time").get_by_role("button")).to_have_count(3)
    assert screen.by_time() == [3, 2, 1]
    expect(screen.figure("Entries over time")).to_contain_text("by 15 minutes")


def test_the_charts_follow_the_filter(screen: Screen, platformos: PlatformOS) -> None:
    """They count what the filter keeps, and all again without it."""
    platformos.add(*({"error_type": each} for each in ("error", "warn", "info", "error")))
    _wait_counts(screen, error=2, warn=1, info=1)
    screen.set_filter("error")
    screen.wait_ids(["1", "4"])
    _wait_counts(screen, error=2)
    assert sum(screen.by_time()) == 2
    screen.set_filter("")
    _wait_counts(screen, error=2, warn=1, info=1)


def test_a_click_in_a_chart_narrows_the_view(screen: Screen, platformos: PlatformOS) -> None:
    """It narrows to a type, to a time, and to both. Show all ends it."""
    old, new = _ago(minutes=9), _ago(minutes=5)
    platformos.add(
        {"error_type": "error", "created_at": old},
        {"error_type": "info", "created_at": old},
        {"error_type": "error", "created_at": new},
    )
    screen.wait_ids(platformos.ids)
    screen.figure("Entries by type").get_by_role("button", name=re.compile("error")).click()
    screen.wait_ids(["1", "3"])
    screen.figure("Entries over time").get_by_role("button").first.click()
    screen.wait_ids(["1"])
    screen.button("Show all").click()
    screen.wait_ids(platformos.ids)


def test_errors_are_grouped_by_kind_with_count_and_last_seen(screen: Screen, platformos: PlatformOS) -> None:
    """Errors alike but for numbers and ids are one group, with the time of its last. A click narrows to it."""
    platformos.add(
        {"error_type": "error", "message": "Order #1001 failed in 20 ms", "created_at": _ago(minutes=30)},
        {"error_type": "error", "message": "Order #1002 failed in 31 ms", "created_at": _ago(minutes=20)},
        {"error_type": "error", "message": "Order #1003 failed in 4 ms", "created_at": _ago(minutes=10)},
        {"error_type": "LiquidError", "message": "undefined filter pricify"},
        {"error_type": "warn", "message": "Order #1004 failed in 4 ms"},
    )
    groups = screen.region("Errors by kind")
    orders = groups.get_by_role("button", name=re.compile("Order"))
    expect(orders).to_have_count(1)
    expect(orders).to_contain_text(re.compile(r"\b3\b"))
    expect(orders).to_contain_text("last 10 min ago")
    expect(groups.get_by_role("button", name=re.compile("pricify"))).to_contain_text(re.compile(r"\b1\b"))
    expect(groups.get_by_role("button").first).to_contain_text("Order")
    orders.click()
    screen.wait_ids(["1", "2", "3"])


def test_the_eleventh_error_alerts_and_again_after_clear(screen: Screen, platformos: PlatformOS) -> None:
    """Ten raise no alert, and warnings do not count. Clear ends the alert and counts from zero."""
    platformos.add_many(10, error_type="error")
    platformos.add_many(5, error_type="warn")
    screen.wait_ids(platformos.ids)
    expect(screen.alert).to_have_count(0)
    platformos.add({"error_type": "LiquidError"})
    expect(screen.alert).to_be_visible()
    expect(screen.alert).to_contain_text("10")
    screen.button("Clear").click()
    expect(screen.alert).to_have_count(0)
    platformos.add_many(10, error_type="error")
    expect(screen.entries).to_have_count(10)
    expect(screen.alert).to_have_count(0)
    platformos.add_many(1, error_type="error")
    expect(screen.alert).to_be_visible()


def test_show_errors_shows_those_of_the_alert_whatever_the_view_is_narrowed_to(
    screen: Screen, platformos: PlatformOS
) -> None:
    """The reader looks at errors of an earlier minute. The button leads to the newest of all; again, it still does."""
    platformos.add_many(40, error_type="error", created_at=_ago(minutes=9))
    screen.wait_ids(platformos.ids)
    screen.figure("Entries by type").get_by_role("button", name=re.compile("error")).click()
    screen.figure("Entries over time").get_by_role("button").first.click()
    screen.scroll_up()
    platformos.add_many(1)
    platformos.add_many(11, error_type="error")
    for _ in range(2):
        screen.alert.get_by_role("button", name="Show errors").click()
        screen.wait_ids([str(n) for n in range(1, 53) if n != 41])
        expect(screen.entry("52")).to_be_in_viewport()
    screen.page.go_back()
    expect(screen.entry("52")).to_have_count(0)


def test_errors_from_before_the_opening_raise_no_alert(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """They are there, counted and grouped. The eleventh that comes raises it."""
    platformos.add(*({"error_type": "error", "created_at": _ago(seconds=30)} for _ in range(20)))
    screen = visit(site).connect()
    screen.wait_ids(platformos.ids)
    _wait_counts(screen, error=20)
    platformos.add_many(10, error_type="error")
    screen.wait_ids(platformos.ids)
    expect(screen.page).to_have_title(re.compile(r"^\(10\) "))
    expect(screen.alert).to_have_count(0)
    platformos.add_many(1, error_type="error")
    expect(screen.alert).to_be_visible()


def test_the_threshold_is_the_readers(screen: Screen, platformos: PlatformOS) -> None:
    """The reader sets two in place of ten. With zero the first error raises the alert."""
    box = screen.page.get_by_role("spinbutton", name="Alert after", exact=True)
    expect(box).to_have_value("10")
    box.fill("2")
    box.press("Enter")
    platformos.add_many(2, error_type="error")
    screen.wait_ids(["1", "2"])
    expect(screen.alert).to_have_count(0)
    platformos.add_many(1, error_type="error")
    expect(screen.alert).to_be_visible()
    screen.button("Clear").click()
    box.fill("0")
    box.press("Tab")
    platformos.add_many(1, error_type="error")
    expect(screen.alert).to_be_visible()


def test_the_tabs_title_counts_errors(screen: Screen, platformos: PlatformOS) -> None:
    """It can be seen from another tab, and names the environment."""
    platformos.add_many(12, error_type="error")
    expect(screen.page).to_have_title(re.compile(r"\b12\b"))
    expect(screen.page).to_have_title(re.compile(r"staging"))
    screen.button("Clear").click()
    expect(screen.page).not_to_have_title(re.compile(r"\d"))


def test_the_browser_notifies_who_asked_for_it(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """It notifies once for an alert while the tab is hidden, and not before it was allowed."""
    screen = visit(site)
    screen.page.add_init_script(NOTIFICATIONS)
    screen.open().connect()
    screen.button("Notify me").click()
    screen.page.evaluate("() => { window.away = true; document.dispatchEvent(new Event('visibilitychange')); }")
    platformos.add_many(11, error_type="error", message="it broke")
    screen.page.wait_for_function("() => window.notified.length > 0")
    platformos.add_many(5, error_type="error")
    expect(screen.page).to_have_title(re.compile(r"\b16\b"))
    notified = screen.page.evaluate("() => window.notified")
    assert len(notified) == 1
    assert "staging" in notified[0][1]


def test_nobody_is_notified_who_did_not_ask(site: Server, platformos: PlatformOS, visit: Visit) -> None:
    """The alert is on the page only, and the page does not ask for permission by itself."""
    screen = visit(site)
    screen.page.add_init_script(NOTIFICATIONS)
    screen.open().connect()
    screen.page.evaluate("() => { window.away = true; }")
    platformos.add_many(11, error_type="error")
    expect(screen.alert).to_be_visible()
    assert screen.page.evaluate("() => [window.notified.length, Notification.permission]") == [0, "default"]


def test_an_error_counts_once_however_the_filter_changes(screen: Screen, platformos: PlatformOS) -> None:
    """An error that a wider filter brings again was counted when it came."""
    platformos.add_many(6, error_type="error")
    screen.wait_ids(platformos.ids)
    screen.set_filter("info")
    screen.wait_ids([])
    screen.set_filter("")
    screen.wait_ids(platformos.ids)
    expect(screen.page).to_have_title(re.compile(r"^\(6\) "))
    expect(screen.alert).to_have_count(0)
