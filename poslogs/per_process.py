"""What each process makes for itself: a fork copies it, but leaves the threads and the kernel's part to the parent."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerProcess(Generic[T]):
    """A value that `make` returns when a process asks for it first, and the same one from then on.

    Two threads that ask first at the same time may both make one; they get the same. There is no lock, since one that
    another thread held during the fork would stay locked in the child. The process is compared by its id at each call:
    `os.register_at_fork` is not called where a server forks in C, as uWSGI does.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: dict[int, T] = {}  # by process id; more than one only for a moment after a fork

    def __call__(self) -> T:
        """The value of this process."""
        pid = os.getpid()
        try:
            return self._made[pid]
        except KeyError:
            made = self._made.setdefault(pid, self._make())
        for other in [it for it in list(self._made) if it != pid]:
            self._made.pop(other, None)
        return made
