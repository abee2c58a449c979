"""The clock that the streaming core goes by: seconds from anywhere, and a wait that it bounds."""

from __future__ import annotations

import threading
import time
from typing import Final, Protocol


class Clock(Protocol):
    """What says how late it is. A test may hand in one that it turns itself."""

    def __call__(self) -> float:
        """Seconds from anywhere; it never goes back."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set, or until so many seconds have passed; whether it is set. It may return early."""


class Monotonic:
    """The clock of the machine."""

    def __call__(self) -> float:
        """Seconds from anywhere; it never goes back."""
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set, or until so many seconds have passed; whether it is set."""
        return event.wait(min(seconds, threading.TIMEOUT_MAX))


MONOTONIC: Final = Monotonic()
