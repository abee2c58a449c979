"""What the storage of request rates promises: moving windows that only the monotonic clock moves."""

from __future__ import annotations

import time

import pytest
from limits import RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.strategies import MovingWindowRateLimiter

from poslogs.access.storage import MAX_WINDOWS, SWEEP_SECONDS, MonotonicStorage

THREE = RateLimitItemPerSecond(3, 10)


class Clock:
    """A clock that stands until it is turned."""

    def __init__(self) -> None:
        self.now = 5.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(clock: Clock) -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(MonotonicStorage(clock=clock))


def test_the_window_moves_with_its_hits(clock: Clock, limiter: MovingWindowRateLimiter) -> None:
    """With three in ten seconds, each that grows ten seconds old makes room for one, and refusals cost nothing."""
    assert limiter.hit(THREE, "a")
    clock.now += 4
    assert [limiter.hit(THREE, "a") for _ in range(4)] == [True, True, False, False]
    clock.now += 5.75
    assert not limiter.hit(THREE, "a")
    clock.now += 0.25
    assert [limiter.hit(THREE, "a") for _ in range(2)] == [True, False]
    clock.now += 4
    assert [limiter.hit(THREE, "a") for _ in range(3)] == [True, True, False]


def test_keys_are_counted_apart(limiter: MovingWindowRateLimiter) -> None:
    """That holds for another client, and for another rate of the same client."""
    for key in ("a", "b"):
        assert [limiter.hit(THREE, key) for _ in range(4)] == [True, True, True, False]
    assert limiter.hit(RateLimitItemPerMinute(1), "a")


def test_a_cost_is_taken_whole_or_not_at_all(limiter: MovingWindowRateLimiter) -> None:
    """Of three, two are taken, then not two more, but one."""
    assert limiter.hit(THREE, "a", cost=2)
    assert not limiter.hit(THREE, "a", cost=2)
    assert limiter.hit(THREE, "a")
    assert not limiter.hit(THREE, "b", cost=4)


def test_the_reset_is_told_as_time_on_the_wall(
    clock: Clock, limiter: MovingWindowRateLimiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is when the oldest hit leaves the window, by the wall clock at the moment of asking."""
    assert limiter.hit(THREE, "a")
    clock.now += 4
    assert limiter.hit(THREE, "a")
    told = limiter.get_window_stats(THREE, "a")
    assert told.remaining == 1
    assert told.reset_time == pytest.approx(time.time() + 6, abs=1)
    clock.now += 6
    assert limiter.get_window_stats(THREE, "a").remaining == 2
    nothing = limiter.get_window_stats(THREE, "b")
    assert (nothing.remaining, nothing.reset_time) == (3, pytest.approx(time.time() + 10, abs=1))


def test_windows_that_nobody_uses_are_forgotten(clock: Clock) -> None:
    """Otherwise each address that ever guessed a token would be remembered forever."""
    storage = MonotonicStorage(clock=clock)
    for number in range(100):
        storage.acquire_entry(f"address {number}", 20, 60)
    clock.now += SWEEP_SECONDS
    storage.acquire_entry("another", 20, 60)
    assert storage.reset() == 1


def test_at_the_bound_what_is_over_goes_first_and_a_limit_that_is_reached_last(clock: Clock) -> None:
    """After twice as many new keys as are kept, a limited key is still limited, and one used twice is kept."""
    storage = MonotonicStorage(clock=clock)
    over = [storage.acquire_entry(f"over {number}", 20, 10) for number in range(1000)]
    clock.now += 11
    assert all(over)
    assert [storage.acquire_entry("limited", 3, 60) for _ in range(4)] == [True, True, True, False]
    assert [storage.acquire_entry("some", 3, 60) for _ in range(2)] == [True, True]
    for number in range(MAX_WINDOWS * 2):
        clock.now += 0.0001
        assert storage.acquire_entry(f"new {number}", 20, 60)
        assert len(storage) <= MAX_WINDOWS
    assert not storage.acquire_entry("limited", 3, 60)
    assert [storage.acquire_entry("some", 3, 60) for _ in range(2)] == [True, False]
    assert storage.get_moving_window("over 0", 20, 10)[1] == 0
    assert storage.get_moving_window(f"new {MAX_WINDOWS * 2 - 1}", 20, 60)[1] == 1


def test_limited_keys_that_fill_it_give_way_to_new_ones(clock: Clock) -> None:
    """With as many limited keys as are kept the oldest goes, and the new key is counted."""
    storage = MonotonicStorage(clock=clock)
    for number in range(MAX_WINDOWS):
        clock.now += 0.0001
        assert storage.acquire_entry(f"limited {number}", 1, 60)
    assert [storage.acquire_entry("new", 1, 60) for _ in range(2)] == [True, False]
    assert not storage.acquire_entry(f"limited {MAX_WINDOWS - 1}", 1, 60)
    assert storage.acquire_entry("limited 0", 1, 60)
    assert len(storage) <= MAX_WINDOWS


def test_what_never_fits_takes_no_window(clock: Clock) -> None:
    """A cost above the limit is refused, and nothing is held for it."""
    storage = MonotonicStorage(clock=clock)
    assert not storage.acquire_entry("a", 3, 60, amount=4)
    assert len(storage) == 0


def test_a_window_can_be_cleared(limiter: MovingWindowRateLimiter) -> None:
    """`limits` requires that of its storages."""
    assert [limiter.hit(THREE, "a") for _ in range(4)] == [True, True, True, False]
    limiter.clear(THREE, "a")
    assert limiter.hit(THREE, "a")
    assert limiter.storage.check()
    with pytest.raises(NotImplementedError):
        limiter.storage.incr("a", 1)
