"""The counts of questions to one environment, for metrics and for reports of its state."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass


@dataclass
class Counts:
    """Questions to one environment since the process began: the poller's, and those of readers and calls."""

    answered: int = 0
    failed: int = 0
    last_success: float = 0.0  # wall clock, seconds since 1970, for people; 0 when there was none
    succeeded_at: float = -math.inf  # the same on the clock, which does not jump

    def succeed(self, now: float) -> None:
        """Note that a question was answered, at this time on the clock."""
        self.last_success, self.succeeded_at = time.time(), now
