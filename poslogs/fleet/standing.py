"""The engine's standing in one process: whether Redis can be used now, and the questions that wait for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Final

from poslogs.fleet.ask import Ask, Away

UNASKED: Final = "Redis has not been asked yet."


@dataclass(frozen=True)
class State:
    """What /health says of the engine. `term` counts how often Redis was joined: each time it may be an empty one."""

    ok: bool = False
    why: str = UNASKED  # a sentence
    since: float = field(default_factory=time.time)  # wall clock
    term: int = 0


class Standing:
    """One process's own. The engine's loop alone changes the state; any thread may put questions."""

    def __init__(self) -> None:
        self.member = token_hex(8)  # names this process in Redis
        self.state = State()
        self.tried = threading.Event()  # Redis was tried once, or was waited for in vain
        self.proof_due = 0.0  # monotonic: when it is to be proved next that Redis takes writes
        self._lock = threading.Lock()
        self._waiting: list[Ask] = []
        self._some = threading.Event()  # there may be questions

    def put(self, asks: Sequence[Ask]) -> None:
        """Have questions asked together. Raises Away at once while Redis is away."""
        with self._lock:
            if not self.state.ok:
                raise Away(self.state.why)
            self._waiting.extend(asks)
        self._some.set()

    def take(self, seconds: float) -> list[Ask]:
        """The questions that wait, in their order; none after `seconds` without any."""
        if seconds > 0:
            self._some.wait(seconds)
        self._some.clear()
        with self._lock:
            asks, self._waiting = self._waiting, []
        return asks

    def join(self) -> None:
        """Note that Redis can be used."""
        with self._lock:
            self.state = State(True, "Redis answers, and takes writes.", term=self.state.term + 1)
        self.tried.set()

    def lose(self, why: str) -> State:
        """Note that Redis cannot be used, and give up what waits. Returns the state until now."""
        with self._lock:
            before = self.state
            if before.ok or before.why == UNASKED:
                self.state = State(False, why, term=before.term)
            elif before.why != why:
                self.state = State(False, why, before.since, before.term)
            given_up, self._waiting = self._waiting, []
        self.tried.set()
        for ask in given_up:
            ask.give_up(why)
        return before
