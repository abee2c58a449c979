"""A storage for `limits` that no change of the clock on the wall moves."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from limits.storage import MovingWindowSupport, Storage

SWEEP_SECONDS: Final = 60.0  # between two looks for windows that nobody uses any more


class Steady(MovingWindowSupport, Storage):
    """Moving windows in this process's memory, by the monotonic clock.

    The memory storage of `limits` 5.8 reads time.time(): a clock set back by an hour would shut a client out for
    that hour, one set ahead would empty every window. What callers are told (`get_moving_window`) is time as it is
    on the wall at that moment. Fixed windows are not supported. `clock` counts seconds, from anywhere.
    """

    STORAGE_SCHEME = None  # it is made here, not found by an address

    def __init__(
        self, uri: str | None = None, wrap_exceptions: bool = False, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[int, deque[float]]] = {}  # its length in seconds, its hits, the oldest first
        self._swept = clock()

    @property
    def base_exceptions(self) -> type[Exception]:
        """What may be raised when storing fails: nothing does here."""
        return ValueError

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` hits, unless more than `limit` within `expiry` seconds would be there then."""
        now = self._clock()
        with self._lock:
            self._sweep(now)
            hits = self._windows.setdefault(key, (expiry, deque()))[1]
            while hits and hits[0] <= now - expiry:
                hits.popleft()
            if len(hits) + amount > limit:
                return False
            hits.extend([now] * amount)
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002 - named by `limits`
        """When the oldest hit within `expiry` seconds was, in seconds since 1970, and how many there are."""
        now, wall = self._clock(), time.time()
        with self._lock:
            hits = [hit for hit in self._windows.get(key, (0, ()))[1] if hit > now - expiry]
        return (wall - (now - hits[0]) if hits else wall), len(hits)

    def check(self) -> bool:
        """Whether the storage can be used: memory always can."""
        return True

    def reset(self) -> int | None:
        """Forget all windows; how many there were."""
        with self._lock:
            count = len(self._windows)
            self._windows.clear()
        return count

    def clear(self, key: str) -> None:
        """Forget one window."""
        with self._lock:
            self._windows.pop(key, None)

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Not supported."""
        raise NotImplementedError("fixed windows")

    def get(self, key: str) -> int:
        """Not supported."""
        raise NotImplementedError("fixed windows")

    def get_expiry(self, key: str) -> float:
        """Not supported."""
        raise NotImplementedError("fixed windows")

    def _sweep(self, now: float) -> None:
        if now - self._swept < SWEEP_SECONDS:
            return
        self._swept = now
        for key, (expiry, hits) in list(self._windows.items()):
            if not hits or hits[-1] <= now - expiry:
                del self._windows[key]
