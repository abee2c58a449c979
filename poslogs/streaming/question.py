"""A question: a reader's own poll, asked in a thread so that the reader's heartbeats go on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final, Protocol

from poslogs.platformos.entries import Page

log = logging.getLogger("poslogs.question")


class Wake(Protocol):
    """What is set when a reader may have something to do: a threading.Event, or what drives a stream."""

    def set(self) -> None:
        """There may be something to do."""

    def clear(self) -> None:
        """The reader is about to look."""


class _Nobody:
    def set(self) -> None: ...

    def clear(self) -> None: ...


NOBODY: Final = _Nobody()  # waits yet


class Question:
    """What came after a position; asked once, for everyone who waits for it.

    Once `done`, `answer` is there, or None when the question failed: the feed tells its readers why.
    """

    def __init__(self, position: int, ask: Callable[[Question], Page]) -> None:
        self.position = position
        self.answer: Page | None = None
        self.done = False
        self._ask = ask
        self._waiting: list[Wake] = []

    def add(self, wake: Wake) -> None:
        """Have this set once the answer is there."""
        self._waiting.append(wake)

    def start(self) -> None:
        """Begin to ask."""
        threading.Thread(target=self._run, name="question", daemon=True).start()

    def _run(self) -> None:
        try:
            self.answer = self._ask(self)
        except Exception:  # whatever it was: the feed has logged it and told its readers
            log.debug("A question after %d failed.", self.position, exc_info=True)
        finally:
            self.give_up()

    def give_up(self) -> None:
        """It will not be answered any more than it is: tell those who wait."""
        self.done = True
        for wake in self._waiting:
            wake.set()
