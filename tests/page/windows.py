"""Windows of Chromium that serve one test after another: each is like new, but for the page's files that it keeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

from tests.page.complaints import Complaints

SIZE = {"width": 1280, "height": 800}
MOST = 2  # that are kept for later: a test has one, and some have another for somebody else
TRACES = "() => Object.getOwnPropertyNames(globalThis).join()"


class Kept(NamedTuple):
    """A window between two tests."""

    context: BrowserContext
    blank: Page  # stays open, and so does the window
    session: CDPSession
    traces: str  # what TRACES gives in a tab of a new window


class Windows:
    """Lends windows of one browser, and keeps those that come back as they were. A context manager, which ends them."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._kept: list[Kept] = []

    def __enter__(self) -> Windows:
        return self

    def __exit__(self, *exc: object) -> None:
        self.end_all()

    def end_all(self) -> None:
        """Close what is kept; later tests get others."""
        while self._kept:
            self._kept.pop().context.close()

    @contextmanager
    def lend(self, complaints: Complaints) -> Iterator[BrowserContext]:
        """A window in which nobody has been, for the length of this block; `complaints` hears its tabs."""
        kept = self._kept.pop() if self._kept else self._opened()
        complaints.listen(kept.context)
        try:
            yield kept.context
            like_new = _cleared(kept)
        except BaseException:
            kept.context.close()
            raise
        finally:
            complaints.leave(kept.context)
        if like_new and len(self._kept) < MOST:
            self._kept.append(kept)
        else:
            kept.context.close()

    def _opened(self) -> Kept:
        context = self._browser.new_context(viewport=SIZE)  # type: ignore[arg-type]
        Complaints.prepare(context)
        blank = context.new_page()
        return Kept(context, blank, context.new_cdp_session(blank), _traces(blank))


def _cleared(kept: Kept) -> bool:
    """Close the tabs of a window and take back what its test has set; whether nothing of the test is left.

    Scripts that a test has put into the window cannot be taken out: among them playwright's clock.
    """
    for page in kept.context.pages:
        if page is not kept.blank:
            page.close()
    kept.session.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "all"})
    kept.context.clear_cookies()
    kept.context.clear_permissions()
    kept.context.set_offline(False)
    kept.context.unroute_all()
    return _traces(kept.blank) == kept.traces


def _traces(blank: Page) -> str:
    blank.goto("about:blank")
    found: str = blank.evaluate(TRACES)
    return found


def set_up(page: Page, viewport: Any = None, **media: Any) -> None:
    """Make a tab what a window's options of these names would make it, before it loads a page."""
    if viewport is not None:
        page.set_viewport_size(viewport)
    if media:
        page.emulate_media(**media)


OF_A_TAB = frozenset({"viewport", "color_scheme", "reduced_motion"})  # what `set_up` takes
