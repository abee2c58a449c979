"""Threads for the scheduler, with the names and ways of `threading`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.schedule import locks
from tests.schedule.locks import running
from tests.schedule.scheduler import active
from tests.schedule.turns import Task


class Thread:
    """A task with the ways of a thread."""

    def __init__(
        self,
        group: None = None,
        target: Callable[..., object] | None = None,
        name: str | None = None,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        daemon: bool | None = None,
    ) -> None:
        self.name = name or "thread"
        self.daemon = bool(daemon)
        self.ident: int | None = None
        self._target, self._args, self._kwargs = target, tuple(args), dict(kwargs or {})
        self._task: Task | None = None
        self._begun = locks.Event()
        self._over = locks.Event()

    def run(self) -> None:
        """Run the thread's function."""
        if self._target is not None:
            self._target(*self._args, **self._kwargs)

    def start(self) -> None:
        """Begin, and wait until it has begun, as real threads and gevent's do."""
        if (now := running()) is None:
            raise RuntimeError("can't start new thread")
        scheduler = now[0]
        self._task = scheduler.spawn(self.name, self._bootstrap)
        self._task.thread = self
        self.ident = self._task.number
        if not self._begun._flag:
            scheduler.wait("start", self._begun._waiting)

    def _bootstrap(self) -> None:
        self._begun.set()
        try:
            self.run()
        finally:
            self._over.set()

    def is_alive(self) -> bool:
        """Whether the thread has begun and is not over."""
        return self._begun.is_set() and not self._over.is_set()

    def join(self, timeout: float | None = None) -> None:
        """Wait until the thread is over."""
        self._over.wait(timeout)


class Main(Thread):
    """What runs where no thread was started."""

    def is_alive(self) -> bool:
        """Always True."""
        return True


MAIN = Main(name="MainThread")


def current_thread() -> Thread:
    """The thread that runs now."""
    scheduler = active()
    task = None if scheduler is None else scheduler.current
    if task is None:
        return MAIN
    if task.thread is None:
        task.thread = Main(name=task.name)
    thread: Thread = task.thread
    return thread


def spawn(work: Callable[[], object]) -> None:
    """Start a function in a task of its own, without waiting, as gevent's spawn does."""
    if (now := running()) is None:
        return  # the run is over, and what is left of it is thrown away
    now[0].spawn(f"spawned {getattr(work, '__qualname__', 'work')}", work)
    now[0].point("spawn")
