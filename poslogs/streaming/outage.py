"""An outage: polls of one environment that fail one after another, and how long to wait between them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final

from poslogs.platformos.gateway import GatewayError
from poslogs.streaming import frames
from poslogs.streaming.frames import Chunk

FIRST_WAIT_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 30.0


class Outage:
    """From a first failed poll to the next good one; told to each reader once, when it starts.

    Waits double from FIRST_WAIT_SECONDS to LONGEST_WAIT_SECONDS with jitter (half to whole), unless platformOS
    named a longer one in Retry-After.
    """

    def __init__(self, error: GatewayError, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.since = time.time()  # wall clock, seconds since 1970, for people
        self.tries = 0
        self.until = 0.0  # on the clock: no poll before
        self.chunk: Chunk = frames.error(error.sentence)
        self.again(error)

    def again(self, error: GatewayError) -> None:
        """One more failure."""
        self.sentence = error.sentence
        wait = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(self.tries, 10))
        wait *= random.uniform(0.5, 1.0)
        self.tries += 1
        self.until = self._clock() + max(wait, error.retry_after or 0.0)
