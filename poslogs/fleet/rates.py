"""Request rates that are counted over all processes, as flask-limiter asks for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Final

from limits.storage import MovingWindowSupport, RedisStorage, Storage

from poslogs.access.storage import MonotonicStorage, MovingWindowsAlone
from poslogs.fleet.ask import Away
from poslogs.fleet.engine import Engine

SCHEME: Final = "fleet"


def _text(script: str | bytes) -> str:
    return script.decode() if isinstance(script, bytes) else script


# The two scripts of `limits`, which count a moving window in a list, for several windows in one round trip and by the
# clock of Redis. A window that is full ends it: a request that is refused counts in none after that.
_COUNT: Final = f"""
local function acquire(KEYS, ARGV)
{_text(RedisStorage.SCRIPT_ACQUIRE_MOVING_WINDOW)}
end
local function window(KEYS, ARGV)
{_text(RedisStorage.SCRIPT_MOVING_WINDOW)}
end
local t = redis.call('TIME')
local now = t[1] + t[2] / 1000000
local found = {{}}
for i = 1, #KEYS do
  local limit, expiry = ARGV[2 * i], ARGV[2 * i + 1]
  local acquired = acquire({{KEYS[i]}}, {{now, limit, expiry, ARGV[1]}})
  local oldest = window({{KEYS[i]}}, {{now - expiry, limit}})
  local age = oldest and now - tonumber(oldest[1]) or 0
  found[i] = {{acquired and 1 or 0, tostring(age), oldest and oldest[2] or 0}}
  if not acquired then break end
end
return found
"""


class _Request(threading.local):
    """What the request of this thread or greenlet has counted."""

    def __init__(self) -> None:
        self.expected: Sequence[tuple[str, int, int]] = ()
        self.counted: dict[str, bool] = {}  # by key: whether it was acquired; taken out as it is asked for
        self.windows: dict[str, tuple[float, int]] = {}  # by key: when its oldest hit was (wall clock), how many


class SharedRates(MovingWindowsAlone, MovingWindowSupport, Storage):
    """Moving windows in Redis, counted by the scripts of `limits`; its address is `fleet://`, its option `engine`.

    While Redis is away, windows in this process's memory count. They begin empty then.
    """

    STORAGE_SCHEME = [SCHEME]  # noqa: RUF012 - `limits` declares it so

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, *, engine: Engine) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        self._engine = engine
        self._count = engine.script(_COUNT)
        self._alone = MonotonicStorage()
        self._request = _Request()

    def __len__(self) -> int:
        """How many windows are held in this process's memory."""
        return len(self._alone)

    def expect(self, rates: Sequence[tuple[str, int, int]]) -> None:
        """Name what `acquire_entry` will be called with next in this thread, in order: key, limit, expiry.

        All of them are counted at the first call, in one round trip, up to the first that is full.
        """
        self._request.expected = rates

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` hits, unless that makes more than `limit` within `expiry` seconds. Returns whether it did."""
        request = self._request
        if key in request.counted:
            return request.counted.pop(key)
        rates, request.expected = request.expected, ()
        if amount != 1 or not rates or rates[0] != (key, limit, expiry):
            rates = [(key, limit, expiry)]
        request.counted, request.windows = {}, {}
        try:
            self._ask(rates, amount)
        except Away:
            return self._alone.acquire_entry(key, limit, expiry, amount)
        return request.counted.pop(key)

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """When the oldest hit within `expiry` seconds was, in seconds since 1970, and how many there are.

        As it was when this thread counted it; where memory counts, as it is now.
        """
        found = self._request.windows.get(key)
        return self._alone.get_moving_window(key, limit, expiry) if found is None else found

    def reset(self) -> int | None:
        """Forget the windows in memory; Redis forgets its own in time. Returns how many there were."""
        return self._alone.reset()

    def clear(self, key: str) -> None:
        """Forget one window."""
        self._alone.clear(key)
        self._engine.tell("DEL", self._key(key))

    def _key(self, key: str) -> str:
        return self._engine.key("rates", key)

    def _ask(self, rates: Sequence[tuple[str, int, int]], amount: int) -> None:
        bounds = [number for _, limit, expiry in rates for number in (limit, expiry)]
        found = self._engine.run(self._count, [self._key(key) for key, _, _ in rates], [amount, *bounds])
        now = time.time()
        for (key, _, _), (acquired, age, hits) in zip(rates, found, strict=False):
            self._request.counted[key] = bool(acquired)
            self._request.windows[key] = now - float(age), int(hits)
