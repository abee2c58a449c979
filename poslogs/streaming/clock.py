"""The clock of the streaming core: seconds since any moment, and a wait that it bounds."""

from __future__ import annotations

import threading
import time
from typing import Final, Protocol


class Clock(Protocol):
    """A source of time. A test may hand in one that it turns itself."""

    def __call__(self) -> float:
        """Seconds since any moment; they never go back."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set or `seconds` have passed; returns whether it is set. It may return early."""


class Monotonic:
    """The clock of the machine."""

    def __call__(self) -> float:
        """Seconds since any moment; they never go back."""
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set or `seconds` have passed; returns whether it is set."""
        return event.wait(min(seconds, threading.TIMEOUT_MAX))


MONOTONIC: Final = Monotonic()
