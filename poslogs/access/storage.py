"""A storage for flask-limiter that neither a changed wall clock nor a flood of addresses can upset."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Final

from limits.storage import MovingWindowSupport, Storage

SCHEME: Final = "monotonic"
SWEEP_SECONDS: Final = 60.0  # how often windows without hits are dropped
MAX_WINDOWS: Final = 10_000  # about 1 kB each for addresses that guess tokens
SPARE_WINDOWS: Final = MAX_WINDOWS // 4  # dropped together at the bound, so that a flood of new keys costs little


@dataclass(slots=True)
class _Window:
    """The hits that were counted under one key, in seconds of the storage's clock, the oldest first."""

    limit: int
    expiry: int  # seconds
    hits: deque[float] = field(default_factory=deque)

    def forget(self, now: float) -> None:
        """Drop the hits that have left the window."""
        while self.hits and self.hits[0] <= now - self.expiry:
            self.hits.popleft()

    def over(self, now: float) -> bool:
        """Whether all its hits have left it."""
        return not self.hits or self.hits[-1] <= now - self.expiry

    def worth(self, now: float) -> tuple[bool, int, float]:
        """A rank for dropping, lowest first: windows that are over, then those with few old hits, then full ones."""
        if self.over(now):
            return False, 0, 0.0
        full = len(self.hits) >= self.limit and self.hits[0] > now - self.expiry
        return full, len(self.hits), self.hits[-1]


class MovingWindowsAlone:
    """What `limits` asks of any storage, for those of ours: they count moving windows alone, and never fail."""

    @property
    def base_exceptions(self) -> type[Exception]:
        """The exceptions of a failed storage: none leave it."""
        return ValueError

    def check(self) -> bool:
        """Whether the storage can be used: it always can."""
        return True

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Not supported."""
        raise NotImplementedError("fixed windows")

    def get(self, key: str) -> int:
        """Not supported."""
        raise NotImplementedError("fixed windows")

    def get_expiry(self, key: str) -> float:
        """Not supported."""
        raise NotImplementedError("fixed windows")


class MonotonicStorage(MovingWindowsAlone, MovingWindowSupport, Storage):
    """Moving windows in this process's memory, by the monotonic clock; its address is `monotonic://`.

    The memory storage of `limits` 5.8 reads time.time(): a clock set back by an hour would shut a client out for
    that hour, one set ahead would empty every window. It also keeps every key of the last minutes, however many.
    Here MAX_WINDOWS are kept. At that bound those with the fewest hits are dropped first, so that a key that has
    reached its limit stays limited, however many new keys come.

    `get_moving_window` returns wall-clock time. Fixed windows are not supported. `clock` counts seconds, from any
    moment.
    """

    STORAGE_SCHEME = [SCHEME]  # noqa: RUF012 - `limits` declares it so

    def __init__(
        self, uri: str | None = None, wrap_exceptions: bool = False, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[str, _Window] = {}
        self._swept = clock()

    def __len__(self) -> int:
        """How many windows are held, at most MAX_WINDOWS."""
        return len(self._windows)

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` hits, unless that makes more than `limit` within `expiry` seconds. Returns whether it did."""
        now = self._clock()
        if amount > limit:
            return False
        with self._lock:
            self._sweep(now)
            window = self._windows.get(key)
            if window is None:
                self._make_room(now)
                window = self._windows[key] = _Window(limit, expiry)
            window.forget(now)
            if len(window.hits) + amount > limit:
                return False
            window.hits.extend([now] * amount)
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002 - named by `limits`
        """When the oldest hit within `expiry` seconds was, in seconds since 1970, and how many there are."""
        now, wall = self._clock(), time.time()
        with self._lock:
            window = self._windows.get(key)
            if window is None:
                return wall, 0
            window.forget(now)
            return (wall - (now - window.hits[0]) if window.hits else wall), len(window.hits)

    def reset(self) -> int | None:
        """Forget all windows. Returns how many there were."""
        with self._lock:
            count = len(self._windows)
            self._windows.clear()
        return count

    def clear(self, key: str) -> None:
        """Forget one window."""
        with self._lock:
            self._windows.pop(key, None)

    def _sweep(self, now: float) -> None:
        if now - self._swept < SWEEP_SECONDS:
            return
        self._swept = now
        for key in [key for key, window in self._windows.items() if window.over(now)]:
            del self._windows[key]

    def _make_room(self, now: float) -> None:
        if len(self._windows) < MAX_WINDOWS:
            return
        for key in nsmallest(SPARE_WINDOWS, self._windows, key=lambda key: self._windows[key].worth(now)):
            del self._windows[key]
