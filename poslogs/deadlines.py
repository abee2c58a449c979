"""Deadlines: work that is cut off when its time is up, watched by one thread for all."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

log = logging.getLogger("poslogs.deadlines")

TICK_SECONDS: Final = 0.25


class Deadlines:
    """Calls what cuts a piece of work once its seconds are over, TICK_SECONDS late at most.

    The thread starts with the first work in each process and rests while there is none.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due: dict[object, tuple[float, Callable[[], None]]] = {}
        self._lock = threading.Lock()
        self._work = threading.Event()
        self._pid = 0

    @contextmanager
    def within(self, seconds: float, cut: Callable[[], None]) -> Iterator[None]:
        """Do the body of the `with`; after `seconds` in it, `cut` is called once, in another thread."""
        key = object()
        self._due[key] = self._clock() + seconds, cut
        try:
            if self._pid != os.getpid():
                self._start()
            self._work.set()
            yield
        finally:
            self._due.pop(key, None)

    def _start(self) -> None:
        with self._lock:
            if self._pid != os.getpid():
                threading.Thread(target=self._run, name="deadlines", daemon=True).start()
                self._pid = os.getpid()

    def _run(self) -> None:
        while True:
            self._work.wait()
            self._work.clear()
            while self._due:
                time.sleep(TICK_SECONDS)
                now = self._clock()
                for key, (due, cut) in list(self._due.items()):
                    if due <= now and self._due.pop(key, None) is not None:
                        try:
                            cut()
                        except Exception:  # this thread watches for everyone
                            log.debug("What was to be cut could not be.", exc_info=True)


DEADLINES: Final = Deadlines()
