"""Many: a hundred thousand entries, and a window full of tabs."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.page.conftest import Start, Window
from tests.page.load import MOST_DRAWN, MOST_HELD, arriving, fill
from tests.page.screen import Screen
from tests.support.platformos import PlatformOS
from tests.support.server import CLIENTS, TOKEN, Server

PLENTY = {"requests": "100000 per minute", "streams": 1000}
TABS = 9
SETTLED_S = 20.0


def _tab(context: BrowserContext, server: Server, fragment: str = "", token: str = TOKEN) -> Screen:
    return Screen(context, server).open(fragment).connect(token)


def _wait_streams(server: Server, count: int) -> None:
    end = time.monotonic() + SETTLED_S
    while server.streams_open() != count:
        assert time.monotonic() < end, f"{server.streams_open()} streams are open, not {count}"
        time.sleep(0.1)


def test_nine_tabs_share_one_stream(site: Server, platformos: PlatformOS, window: Window) -> None:
    """A browser has six connections and a client ten streams. All nine tabs show all, over one."""
    context = window()
    platformos.add_many(3)
    tabs = [_tab(context, site) for _ in range(TABS)]
    platformos.add_many(3)
    for tab in tabs:
        tab.wait_ids(platformos.ids)
    assert site.streams_open() == 1


def test_another_tab_leads_when_the_leader_goes(site: Server, platformos: PlatformOS, window: Window) -> None:
    """One after the other is closed or reloaded. The tabs that stay lose nothing and get nothing twice."""
    context = window()
    tabs = [_tab(context, site) for _ in range(4)]
    platformos.add_many(3)
    for tab in tabs:
        tab.wait_ids(platformos.ids)
    while len(tabs) > 1:
        tabs.pop(0).page.close()
        platformos.add_many(3)
        for tab in tabs:
            tab.wait_ids(platformos.ids)
        _wait_streams(site, 1)
    second = _tab(context, site)
    tabs[0].page.reload()
    platformos.add_many(3)
    second.wait_ids(platformos.ids)
    tabs[0].wait_ids(platformos.ids)
    _wait_streams(site, 1)


def test_tabs_with_filters_of_their_own_share_too(site: Server, platformos: PlatformOS, window: Window) -> None:
    """Each shows what its filter keeps of earlier and later entries, also after the filter changes."""
    context = window()
    platformos.add(*({"error_type": each} for each in ("error", "warn", "info", "error")))
    errors = _tab(context, site, "#filter=error")
    errors.wait_ids(["1", "4"])
    warnings = _tab(context, site, "#filter=warn")
    warnings.wait_ids(["2"])
    everything = _tab(context, site)
    everything.wait_ids(["1", "2", "3", "4"])
    _wait_streams(site, 1)
    platformos.add(*({"error_type": each} for each in ("error", "warn", "info")))
    errors.wait_ids(["1", "4", "5"])
    warnings.wait_ids(["2", "6"])
    everything.wait_ids(platformos.ids)
    errors.set_filter("")
    errors.wait_ids(platformos.ids)
    everything.page.close()
    platformos.add(*({"error_type": each} for each in ("error", "warn", "info")))
    errors.wait_ids(platformos.ids)
    warnings.wait_ids(["2", "6", "9"])
    _wait_streams(site, 1)


def test_tabs_of_other_environments_have_streams_of_their_own(
    site: Server, platformos: PlatformOS, production: PlatformOS, window: Window
) -> None:
    """There is one stream for each environment, however many tabs show it."""
    context = window()
    tabs = [_tab(context, site, f"#env={env}") for env in ("staging", "production", "staging", "production")]
    platformos.add_many(2)
    production.add_many(3)
    for number, tab in enumerate(tabs):
        tab.wait_ids(production.ids if number % 2 else platformos.ids)
    _wait_streams(site, 2)


def test_a_tab_with_another_token_hears_nothing(
    server: Start, platformos: PlatformOS, production: PlatformOS, window: Window
) -> None:
    """A tab gets nothing from a tab whose token has more rights, even under the same name of an environment."""
    clients = {**CLIENTS, "half": {"token": "half-secret", "envs": ["production"], "limits": PLENTY}}
    started = server(environments={"staging": platformos, "production": production}, clients=clients)
    context = window()
    production.add_many(2)
    whole = _tab(context, started, "#env=production")
    half = _tab(context, started, token="half-secret")
    for tab in (whole, half):
        tab.wait_ids(production.ids)
    _wait_streams(started, 2)


@pytest.mark.timeout(120)
def test_a_burst_is_drawn_in_part_and_held_whole(site: Server, platformos: PlatformOS, window: Window) -> None:
    """Of five thousand at once at most 2,000 are elements. All are counted, and scrolling reaches the first."""
    screen = _tab(window(), site)
    fill(screen, platformos, 5000)
    expect(screen.page.get_by_text("5,000 entries held")).to_be_visible()
    assert sum(screen.by_type().values()) == 5000
    assert screen.entries.count() <= MOST_DRAWN
    for _ in range(200):
        screen.scroll_up()
        if "1" in screen.ids:
            break
        assert screen.entries.count() <= MOST_DRAWN
    assert screen.ids == [str(n) for n in range(1, len(screen.ids) + 1)]


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_hundred_thousand_entries_are_held_and_the_page_answers(
    site: Server, platformos: PlatformOS, window: Window
) -> None:
    """While 200 a second arrive no more are held, the page says that the oldest left, and every control works."""
    screen = _tab(window(), site)
    fill(screen, platformos, MOST_HELD)
    with arriving(platformos):
        expect(screen.page.get_by_text(re.compile(r"oldest [\d,]+ entries were dropped"))).to_be_visible(timeout=60_000)
        expect(screen.page.get_by_text(f"{MOST_HELD:,} entries held")).to_be_visible()
        assert screen.entries.count() <= MOST_DRAWN
        assert sum(screen.by_type().values()) <= MOST_HELD
        screen.search.fill("order")
        expect(screen.marks.first).to_be_visible(timeout=60_000)
        screen.search.fill("")
        screen.scroll_up()
        expect(screen.jump).to_be_visible()
        assert screen.entries.count() <= MOST_DRAWN
        screen.jump.click()
        screen.button("Pause").click()
        expect(screen.button(re.compile(r"Resume \([\d,]+\)"))).to_be_visible()
        screen.button(re.compile("Resume")).click()
        screen.wait_state("live")
    screen.wait_drawn(platformos.ids[-1])
    drawn = [int(each) for each in screen.ids]
    assert drawn == list(range(drawn[0], drawn[0] + len(drawn)))
    screen.set_filter("error")
    expect(screen.page.get_by_text(re.compile(r"[\d,]+ entries held"))).not_to_contain_text(f"{MOST_HELD:,} entries")
    screen.button("Clear").click()
    expect(screen.entries).to_have_count(0)
