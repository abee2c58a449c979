"""A tab that runs the page's modules by themselves, and gathers what they report."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import BrowserContext, Page

from tests.support.server import TOKEN, Server

BARE = "/bare"  # of tests/page/cached.py
WAIT_MS = 30_000

GATHER = """() => {
window.events = [];
window.ids = [];     // of entries that came live, in the order of their coming
window.past = new Set();
window.held = [];    // what a page would hold of them
window.gather = (event) => {
  events.push(event);
  for (const entry of event.entries ?? []) {
    if (event.past) past.add(entry.id);
    else ids.push(entry.id);
    if (!held.some(({ id }) => id === entry.id)) held.push(entry);
  }
  held.sort((one, other) => one.id - other.id);
};
window.last = (key) => events.findLast((event) => key in event)?.[key];
window.until = async (holds, ms) => {
  for (const end = performance.now() + ms; !holds(); await new Promise((resolve) => setTimeout(resolve, 20))) {
    const told = () => JSON.stringify(events.slice(-8)).slice(0, 2000);
    if (performance.now() > end) throw new Error(`in vain: ${holds}\\n${told()}`);
  }
};
}"""

FOLLOW = """async (options) => {
  const { follow } = await import(new URL("page/stream.js", document.baseURI));
  window.stop = new AbortController();
  window.over = (async () => {
    for await (const event of follow({ base: document.baseURI, signal: stop.signal, ...options })) gather(event);
    return true;
  })();
}"""

SHARE = """async (options) => {
  const { Shared } = await import(new URL("page/share.js", document.baseURI));
  const more = { base: document.baseURI, history: () => held.slice(), onEvent: gather };
  window.shared = new Shared({ tool: "platformos.logs.live", tail: 1000, ...more, ...options });
}"""


class Tab:
    """A page of the server with nothing on it: each module that is imported runs without the others."""

    def __init__(self, context: BrowserContext, server: Server) -> None:
        self.page: Page = context.new_page()
        self.page.goto(f"{server.url}{BARE}")
        self.page.evaluate(GATHER)

    def run(self, script: str, argument: Any = None) -> Any:
        """What a function of the page gives; it may import from `/page/`."""
        return self.page.evaluate(script, argument)

    def follow(self, **options: Any) -> Tab:
        """Follow the log of staging."""
        self.run(FOLLOW, {"token": TOKEN, "env": "staging", "interval": 250, **options})
        return self

    def share(self, **options: Any) -> Tab:
        """Follow it with the other tabs."""
        self.run(SHARE, {"token": TOKEN, "env": "staging", **options})
        return self

    def wait(self, condition: str, timeout: int = WAIT_MS) -> Tab:
        """Wait until an expression holds; `events`, `ids`, `past` and `last(key)` are at hand."""
        self.page.evaluate(f"() => until(() => {condition}, {timeout})")
        return self

    def wait_last(self, id_: str) -> Tab:
        """Wait until this entry has come, live or from the past."""
        return self.wait(f"ids.includes('{id_}') || past.has('{id_}')")

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events, oldest first."""
        return list(self.run("() => events"))

    @property
    def ids(self) -> list[str]:
        """The ids that came live."""
        return list(self.run("() => ids"))

    @property
    def past(self) -> set[str]:
        """The ids that came as the past."""
        return set(self.run("() => [...past]"))

    @property
    def states(self) -> list[str]:
        """The states that were reported, in order, with repetitions."""
        return [event["state"] for event in self.events if "state" in event]
