"""The page in one tab. Its parts are found by the roles and names that people and their aids use."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, Route, expect
from playwright.sync_api import TimeoutError as Late

from tests.support.server import TOKEN, Server

WAIT_MS = 20_000  # for what comes at once on a machine that is not busy

expect.set_options(timeout=WAIT_MS)


class Screen:
    """One tab. Its properties are locators, which wait until what they name is there."""

    def __init__(self, context: BrowserContext, server: Server, prefix: str = "") -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.server = server
        self.address = f"{server.url}{prefix}/"

    # What it does

    def open(self, fragment: str = "") -> Screen:
        """Load the page."""
        self.page.goto(self.address + fragment)
        expect(self.token.or_(self.log).first).to_be_visible()
        return self

    def connect(self, token: str = TOKEN, state: str = "live") -> Screen:
        """Give the token, and wait until the log is there, and its connection in this state."""
        self.token.fill(token)
        self.button("Connect").click()
        self.wait_state(state)
        return self

    def open_more(self) -> Screen:
        """Show what is behind More, unless it is shown already."""
        more = self.button("More")
        if more.get_attribute("aria-expanded") != "true":
            more.click()
        return self

    def set_server_time(self, moment: datetime) -> None:
        """Have the server tell this time, as one does whose clock is that of the browser."""

        def answer(route: Route) -> None:
            response = route.fetch()
            route.fulfill(response=response, headers={**response.headers, "date": format_datetime(moment, usegmt=True)})

        self.page.route("**/health", answer)

    def set_filter(self, text: str) -> None:
        """Ask the server for this type alone."""
        self.filter.fill(text)
        self.filter.press("Enter")

    def wait_state(self, begins: str) -> None:
        """Wait until the connection's state begins with this."""
        expect(self.connection).to_have_text(re.compile(rf"^\s*{re.escape(begins)}"))

    def wait_ids(self, ids: Sequence[str]) -> None:
        """Wait until exactly these entries are drawn, in this order."""
        with contextlib.suppress(Late):
            self.page.wait_for_function(
                "ids => [...document.querySelectorAll('[role=log] [data-id]')].map(each => each.dataset.id).join() "
                "=== ids.join()",
                arg=list(ids),
            )
        assert self.ids == list(ids), self.ids

    def wait_drawn(self, id_: str) -> Locator:
        """Wait until the entry is drawn; its element."""
        expect(self.entry(id_)).to_have_count(1)
        return self.entry(id_)

    # What is on it

    @property
    def ids(self) -> list[str]:
        """The ids of the entries that are drawn, from top to bottom."""
        found: list[str] = self.entries.evaluate_all("all => all.map(each => each.dataset.id)")
        return found

    @property
    def log(self) -> Locator:
        """The region of the entries."""
        return self.page.get_by_role("log", name="Log entries", exact=True)

    @property
    def entries(self) -> Locator:
        """All that are drawn."""
        return self.log.locator("[data-id]")

    def entry(self, id_: str) -> Locator:
        """The one with this id."""
        return self.log.locator(f'[data-id="{id_}"]')

    @property
    def connection(self) -> Locator:
        """The state of the connection."""
        return self.page.get_by_role("status", name="Connection", exact=True)

    @property
    def alert(self) -> Locator:
        """The alert, when errors have come."""
        return self.page.get_by_role("alert")

    @property
    def token(self) -> Locator:
        """Where the token goes."""
        return self.page.get_by_label("Token", exact=True)

    @property
    def environment(self) -> Locator:
        """Which environment is read."""
        return self.page.get_by_role("combobox", name="Environment", exact=True)

    @property
    def tool(self) -> Locator:
        """By which tool."""
        return self.page.get_by_role("combobox", name="Tool", exact=True)

    @property
    def filter(self) -> Locator:
        """The server's filter."""
        return self.page.get_by_label("Filter", exact=True)

    @property
    def search(self) -> Locator:
        """What to look for in what is here."""
        return self.page.get_by_role("searchbox", name="Search", exact=True)

    @property
    def marks(self) -> Locator:
        """What the search has found, as far as it is drawn."""
        return self.log.locator("mark")

    @property
    def download(self) -> Locator:
        """The button that saves entries; it says how many."""
        return self.page.get_by_role("button", name=re.compile(r"^Download [\d,]+$"))

    @property
    def jump(self) -> Locator:
        """The way back to the newest entry."""
        return self.page.get_by_role("button", name=re.compile(r"^([\d,]+ new, jump|Jump) to live$"))

    @property
    def dialog(self) -> Locator:
        """The list of shortcuts."""
        return self.page.get_by_role("dialog", name="Keyboard shortcuts", exact=True)

    def button(self, name: str | re.Pattern[str]) -> Locator:
        """A button by its whole name."""
        return self.page.get_by_role("button", name=name, exact=isinstance(name, str))

    def checkbox(self, name: str) -> Locator:
        """A checkbox by its whole name."""
        return self.page.get_by_role("checkbox", name=name, exact=True)

    def figure(self, name: str) -> Locator:
        """A chart."""
        return self.page.get_by_role("figure", name=re.compile(rf"^{name}"))

    def region(self, name: str) -> Locator:
        """A part of the page that has a name."""
        return self.page.get_by_role("region", name=name, exact=True)

    @property
    def fragment(self) -> str:
        """What the address says of the view, without its #."""
        return self.page.url.partition("#")[2]

    def scroll_up(self) -> None:
        """Scroll the log to its top as a reader does, with the wheel."""
        self.log.hover()
        for _ in range(50):
            before = self.scrolled
            self.page.mouse.wheel(0, -3000)
            with contextlib.suppress(Late):
                self.page.wait_for_function(
                    "before => document.querySelector('[role=log]').scrollTop !== before", arg=before, timeout=500
                )
            if self.scrolled <= 1:
                return

    @property
    def scrolled(self) -> float:
        """How far the log is scrolled, in pixels."""
        pixels: float = self.log.evaluate("each => each.scrollTop")
        return pixels

    def by_type(self) -> dict[str, int]:
        """The counts in the chart of types, such as {"error": 12}."""
        texts = self.figure("Entries by type").get_by_role("button").all_inner_texts()
        found = [re.fullmatch(r"\s*(\w+)\s+([\d,]+)\s*", text) for text in texts]
        return {each[1]: int(each[2].replace(",", "")) for each in found if each}

    def by_time(self) -> list[int]:
        """The counts in the chart of hours or minutes, from left to right."""
        texts = self.figure("Entries over time").get_by_role("button").all_text_contents()
        found = [re.search(r"([\d,]+) entr(y|ies)\b", text) for text in texts]
        return [int(each[1].replace(",", "")) for each in found if each]

    def stored(self) -> dict[str, Any]:
        """What the browser keeps for this page, by where it keeps it."""
        kept: dict[str, Any] = self.page.evaluate(
            "() => ({local: {...localStorage}, session: {...sessionStorage}, cookie: document.cookie, "
            "url: location.href, title: document.title, state: JSON.stringify(history.state), name: window.name})"
        )
        return kept
