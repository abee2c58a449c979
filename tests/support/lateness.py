"""How late this process was: what it sees of others, it may see so much later than it was."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Final, Self

TICK_S: Final = 0.02


class Lateness:
    """A context manager. A thread sleeps for TICK_S again and again, and notes by how much it was woken too late."""

    def __init__(self) -> None:
        self.longest = 0.0  # seconds, the longest so far
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        before = time.monotonic()
        while not self._ended.wait(TICK_S):
            now = time.monotonic()
            self.longest = max(self.longest, now - before - TICK_S)
            before = now
