"""A question: a reader's own poll, asked in a thread so that the reader's heartbeats go on."""

from __future__ import annotations

import threading
from collections.abc import Callable

from poslogs.platformos.entries import Entry
from poslogs.platformos.gateway import GatewayError

Answer = tuple[list[Entry], list[str]]  # the entries, and why other rows are none


class Question:
    """What came after a position; asked once, for everyone who waits for it.

    Once `done`, `answer` is there, or None when the question failed: the feed tells its readers why.
    """

    def __init__(self, position: int, ask: Callable[[Question], Answer]) -> None:
        self.position = position
        self.answer: Answer | None = None
        self.done = False
        self._ask = ask
        self._waiting: list[threading.Event] = []

    def add(self, wake: threading.Event) -> None:
        """Have this event set once the answer is there."""
        self._waiting.append(wake)

    def start(self) -> None:
        """Begin to ask."""
        threading.Thread(target=self._run, name="question", daemon=True).start()

    def _run(self) -> None:
        try:
            self.answer = self._ask(self)
        except GatewayError:
            pass  # the feed has told its readers
        finally:
            self.done = True
            for wake in self._waiting:
                wake.set()
