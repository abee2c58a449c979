"""The polls of an environment since a call began: whether any was answered, and how many failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from poslogs.streaming.upstream import Upstream

FRESH_SECONDS: Final = 2.0  # a younger answer still says how the log is


class Polls:
    """The polls of one environment, or of several, counted from now on."""

    def __init__(self, upstreams: Sequence[Upstream]) -> None:
        self._upstreams = upstreams
        self._answered, self._failed = self._sums()
        self._reported = self._failed
        self._fresh = all(
            each.outage is None and each.clock() - each.counts.succeeded_at < FRESH_SECONDS for each in upstreams
        )

    @property
    def errors(self) -> int:
        """How many failed."""
        return self._sums()[1] - self._failed

    @property
    def answered(self) -> bool:
        """Whether one was answered."""
        return self._sums()[0] > self._answered

    @property
    def were_fresh(self) -> bool:
        """Whether one of each was answered right before the call, and none has failed since."""
        return self._fresh and not self.errors

    @property
    def trouble(self) -> str:
        """What goes wrong now, as one sentence; "" while nothing does."""
        return next((outage.sentence for each in self._upstreams if (outage := each.outage)), "")

    def failed_again(self) -> bool:
        """Whether one has failed since this was asked the last time."""
        failed = self._sums()[1]
        again, self._reported = failed > self._reported, failed
        return again

    def _sums(self) -> tuple[int, int]:
        counts = [each.counts for each in self._upstreams]
        return sum(each.answered for each in counts), sum(each.failed for each in counts)
