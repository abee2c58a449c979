"""Locks and events for the scheduler, with the names and ways of `threading`.

Outside of a run they do as if nobody else were there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import greenlet

from tests.schedule.scheduler import Scheduler, active
from tests.schedule.turns import Task, where


def running() -> tuple[Scheduler, Task] | None:
    """The scheduler and the task that runs now; None outside of a run, and while it is ended."""
    scheduler = active()
    if scheduler is None or scheduler.current is None or scheduler.dying:
        return None
    return scheduler, scheduler.current


def _over() -> bool:
    """End a task that would wait although its run is over; True outside of a run."""
    if (scheduler := active()) is not None and scheduler.dying:
        raise greenlet.GreenletExit
    return True


class Lock:
    """A lock. Another task may go on when it is acquired or released."""

    _again = False

    def __init__(self) -> None:
        self._owner: Task | None = None
        self._count = 0
        self._waiting: list[Task] = []

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Acquire the lock; False when time was up first."""
        if (now := running()) is None:
            self._count += 1
            return True
        scheduler, task = now
        scheduler.point("acquire")
        if self._again and self._owner is task:
            self._count += 1
            return True
        end = scheduler.now + timeout if timeout >= 0 else None
        while self._count:
            left = None if end is None else end - scheduler.now
            if not blocking or (left is not None and left <= 0):
                return False
            scheduler.wait("acquire", self._waiting, left)
        self._owner, self._count = task, 1
        task.held.append((self, where()))
        return True

    def release(self) -> None:
        """Release the lock."""
        owner, now = self._owner, running()
        self._count = max(0, self._count - 1)
        if self._count:
            return
        self._owner = None
        if owner is not None:
            owner.held = [pair for pair in owner.held if pair[0] is not self]
        if now is not None:
            self._pass_on(now[0])
            now[0].point("release")

    def locked(self) -> bool:
        """Whether the lock is held."""
        return self._count > 0

    def _pass_on(self, scheduler: Scheduler) -> None:
        if self._waiting:
            scheduler.wake(self._waiting.pop(scheduler.random.randrange(len(self._waiting))))

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class RLock(Lock):
    """A lock that its holder may acquire again."""

    _again = True


class Condition:
    """A condition on a lock."""

    def __init__(self, lock: Lock | None = None) -> None:
        self._lock = lock or RLock()
        self._waiting: list[Task] = []
        self.acquire, self.release = self._lock.acquire, self._lock.release

    def __enter__(self) -> bool:
        return self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Release the lock, wait, and acquire it again; returns whether the task was woken."""
        if (now := running()) is None:
            return _over()
        self._lock._owner, self._lock._count = None, 0
        kept = [pair for pair in now[1].held if pair[0] is self._lock]
        now[1].held = [pair for pair in now[1].held if pair[0] is not self._lock]
        self._lock._pass_on(now[0])
        found = now[0].wait("wait", self._waiting, timeout)
        self._lock.acquire()
        now[1].held = [pair for pair in now[1].held if pair[0] is not self._lock] + kept
        return found

    def wait_for(self, predicate: Callable[[], object], timeout: float | None = None) -> object:
        """Wait until the predicate is true; returns its last result."""
        now = running()
        end = None if timeout is None or now is None else now[0].now + timeout
        while not (found := predicate()):
            left = None if end is None or now is None else end - now[0].now
            if left is not None and left <= 0:
                return found
            self.wait(left)
        return found

    def notify(self, n: int = 1) -> None:
        """Wake up to `n` tasks."""
        if (now := running()) is not None:
            for task in self._waiting[:n]:
                self._waiting.remove(task)
                now[0].wake(task)

    def notify_all(self) -> None:
        """Wake all tasks that wait."""
        self.notify(len(self._waiting))


class Event:
    """A flag that can be waited for."""

    def __init__(self) -> None:
        self._flag = False
        self._waiting: list[Task] = []

    def is_set(self) -> bool:
        """Whether the flag is set."""
        return self._flag

    def set(self) -> None:
        """Set the flag, and wake all tasks that wait."""
        self._flag = True
        if (now := running()) is not None:
            waiting, self._waiting = self._waiting, []
            for task in waiting:
                now[0].wake(task)
            now[0].point("set")

    def clear(self) -> None:
        """Clear the flag."""
        self._flag = False
        if (now := running()) is not None:
            now[0].point("clear")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the flag is set; returns whether it is."""
        if (now := running()) is None:
            return self._flag or _over()
        now[0].point("wait")
        if not self._flag:
            now[0].wait("wait", self._waiting, timeout)
        return self._flag


class Semaphore:
    """Lets a number of tasks in at once. It may be held across a wait, which is its purpose."""

    def __init__(self, value: int = 1) -> None:
        self._value = value
        self._waiting: list[Task] = []

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Take a place; False when none was free in time."""
        if (now := running()) is None:
            self._value -= 1
            return True
        scheduler = now[0]
        scheduler.point("wait")
        end = None if timeout is None else scheduler.now + timeout
        while self._value <= 0:
            left = None if end is None else end - scheduler.now
            if not blocking or (left is not None and left <= 0):
                return False
            scheduler.wait("wait", self._waiting, left)
        self._value -= 1
        return True

    def release(self, n: int = 1) -> None:
        """Give `n` places back."""
        self._value += n
        if (now := running()) is not None:
            for _ in range(min(n, len(self._waiting))):
                now[0].wake(self._waiting.pop(now[0].random.randrange(len(self._waiting))))
            now[0].point("release")

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
