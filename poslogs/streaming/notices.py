"""The notices of an environment: errors about odd answers, which each reader gets once."""

from __future__ import annotations

import logging
import threading
from typing import Final

from poslogs.platformos.entries import Page
from poslogs.platformos.gateway import Unclear
from poslogs.streaming import frames
from poslogs.streaming.frames import Chunk

log = logging.getLogger("poslogs.feed")

UNCLEAR_TRIES: Final = 2  # after this many answers that say nothing, one after another, a waiting reader gets a notice
MAX_REPORTED: Final = 10_000  # refused rows that are remembered, so that each is reported once


class Notices:
    """Notices of rows that were left out, of answers that say nothing, and of answers that come newest first."""

    def __init__(self, name: str) -> None:
        """`name` is the environment's."""
        self.newest_first: Chunk | None = None  # set when answers come newest first: rows may be missing
        self.unclear: Chunk | None = None  # set while no answer has said anything yet: new readers wait
        self.left_out = 0  # rows that were not entries, since the process began
        self._name = name
        self._lock = threading.Lock()
        self._reported: set[str] = set()

    def begin(self) -> None:
        """Begin for a new feed: what was reported to earlier readers is reported anew."""
        with self._lock:
            self._reported.clear()
        self.newest_first = self.unclear = None

    def left_out_of(self, page: Page) -> Chunk | None:
        """An error frame for rows that are not entries; None when they were reported before, or there are none."""
        with self._lock:
            found = [row for row in page.refused if row not in self._reported]
            if not found:
                return None
            if len(self._reported) + len(found) > MAX_REPORTED:
                self._reported.clear()
            self._reported.update(found)
            count = len(found) + page.more_refused
            self.left_out += count
        reasons = ", ".join(sorted({reason.partition("|")[0] for reason in found}))
        rows = "1 row was" if count == 1 else f"{count} rows were"
        return frames.error(f"{rows} left out of environment {self._name}: {reasons}.")

    def has_news(self, page: Page) -> bool:
        """Whether a page has something to report that was not reported before."""
        with self._lock:
            news = any(row not in self._reported for row in page.refused)
        return news or (page.newest_first and self.newest_first is None)

    def look_at_order(self, page: Page) -> bool:
        """Whether this is the first page that came newest first. Rows that it has no room for cannot be asked for."""
        if not page.newest_first or self.newest_first is not None:
            return False
        self.newest_first = frames.error(
            f"Environment {self._name} answers newest first: when more rows come at once than one of its answers "
            "holds, the oldest of them are missing here."
        )
        log.warning("Environment %s answers newest first, so that rows may be missing.", self._name)
        return True

    def look_at_beginning(self, page: Page, tries: int) -> bool:
        """Whether readers that wait for a beginning are to be told now: so many answers have said nothing."""
        if tries < UNCLEAR_TRIES or self.unclear is not None:
            return False
        self.unclear = frames.error(Unclear(self._name, page).sentence)
        return True
