"""The counts of questions to one environment, for metrics and for reports of its state."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Counts:
    """Questions to one environment since the process began: the poller's, and those of readers and calls."""

    answered: int = 0
    failed: int = 0
    last_success: float = 0.0  # wall clock, seconds since 1970; 0 when there was none
