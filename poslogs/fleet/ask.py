"""A question to Redis: one command, and its answer when that has come."""

from __future__ import annotations

import threading
import time
from typing import Any, Final

SAFE_SECONDS: Final = 2.0  # a question is answered or given up long before, unless a loop of ours stands still

Word = str | bytes | int | float


class Away(Exception):
    """Redis is away, or was lost while it was asked; the message is a sentence that says why.

    A command that was under way may have been carried out.
    """


class Ask:
    """One command. One thread waits for it, and the engine's loop answers."""

    __slots__ = ("_done", "_error", "_reply", "at", "command")

    def __init__(self, *command: Word) -> None:
        self.command = command
        self.at = time.monotonic()
        self._done = threading.Event()
        self._reply: Any = None
        self._error: Exception | None = None

    def answer(self, reply: Any) -> None:
        """Let the one who waits have the answer."""
        self._reply = reply
        self._done.set()

    def fail(self, error: Exception) -> None:
        """Raise `error` where the answer is waited for."""
        self._error = error
        self._done.set()

    def give_up(self, why: str) -> None:
        """Raise Away there, unless there is an answer."""
        if not self._done.is_set():
            self.fail(Away(why))

    def result(self) -> Any:
        """The answer: bytes, a number, None, or a list of these. Raises Away, or NoScriptError."""
        if not self._done.wait(SAFE_SECONDS) and not self._done.is_set():
            raise Away("Redis was not asked in time.")
        if self._error is not None:
            raise self._error
        return self._reply
