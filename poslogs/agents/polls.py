"""The polls of an environment since a call began: whether any was answered, and how many failed."""

from __future__ import annotations

import time
from typing import Final

from poslogs.streaming.upstream import Upstream

FRESH_SECONDS: Final = 2.0  # a younger answer still says how the log is


class Polls:
    """The polls of one environment, counted from now on."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._answered, self._failed = upstream.counts.answered, upstream.counts.failed
        self._reported = self._failed
        self._fresh = upstream.outage is None and time.time() - upstream.counts.last_success < FRESH_SECONDS

    @property
    def errors(self) -> int:
        """How many failed."""
        return self._upstream.counts.failed - self._failed

    @property
    def answered(self) -> bool:
        """Whether one was answered."""
        return self._upstream.counts.answered > self._answered

    @property
    def were_fresh(self) -> bool:
        """Whether one was answered right before the call, and none has failed since."""
        return self._fresh and not self.errors

    @property
    def trouble(self) -> str:
        """What goes wrong now, as one sentence; "" while nothing does."""
        outage = self._upstream.outage
        return outage.sentence if outage else ""

    def failed_again(self) -> bool:
        """Whether one has failed since this was asked the last time."""
        failed = self._upstream.counts.failed
        again, self._reported = failed > self._reported, failed
        return again
