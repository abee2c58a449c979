"""An outage: polls of one environment that fail one after another, and how long to wait between them."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from typing import Final

from poslogs.platformos.gateway import GatewayError
from poslogs.streaming import frames
from poslogs.streaming.frames import Chunk

FIRST_WAIT_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 30.0


def waiting(tries: int) -> float:
    """Seconds to wait after a failure that follows `tries` others; with jitter, half to whole."""
    wait = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(tries, 10))
    return wait * random.uniform(0.5, 1.0)


class Outage:
    """The time from a first failed question to the next good one. Each reader gets one report, when it starts.

    Waits double from FIRST_WAIT_SECONDS to LONGEST_WAIT_SECONDS with jitter (half to whole), unless platformOS
    named a longer one in Retry-After. After each wait one caller may ask one question. Not locked: its upstream is.
    """

    def __init__(self, error: GatewayError, clock: Callable[[], float], wait: float | None = None) -> None:
        """`wait`: seconds, as for `again`."""
        self._clock = clock
        self.since = time.time()  # wall clock, seconds since 1970, for people
        self.tries = 0
        self.chunk: Chunk = frames.error(error.sentence)
        self._until = 0.0
        self._named = 0.0  # until when platformOS itself asked us to wait
        self._asking = True
        self.again(error, wait)

    @property
    def until(self) -> float:
        """When the next question may be asked, on the clock; infinity while one is asked."""
        return math.inf if self._asking else self._until

    @property
    def unasked(self) -> float:
        """Seconds since the last question failed."""
        return self._clock() - self._failed

    @property
    def pause(self) -> float:
        """Seconds for which platformOS itself still asks us to wait."""
        return max(0.0, self._named - self._clock())

    def claim(self) -> bool:
        """Whether the caller may ask now. If so, nobody else may until that question has ended."""
        if self._asking or self._clock() < self._until:
            return False
        self._asking = True
        return True

    def again(self, error: GatewayError, wait: float | None = None) -> None:
        """Note that a question failed: the one that was claimed, or one that was under way when the outage began.

        `wait`: seconds for which another process, whose question failed, lets nobody ask.
        """
        self.last = time.time()  # wall clock, for people
        self.sentence = error.sentence
        now = self._failed = self._clock()
        if self._asking:
            self._asking = False
            self._until = now + (waiting(self.tries) if wait is None else wait)
            self.tries += 1
        elif wait is not None:
            self._until = max(self._until, now + wait)
            self.tries += 1
        if error.retry_after:
            self._named = max(self._named, now + error.retry_after)
            self._until = max(self._until, self._named)
