"""The progress of a call that waits: what it says meanwhile, at most once a second."""

from __future__ import annotations

import time
from typing import Any, Final

from poslogs.agents.events import Progress
from poslogs.agents.polls import Polls
from poslogs.plain import plain

PROGRESS_SECONDS: Final = 1.0  # between two that have something to say
IDLE_SECONDS: Final = 9.0  # between two that have nothing to say; hosts count on one in ten
MAX_TEXT_CHARS: Final = 200


class Reports:
    """The reports of one call of `total` seconds, which begins now."""

    def __init__(self, total: float, polls: Polls) -> None:
        self.total = total
        self.error = ""  # the latest sentence of the stream on what went wrong
        self._polls = polls
        self._began = time.monotonic()
        self._last = -PROGRESS_SECONDS  # when the last report was made
        self._entries = 0  # that came since then
        self._trouble = ""  # what went wrong since then

    @property
    def is_over(self) -> bool:
        """Whether the time of the call is up."""
        return time.monotonic() - self._began >= self.total

    def entry_came(self) -> None:
        """One more entry for the caller."""
        self._entries += 1

    def failed(self, sentence: str) -> None:
        """The stream said that something went wrong."""
        self.error = self._trouble = sentence

    def next(self, entries: list[dict[str, Any]]) -> Progress | None:
        """The report that is due, if any; `entries` are all that the caller will be given so far."""
        elapsed = min(time.monotonic() - self._began, self.total)
        if self._polls.failed_again():
            self._trouble = self._polls.trouble or self.error
        if elapsed < self._last + PROGRESS_SECONDS:
            return None
        if self._entries:
            newest = entries[-1]
            text = f"+{self._entries} ({len(entries)} so far): {newest['type']} {newest['message']}"
            self._entries = 0
        elif self._trouble:
            text, self._trouble = self._trouble, ""
        elif elapsed >= self._last + IDLE_SECONDS:
            text = f"no new entries, {self.total - elapsed:.0f} s left"
        else:
            return None
        self._last = elapsed
        return Progress(elapsed, self.total, plain(text)[:MAX_TEXT_CHARS])
