"""Browsers: what one of them forbids or lacks is made up for, or said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.page.conftest import Window, in_firefox_too
from tests.page.screen import Screen
from tests.support.need import need
from tests.support.platformos import PlatformOS
from tests.support.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

FORBIDDEN = """
for (const name of ["sessionStorage", "localStorage"]) {
  Object.defineProperty(window, name, { get() { throw new DOMException("Access is denied", "SecurityError"); } });
}
"""
SAFARI_17_0 = "delete AbortSignal.any; delete Array.prototype.toSorted; delete Promise.withResolvers;"


@pytest.fixture
def forbidding(playwright: Playwright, tmp_path: Path) -> Iterator[BrowserContext]:
    """A Chromium whose policy is to block all cookies, and with them whatever pages may keep."""
    preferences = tmp_path / "Default" / "Preferences"
    preferences.parent.mkdir()
    preferences.write_text(json.dumps({"profile": {"default_content_setting_values": {"cookies": 2}}}))
    context = playwright.chromium.launch_persistent_context(
        tmp_path, executable_path=need("chromium"), args=["--no-sandbox"]
    )
    yield context
    context.close()


def _works(screen: Screen, platformos: PlatformOS) -> None:
    expect(screen.page.get_by_text("This browser lets the page keep nothing")).to_be_visible()
    screen.connect()
    platformos.add_many(2)
    screen.wait_ids(platformos.ids)
    screen.entry("1").focus()
    screen.page.keyboard.press("p")
    expect(screen.region("Pinned entries")).to_be_visible()
    screen.page.reload()
    expect(screen.token).to_be_visible()
    screen.connect()
    screen.wait_ids(platformos.ids)


def test_a_policy_that_blocks_cookies_keeps_nobody_out(
    site: Server, platformos: PlatformOS, forbidding: BrowserContext
) -> None:
    """The token lives until the reload, and the page says so."""
    _works(Screen(forbidding, site).open(), platformos)


@in_firefox_too
def test_storage_that_is_an_error_to_ask_for_keeps_nobody_out(
    site: Server, platformos: PlatformOS, window: Window
) -> None:
    """So it is in other browsers too."""
    context = window()
    context.add_init_script(FORBIDDEN)
    _works(Screen(context, site).open(), platformos)


def test_the_oldest_safari_gets_the_log_too(site: Server, platformos: PlatformOS, window: Window) -> None:
    """It has no AbortSignal.any, and nothing newer."""
    context = window()
    context.add_init_script(SAFARI_17_0)
    screen = Screen(context, site).open().connect()
    platformos.add_many(2)
    screen.wait_ids(platformos.ids)
    screen.search.fill("row")
    screen.set_filter("error")
    screen.wait_ids([])


def test_a_browser_that_is_too_old_is_told_which_would_do(site: Server, browser: Browser) -> None:
    """One of the page's modules has signs that it cannot read."""
    context = browser.new_context()  # whose complaints are expected
    screen = Screen(context, site)
    screen.page.route(
        "**/page/environments.js",
        lambda route: route.fulfill(status=200, content_type="text/javascript", body="export const newer = §;"),
    )
    screen.open()
    expect(screen.connection).to_contain_text("it needs Chrome or Edge 111, Firefox 114, Safari 17")
    expect(screen.button("Connect")).to_be_disabled()
    screen.page.unroute("**/page/environments.js")
    screen.open().connect()
    context.close()
