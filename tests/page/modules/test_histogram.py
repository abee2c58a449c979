"""histogram.js: each entry is counted once, whatever the clocks of the place do."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.page.conftest import Start, Window
from tests.page.modules.tab import Tab
from tests.support.server import Server

DRAW = """async (times) => {
  const { Store } = await import("/page/store.js");
  const { Histogram } = await import("/page/histogram.js");
  const { isWithin } = await import("/page/view.js");
  const figure = document.createElement("figure");
  for (const name of ["columns-chart", "ticks", "hint"]) {
    const part = document.createElement("div");
    part.className = name;
    figure.append(part);
  }
  const store = new Store();
  const histogram = new Histogram(store, figure, () => {});
  const entries = times.map((timestamp, index) => ({
    id: String(index + 1), timestamp, type: "info", error_type: "info", message: "m", data: {},
  }));
  store.add(entries);
  histogram.draw(undefined);
  const columns = [...figure.querySelectorAll("button")].map((button) => {
    const narrowing = JSON.parse(button.dataset.narrow);
    return {
      ...narrowing.time,
      told: button.textContent,
      shown: entries.filter((entry) => isWithin(narrowing, entry)).length,
    };
  });
  const drawn = figure.querySelector(".columns-chart").childElementCount;
  return { columns, drawn, note: figure.querySelector(".hint").textContent };
}"""

MINUTE = 60_000
CHANGES = {
    "Lord Howe, half an hour back": ("Australia/Lord_Howe", "2026-04-04T15:00Z"),
    "Lord Howe, half an hour on": ("Australia/Lord_Howe", "2026-10-03T15:30Z"),
    "Chatham, an hour back": ("Pacific/Chatham", "2026-04-04T14:00Z"),
    "Chatham, an hour on": ("Pacific/Chatham", "2026-09-26T14:00Z"),
    "Troll, two hours on": ("Antarctica/Troll", "2026-03-29T01:00Z"),
    "Troll, two hours back": ("Antarctica/Troll", "2026-10-25T01:00Z"),
    "New York, an hour on": ("America/New_York", "2026-03-08T07:00Z"),
    "New York, an hour back": ("America/New_York", "2026-11-01T06:00Z"),
    "Pyongyang, half an hour back for good": ("Asia/Pyongyang", "2015-08-14T15:00Z"),
    "Caracas, half an hour on for good": ("America/Caracas", "2016-05-01T07:00Z"),
    "Samoa, a day left out": ("Pacific/Apia", "2011-12-30T10:00Z"),
    "Kathmandu, a day's end": ("Asia/Kathmandu", "2026-01-15T18:15Z"),
}


@pytest.fixture
def site(server: Start) -> Server:
    return server()


def drawn(window: Window, site: Server, zone: str, times: list[datetime]) -> tuple[list[dict[str, Any]], str]:
    """The columns that are drawn for entries of these times, with the count of each, and the note below them."""
    tab = Tab(window(timezone_id=zone, locale="en-GB"), site)
    found = tab.run(DRAW, [f"{time:%Y-%m-%dT%H:%M:%S}.000Z" for time in times])
    tab.page.close()
    for column in found["columns"]:
        match = re.search(r"([\d,]+) entr(?:y|ies)$", column["told"])
        assert match is not None, column
        column["count"] = int(match[1].replace(",", ""))
    return found["columns"], found["note"]


def around(change: str, every: timedelta, count: int) -> list[datetime]:
    """`count` times before a moment and as many from it on, `every` apart."""
    moment = datetime.fromisoformat(change.replace("Z", "+00:00")).astimezone(UTC)
    return [moment + number * every for number in range(-count, count)]


def test_each_entry_is_in_one_column_of_a_quarter_of_an_hour(window: Window, site: Server) -> None:
    """Seven hours before clocks change and seven after, a click on a column shows as many entries as it counts."""
    for name, (zone, change) in CHANGES.items():
        times = around(change, timedelta(minutes=20), 21)
        columns, note = drawn(window, site, zone, times)
        assert sum(column["count"] for column in columns) == len(times), name
        assert [column["shown"] for column in columns] == [column["count"] for column in columns], name
        assert all(column["to"] - column["from"] == 15 * MINUTE for column in columns), name
        assert all(one["to"] <= other["from"] for one, other in pairwise(columns)), name
        assert note.startswith("by 15 minutes"), name
        assert re.search(r"\d\d:(00|15|30|45) \d", columns[-1]["told"]), f"{name}: the newest are those of the clock"


def test_each_entry_is_in_one_column_of_a_minute(window: Window, site: Server) -> None:
    """This holds half an hour before clocks change, and half an hour after."""
    for name, (zone, change) in CHANGES.items():
        columns, note = drawn(window, site, zone, around(change, timedelta(seconds=30), 60))
        assert [column["count"] for column in columns] == [column["shown"] for column in columns] == [2] * 60, name
        assert note.startswith("by minute"), name


def test_one_entry_an_hour_in_lord_howe_is_one_in_each_of_fourteen_columns(window: Window, site: Server) -> None:
    """These are the entries of a morning after the change."""
    columns, _ = drawn(window, site, "Australia/Lord_Howe", around("2026-04-04T15:10Z", timedelta(hours=1), 7))
    assert [column["count"] for column in columns] == [1] * 14


def test_a_longer_time_is_shown_whole(window: Window, site: Server) -> None:
    """The log has four days, with or without a change of clocks: two hours a column, and none is left out."""
    columns, note = drawn(window, site, "Australia/Lord_Howe", around("2026-04-04T15:10Z", timedelta(hours=1), 50))
    assert sum(column["count"] for column in columns) == 100
    assert [column["shown"] for column in columns] == [column["count"] for column in columns]
    assert note.startswith("by 2 hours")


def test_an_outage_of_three_minutes_among_hours_has_a_column_of_its_own(window: Window, site: Server) -> None:
    """Of two hours a column is two minutes, of six hours ten, of a day thirty."""
    begin = datetime(2026, 1, 15, 6, 0, tzinfo=UTC)
    for hours, minutes in ((1.1, 1), (2, 2), (5, 5), (8, 10), (16, 15), (30, 30)):
        times = [begin + timedelta(hours=hours * n / 200) for n in range(201)]
        columns, note = drawn(window, site, "Europe/Warsaw", times)
        assert {column["to"] - column["from"] for column in columns} == {minutes * MINUTE}, hours
        assert note.startswith(f"by {minutes} minutes" if minutes > 1 else "by minute"), hours
