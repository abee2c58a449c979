"""The supervisor: runs the loops on which many streams depend, so that none of them ends or stands still unnoticed."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

log = logging.getLogger("poslogs.supervisor")

STALL_SECONDS: Final = 10.0  # a loop that has not turned for so long, though it should, is stalled
SURE_SECONDS: Final = (
    1.0  # between the first look that finds it late and the first that counts: a process may have slept
)
IDLE_SECONDS: Final = 3.0  # the longest that a loop waits for work, so that one without work turns too
AGAIN_SECONDS: Final = 0.1  # before a loop that failed goes on; doubled at each failure in a row
MOST_AGAIN_SECONDS: Final = 5.0


class Loop:
    """One loop: a function that runs in a thread of its own and calls `turn` each time that it goes round."""

    __slots__ = ("_supervisor", "asking", "detail", "due", "failures", "fresh", "late", "name", "reported", "run")

    def __init__(self, supervisor: Supervisor, name: str, detail: str, run: Run) -> None:
        self.run = run
        self.name = name  # of its kind, for anyone
        self.detail = detail  # which of its kind, for the log alone
        self.due = supervisor.clock() + STALL_SECONDS  # on the clock: late from then on
        self.asking = False  # another server
        self.late: float | None = None  # on the clock: the look that found it late first
        self.failures = 0  # in a row
        self.fresh = True  # it has not been round since it was run, or run again
        self.reported = False
        self._supervisor = supervisor

    def turn(self, within: float = STALL_SECONDS) -> None:
        """The loop goes round once more; the next time is due within so many seconds.

        A loop that fails in each of its rounds never gets round, and so is late in the end.
        Raises whatever the supervisor's `interfere` raises.
        """
        if self.fresh:
            self.fresh = False
        else:
            self.failures = 0
            self._goes_on(within)
        self._supervisor.interfere(self.name)

    def asks(self, within: float) -> None:
        """The loop asks another server, which may take so many seconds, until its next `turn`.

        If it takes longer that is told, but no reason to replace this process: the next one would ask the same server.
        """
        self._goes_on(within)
        self.asking = True

    def _goes_on(self, within: float) -> None:
        self.due = self._supervisor.clock() + within
        self.asking = self.reported = False
        self.late = None

    def failed(self, error: BaseException) -> None:
        """Count and log what went wrong in the loop, which goes on."""
        self._supervisor.failed(self.name, self.detail, error)


Run = Callable[[Loop], None]


class Supervisor:
    """Runs loops, each in a thread of its own, in this process.

    A loop that raises is logged with its traceback, counted in `faults` and run again. A loop that stands still is
    named by `stalled`; the probes and gunicorn's worker ask for that. State is this object's alone; its lock is held
    over nothing that waits. `clock` counts seconds, from anywhere.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.faults: Counter[str] = Counter()  # by the name of the loop; it only grows
        self.interfere: Callable[[str], None] = lambda _: None  # called at each turn: where a test breaks a loop
        self._lock = threading.Lock()
        self._loops: set[Loop] = set()
        self._singles: dict[Run, Loop] = {}
        self._pid = os.getpid()

    def start(self, name: str, run: Run, *, detail: str = "") -> None:
        """Run a loop until `run` returns. Raises RuntimeError where no thread is to be had."""
        self._begin(Loop(self, name, detail, run))

    def ensure(self, name: str, run: Run) -> None:
        """Run a loop in this process, unless this very one runs. Raises RuntimeError as `start` does."""
        if run in self._singles and self._pid == os.getpid():
            return
        loop = Loop(self, name, "", run)
        with self._lock:
            self._forget_parent()
            if run in self._singles:
                return
            self._singles[run] = loop
        self._begin(loop)

    def stalled(self) -> list[str]:
        """The names of the loops that should have turned and have not, sorted, each once."""
        return sorted({loop.name for loop in self._late()})

    def unwell(self) -> bool:
        """Whether a loop stands still by this process's own fault, so that another process is to take its place."""
        return any(not loop.asking for loop in self._late())

    def failed(self, name: str, detail: str, error: BaseException) -> None:
        """Count and log a fault of a loop."""
        self.faults[name] += 1
        log.error("%s failed; it goes on.", _title(name, detail), exc_info=error)

    def _late(self) -> list[Loop]:
        now = self.clock()
        with self._lock:
            self._forget_parent()
            late = [loop for loop in self._loops if loop.due < now]
        found = []
        for loop in late:
            since = loop.late
            if since is None:
                loop.late = now
            elif now - since >= SURE_SECONDS:
                found.append(loop)
                if not loop.reported:
                    loop.reported = True
                    title = _title(loop.name, loop.detail)
                    log.error("%s stands still: it should have gone on %.0f s ago.", title, now - loop.due)
        return found

    def _begin(self, loop: Loop) -> None:
        with self._lock:
            self._forget_parent()
            self._loops.add(loop)
            self.faults[loop.name] += 0  # so that a monitor sees the first fault as a rise
        title = f"{loop.name} {loop.detail}".strip()
        thread = threading.Thread(target=self._run, args=(loop,), name=title, daemon=True)
        try:
            thread.start()
        except BaseException:
            self._forget(loop)
            raise

    def _run(self, loop: Loop) -> None:
        while True:
            loop.fresh = True
            try:
                loop.run(loop)
            except Exception as error:  # noqa: BLE001 - the loop must outlive whatever happens in one of its turns
                loop.failures += 1
                self.failed(loop.name, loop.detail, error)
                time.sleep(min(MOST_AGAIN_SECONDS, AGAIN_SECONDS * 2.0 ** min(loop.failures - 1, 10)))
            except BaseException as error:
                self.failed(loop.name, loop.detail, error)
                raise  # it is over, and stays among the others: so it is late soon, and named
            else:
                break
        self._forget(loop)

    def _forget(self, loop: Loop) -> None:
        with self._lock:
            self._loops.discard(loop)
            if self._singles.get(loop.run) is loop:
                del self._singles[loop.run]

    def _forget_parent(self) -> None:
        # Threads are gone after a fork; under gevent an inherited one may go on, and its loop ends by itself.
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._loops, self._singles = set(), {}


def _title(name: str, detail: str) -> str:
    return f"{name} {detail}".strip().capitalize()


SUPERVISOR: Final = Supervisor()  # of this process
