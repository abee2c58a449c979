"""Room: the threads that streams and calls may hold together, so that some are left for other requests."""

from __future__ import annotations

import threading


class Room:
    """A number of places; None means no bound, as where greenlets serve."""

    def __init__(self, places: int | None = None) -> None:
        self.places = places
        self._lock = threading.Lock()
        self._taken = 0

    @property
    def full(self) -> bool:
        """Whether there is no place left."""
        return self.places is not None and self._taken >= self.places

    def take(self) -> bool:
        """Take a place; False when there is none."""
        with self._lock:
            if self.full:
                return False
            self._taken += 1
            return True

    def give_back(self) -> None:
        """Give a place back that was taken."""
        with self._lock:
            self._taken -= 1
