"""What these tests share: a browser, and the page in it before a real server over two stand-ins of platformOS."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import GUNICORN_KINDS, KIND
from tests.support.need import need
from tests.support.platformos import PlatformOS
from tests.support.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Playwright

    from tests.page.complaints import Complaints
    from tests.page.screen import Screen
    from tests.page.windows import Windows

# Without a graphics card Chromium plays one, which takes a seventh of all processor time of these tests.
CHROMIUM = "--disable-gpu", "--disable-gpu-rasterization"
CACHED = "tests.page.cached:app"
Start = Callable[..., Server]
Window = Callable[..., "BrowserContext"]
Visit = Callable[..., "Screen"]


# Tests with this run in Firefox too: some of behaviour, since each takes longer there. One process runs them all, as
# tests/conftest.py says. Through WebDriver BiDi playwright does not tell the bodies of requests.
in_firefox_too = pytest.mark.parametrize("kind", ["chromium", "firefox"], indirect=True)


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """What drives the browsers; of the package, since nobody else can enter playwright meanwhile."""
    need("playwright")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as entered:
        yield entered


@pytest.fixture(scope="package")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """One Chromium for all these tests."""
    started = playwright.chromium.launch(executable_path=need("headless"), args=["--no-sandbox", *CHROMIUM])
    yield started
    started.close()


@pytest.fixture(scope="package")
def whole(playwright: Playwright) -> Iterator[Browser]:
    """The Chromium that people have: the one of most tests may be without its head, and so without notifications."""
    started = playwright.chromium.launch(executable_path=need("chromium"), args=["--no-sandbox", *CHROMIUM])
    yield started
    started.close()


@pytest.fixture(scope="package")
def firefox(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One Firefox, as people have it, for all that are marked."""
    program = tmp_path_factory.mktemp("firefox") / "firefox"
    words = [sys.executable, str(Path(__file__).with_name("firefox.py")), need("firefox")]
    program.write_text(f'#!/bin/sh\nexec {" ".join(map(quote, words))} "$@"\n')
    program.chmod(0o755)
    started = playwright.firefox.launch(channel="moz-firefox", executable_path=program)
    yield started
    started.close()


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    """Which browser: "chromium", "whole" or "firefox"."""
    chosen: str = getattr(request, "param", "chromium")
    return chosen


@pytest.fixture
def browser(request: pytest.FixtureRequest, kind: str) -> Browser:
    """The one of these tests: Chromium, and with `in_firefox_too` Firefox."""
    chosen: Browser = request.getfixturevalue(kind)
    return chosen


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """What the browser complains of; the test fails if it did not expect one of these."""
    from tests.page.complaints import Complaints

    heard = Complaints()
    yield heard
    assert heard.unexpected == []


@pytest.fixture(scope="package")
def windows(chromium: Browser) -> Iterator[Windows]:
    """The windows of Chromium that tests of this process share, one after the other."""
    from tests.page.windows import Windows

    with Windows(chromium) as windows:
        yield windows


@pytest.fixture
def window(
    request: pytest.FixtureRequest, server: Start, browser: Browser, kind: str, complaints: Complaints
) -> Iterator[Window]:
    """`window(own=True, **kw)`: a browser of somebody's own, whose tabs know of each other; `kw` as for new_context.

    With `own=False` it may have served another test, and is like new.
    """
    failed = request.session.testsfailed
    shared: Windows | None = request.getfixturevalue("windows") if kind == "chromium" else None
    with ExitStack() as stack:

        def opened(own: bool = True, **kw: Any) -> BrowserContext:
            if shared is not None and not own and not kw:
                return stack.enter_context(shared.lend(complaints))
            context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **kw})
            stack.callback(context.close)
            complaints.hear(context)
            return context

        yield opened
    if shared is not None and request.session.testsfailed > failed:
        shared.end_all()


@pytest.fixture
def visit(window: Window, kind: str) -> Visit:
    """`visit(server, fragment="", **kw)`: somebody opens the page, in a window as made with `kw`."""
    from tests.page.screen import Screen
    from tests.page.windows import OF_A_TAB, set_up

    def visited(server: Server, fragment: str = "", **kw: Any) -> Screen:
        if kind != "chromium" or not set(kw) <= OF_A_TAB:
            return Screen(window(**kw), server).open(fragment)
        screen = Screen(window(own=False), server)
        set_up(screen.page, **kw)
        return screen.open(fragment)

    return visited


@pytest.fixture
def server(server: Start) -> Start:
    """As for all tests, but browsers keep the files that it serves."""

    def start(kind: str = KIND, **kw: Any) -> Server:
        return server(kind, **{"app": CACHED, **kw} if kind in GUNICORN_KINDS else kw)

    return start


@pytest.fixture
def production() -> Iterator[PlatformOS]:
    """The other environment."""
    with PlatformOS() as stand_in:
        yield stand_in


@pytest.fixture
def site(server: Start, platformos: PlatformOS, production: PlatformOS) -> Server:
    """A server of the environments staging, which is `platformos`, and production."""
    return server(environments={"staging": platformos, "production": production})


@pytest.fixture
def screen(site: Server, visit: Visit) -> Screen:
    """The page, connected to staging."""
    return visit(site).connect()
