"""The work on one answer: bounded in all, with a turn for others now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from poslogs.cooperation import let_others_run

TURN_SECONDS: Final = 0.005  # of work, after which other greenlets and threads have their turn
MAX_STEPS: Final = 2_000_000  # for one answer: some seconds, and ten times what a long log takes

# What an answer is that is not a log: the end of a sentence that begins with "platformOS answered".
NO_OBJECT: Final = "JSON that is not an object"
NOT_JSON: Final = "something that is not JSON"
TOO_MUCH: Final = "more brackets than a log has"
CUT_OFF: Final = "JSON that is cut off"


Turn = Callable[[], None]  # called whenever others have had a turn


def nobody() -> None:
    """Tell nobody that others have had a turn."""


class NotALog(Exception):
    """The body is not an answer of the log API; the message says what it is instead."""


class Work:
    """The steps that are left for one answer. An answer that takes more has more brackets than any log."""

    __slots__ = ("_due", "_turn", "steps")

    def __init__(self, turn: Turn = nobody) -> None:
        self.steps = MAX_STEPS
        self._turn = turn
        self._due = time.monotonic() + TURN_SECONDS

    def step(self) -> None:
        """Take a step; if a turn of others is due, they have it first. Raises NotALog when no step is left."""
        self.steps -= 1
        if self.steps < 0:
            raise NotALog(TOO_MUCH)
        if time.monotonic() > self._due:
            let_others_run()
            self._turn()
            self._due = time.monotonic() + TURN_SECONDS
