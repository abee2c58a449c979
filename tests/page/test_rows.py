"""Rows: where the parts of an entry stand, and what stays seen of it while it is pointed at."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Locator

from tests.page.conftest import Visit
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS
from tests.support.server import Server

SIZES = [(1366, 768), (768, 1024), (360, 740)]
UNBROKEN = json.dumps({"token": "abcdef0123456789" * 60}, separators=(",", ":"))


def _edges(part: Locator) -> tuple[float, float]:
    """Where it begins and ends from top to bottom, in pixels."""
    box = part.bounding_box()
    assert box is not None, part
    return box["y"], box["y"] + box["height"]


def _lines(part: Locator) -> list[dict[str, float]]:
    """Where each line of its text begins, and its top, in pixels."""
    found: list[dict[str, float]] = part.evaluate(
        """each => {
          const range = document.createRange();
          range.selectNodeContents(each);
          const lines = new Map(); // a blank at a line's end is a box of its own
          for (const { left, top, width } of range.getClientRects()) {
            if (width > 0) lines.set(top, Math.min(left, lines.get(top) ?? left));
          }
          return [...lines].map(([top, left]) => ({ left, top }));
        }"""
    )
    return found


def _visit(visit: Visit, site: Server, size: tuple[int, int]) -> Screen:
    return visit(site, viewport={"width": size[0], "height": size[1]}).connect()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_error_stays_red_while_it_is_pointed_at(
    site: Server, platformos: PlatformOS, visit: Visit, scheme: str
) -> None:
    """Its ground is another then, as that of each row is, and still red."""
    screen = visit(site, color_scheme=scheme).connect()
    platformos.add({"error_type": "error", "message": "broken"}, {"message": "fine"})
    screen.wait_ids(platformos.ids)
    ground = "each => getComputedStyle(each).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    before = screen.entry("1").evaluate(ground)
    screen.entry("1").hover()
    red, green, blue = pointed = screen.entry("1").evaluate(ground)
    assert pointed != before
    assert red - max(green, blue) >= before[0] - max(before[1:])
    screen.entry("2").hover()
    assert screen.entry("1").evaluate(ground) == before


@pytest.mark.parametrize("compact", [False, True], ids=["ordinary", "compact"])
def test_a_rows_tools_lie_within_its_line(screen: Screen, platformos: PlatformOS, compact: bool) -> None:
    """Not on the day or the silence that is told above it, nor on the row below."""
    platformos.add(
        {"message": "long ago", "created_at": "2024-01-01T12:00:00Z"},
        {"message": "next", "created_at": "2024-01-02T12:00:00Z"},
        {"message": "last", "created_at": "2024-01-02T12:05:00Z"},
    )
    screen.wait_ids(platformos.ids)
    if compact:
        screen.open_more().checkbox("Compact rows").check()
        screen.page.keyboard.press("Escape")
    for id_ in platformos.ids:
        row = screen.entry(id_)
        _, said = _edges(row.locator(".divider"))
        begin, end = _edges(row.locator(".tools"))
        assert begin >= said
        assert end <= _edges(row)[1]
        assert abs((begin + end) / 2 - sum(_edges(row.locator("time"))) / 2) <= 2


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_each_line_of_a_message_begins_below_its_first(
    site: Server, platformos: PlatformOS, visit: Visit, size: tuple[int, int]
) -> None:
    """On a small screen below the time, for beside it there would be room for some words only."""
    screen = _visit(visit, site, size)
    platformos.add({"message": "one\ntwo " + "and more " * 40 + "\nthree", "data": {"a": 1}}, {"message": "a\nb"})
    screen.wait_ids(platformos.ids)
    for id_ in platformos.ids:
        row = screen.entry(id_)
        first, *others = _lines(row.locator(".message"))
        begin = first["left"] if size[0] > 860 else _lines(row.locator("time"))[0]["left"]
        assert others
        assert [each["left"] for each in others] == pytest.approx([begin] * len(others), abs=1)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_folded_message_begins_beside_its_type(
    site: Server, platformos: PlatformOS, visit: Visit, size: tuple[int, int]
) -> None:
    """JSON without a blank too; and it shows six lines at most, its tools and its button besides."""
    screen = _visit(visit, site, size)
    spaced = json.dumps({"lines": [{"sku": f"item-{n}"} for n in range(90)]})
    platformos.add({"message": spaced}, {"message": UNBROKEN}, {"error_type": "cart", "message": spaced})
    screen.wait_ids(platformos.ids)
    for id_ in platformos.ids:
        row = screen.entry(id_)
        top, _ = _edges(row.locator(".type"))
        assert abs(_lines(row.locator(".message"))[0]["top"] - top) < 8, id_
        _, end = _edges(row)
        fold, bottom = _edges(row.locator(".fold"))
        assert fold - top <= 6 * 20 + 2
        assert bottom <= end
