"""Windows: what tests share is like new for each, but for the files of the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.page.complaints import Complaints
from tests.page.conftest import Start
from tests.page.windows import Windows
from tests.support.platformos import PlatformOS
from tests.support.server import Server

KEEP = """async () => {
  localStorage.setItem("kept", "1");
  sessionStorage.setItem("kept", "1");
  document.cookie = "kept=1";
  await new Promise((done) => { indexedDB.open("kept").onsuccess = done; });
  await caches.open("kept");
  navigator.locks.request("kept", () => new Promise(() => {}));
}"""
KEPT = """async () => [
  localStorage.length, sessionStorage.length, document.cookie, (await indexedDB.databases()).length,
  (await caches.keys()).length, (await navigator.locks.query()).held.length,
  (await navigator.permissions.query({ name: "geolocation" })).state,
]"""
FROM_THE_NET = """() => performance.getEntriesByType("resource").filter((each) => each.transferSize > 0).length"""


@pytest.fixture
def unused(windows: Windows) -> Windows:
    """These windows, none of which is kept."""
    windows.end_all()
    return windows


@pytest.fixture
def site(server: Start, platformos: PlatformOS) -> Server:
    return server()


def _opened(context: BrowserContext, server: Server) -> Page:
    page = context.new_page()
    page.goto(f"{server.url}/")
    return page


def test_a_window_that_comes_back_has_nothing_of_its_test(
    unused: Windows, site: Server, complaints: Complaints
) -> None:
    """No tab, storage, cookie, lock, permission or route. The page's files are there still."""
    with unused.lend(complaints) as first:
        page = _opened(first, site)
        empty = page.evaluate(KEPT)
        assert page.evaluate(FROM_THE_NET) > 50
        first.grant_permissions(["geolocation"])
        page.evaluate(KEEP)
        assert page.evaluate(KEPT) != empty
        first.route("**/*", lambda route: route.abort())
        first.set_offline(True)
    with unused.lend(complaints) as second:
        assert second is first
        assert len(second.pages) == 1
        page = _opened(second, site)
        assert page.evaluate(KEPT) == empty
        assert page.evaluate(FROM_THE_NET) < 5


@pytest.mark.parametrize(
    "leave",
    [
        lambda page: page.clock.install(),
        lambda page: page.context.add_init_script("window.left = true"),
        lambda page: page.context.expose_function("left", lambda: None),
    ],
    ids=["a clock", "a script", "a function"],
)
def test_a_window_with_something_of_its_test_is_lent_no_more(
    unused: Windows, complaints: Complaints, leave: Callable[[Page], Any]
) -> None:
    """It cannot be taken out."""
    with unused.lend(complaints) as first:
        leave(first.new_page())
    with unused.lend(complaints) as second:
        assert second is not first


def test_two_windows_at_once_are_two(unused: Windows, complaints: Complaints) -> None:
    """One for somebody else."""
    with unused.lend(complaints) as one, unused.lend(complaints) as other:
        assert one is not other


def test_what_a_window_says_is_heard_by_its_own_test(unused: Windows, site: Server) -> None:
    """Not by the test before."""
    before, after = Complaints(), Complaints()
    with unused.lend(before):
        pass
    with unused.lend(after) as context:
        page = _opened(context, site)
        page.evaluate("() => console.error('of mine')")
        page.evaluate("() => { document.body.setAttribute('style', 'color: red'); }")
        page.evaluate("() => new Promise(done => setTimeout(done))")
    assert before.unexpected == []
    assert "of mine" in after.unexpected
    assert any(told.startswith("policy: style-src") for told in after.unexpected)
