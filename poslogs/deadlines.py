"""Deadlines: work that is cut off when its time is up; one loop watches all of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from poslogs.supervisor import IDLE_SECONDS, SUPERVISOR, Loop, Supervisor

TICK_SECONDS: Final = 0.25


class _Deadline:
    __slots__ = ("cut", "cutting", "due")

    def __init__(self, due: float, cut: Callable[[], None]) -> None:
        self.due = due
        self.cut = cut
        self.cutting: threading.Event | None = None  # made before the cut; set once it is done


class Deadlines:
    """Calls a function that cuts a piece of work once its time is over, TICK_SECONDS late at most.

    The loop starts with the first work in each process, and waits while there is none. `clock` counts seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, supervisor: Supervisor = SUPERVISOR) -> None:
        self._clock = clock
        self._supervisor = supervisor
        self._due: dict[_Deadline, None] = {}
        self._work = threading.Event()

    @contextmanager
    def within(self, seconds: float, cut: Callable[[], None]) -> Iterator[None]:
        """Run the body of the `with`; after `seconds` in it, `cut` is called once, in another thread.

        `cut` must not wait. It has returned when the `with` ends, so what it cuts may be closed right after.
        """
        deadline = _Deadline(self._clock() + seconds, cut)
        self._due[deadline] = None
        try:
            self._supervisor.ensure("deadlines", self._run)
            self._work.set()
            yield
        finally:
            # Either this takes it out, or the loop did: then wait for its cut.
            if self._due.pop(deadline, _TAKEN) is _TAKEN and deadline.cutting is not None:
                deadline.cutting.wait()

    def _run(self, loop: Loop) -> None:
        while True:
            loop.turn()
            if not self._due:
                self._work.wait(IDLE_SECONDS)
                self._work.clear()
                continue
            time.sleep(TICK_SECONDS)
            now = self._clock()
            for deadline in list(self._due):
                if deadline.due <= now:
                    self._cut(deadline, loop)

    def _cut(self, deadline: _Deadline, loop: Loop) -> None:
        deadline.cutting = threading.Event()
        if self._due.pop(deadline, _TAKEN) is _TAKEN:
            return
        try:
            deadline.cut()
        except Exception as error:  # noqa: BLE001 - one piece of work; the loop watches for everyone
            loop.failed(error)
        finally:
            deadline.cutting.set()


_TAKEN: Final = object()

DEADLINES: Final = Deadlines()
