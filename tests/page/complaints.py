"""Complaints: what a browser says of a page that is not as it should be."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, ConsoleMessage, WebError

AWAY = ("net::ERR", "503")  # what is said of a server that is gone, or that stops and takes nobody any more

TELL_VIOLATIONS = """
addEventListener("securitypolicyviolation",
  (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


class Complaints:
    """Gathers errors of the console, of scripts and of the content security policy, of all tabs that it `hears`."""

    def __init__(self) -> None:
        self._told: list[str] = []
        self._expected: list[str] = []

    @staticmethod
    def prepare(context: BrowserContext) -> None:
        """Have all tabs of a context, which has none yet, say what their policy has refused."""
        context.add_init_script(TELL_VIOLATIONS)

    def listen(self, context: BrowserContext) -> None:
        """Listen to all tabs of a context that is prepared."""
        context.on("console", self._console)
        context.on("weberror", self._error)

    def leave(self, context: BrowserContext) -> None:
        """Listen no more."""
        context.remove_listener("console", self._console)
        context.remove_listener("weberror", self._error)

    def hear(self, context: BrowserContext) -> None:
        """Prepare a context, and listen to it."""
        self.prepare(context)
        self.listen(context)

    def expect(self, *parts: str) -> None:
        """Let these pass, each a part of what the browser says of a request that fails."""
        self._expected += parts

    @property
    def unexpected(self) -> list[str]:
        """All complaints that were not expected."""
        passes = re.compile("|".join(map(re.escape, self._expected)) or "(?!)")
        return [text for text in self._told if not (text.startswith("Failed to load") and passes.search(text))]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self._told.append(message.text)

    def _error(self, error: WebError) -> None:
        self._told.append(f"uncaught: {error.error}")
