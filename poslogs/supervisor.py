"""The supervisor: every background thread is a loop under it, so that none ends or stands still unnoticed."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from poslogs.per_process import PerProcess

log = logging.getLogger("poslogs.supervisor")

STALL_SECONDS: Final = 10.0  # a loop that has not turned for this long, though it should have, is stalled
SURE_SECONDS: Final = 1.0  # a loop must be late at two looks this far apart: the whole process may have slept
IDLE_SECONDS: Final = 3.0  # the longest that a loop waits for work, so that one without work turns too
AGAIN_SECONDS: Final = 0.1  # before a loop that failed goes on; doubled at each failure in a row
MOST_AGAIN_SECONDS: Final = 5.0


class Loop:
    """One loop: a function that runs in a thread of its own and calls `turn` at the start of each round.

    It belongs to the process that started it. gevent copies greenlets over a fork, so a loop may go on in a child that
    never asked for it: there its next `turn` ends it.
    """

    def __init__(self, supervisor: Supervisor, home: Loops, name: str, detail: str, run: Run) -> None:
        self.run = run
        self.name = name  # its kind: /health and /metrics show it to every client
        self.detail = detail  # which of its kind, such as the environment: for the log alone
        self.due = supervisor.clock() + STALL_SECONDS  # on the clock: late from then on
        self.asking = False  # it waits for another server
        self.late: float | None = None  # on the clock: when a look first found it late
        self.failures = 0  # in a row
        self.fresh = True  # it was started, or started again, and has not finished a round since
        self.reported = False
        self._supervisor = supervisor
        self._home = home

    def turn(self, within: float = STALL_SECONDS) -> None:
        """Begin the next round, which may take `within` seconds.

        A loop that fails in each of its rounds never finishes one, and so is late in the end.
        Raises Inherited in a process that did not start the loop, and whatever the supervisor's `interfere` raises.
        """
        if self._home is not self._supervisor.loops():
            raise Inherited
        if self.fresh:
            self.fresh = False
        else:
            self.failures = 0
            self._goes_on(within)
        self._supervisor.interfere(self.name)

    def asks(self, within: float) -> None:
        """Ask another server, which may take `within` seconds, until the next `turn`.

        A loop that takes longer is reported, but the process is not replaced: the next one would ask the same server.
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


class Inherited(BaseException):
    """Raised in a loop that a fork has copied; no `except Exception` of the loop may stop it."""


class Loops:
    """The loops of one process. The lock is theirs too: one that was held during a fork stays locked in the child."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.all: set[Loop] = set()
        self.singles: dict[Run, Loop] = {}

    def discard(self, loop: Loop) -> None:
        """Drop a loop."""
        with self.lock:
            self.all.discard(loop)
            if self.singles.get(loop.run) is loop:
                del self.singles[loop.run]

    def late(self, now: float) -> list[Loop]:
        """The loops that should have turned before `now`."""
        with self.lock:
            return [loop for loop in self.all if loop.due < now]


class Supervisor:
    """Starts every background thread of the process: each is a loop, and none of them ends or stands still unnoticed.

    A loop that raises is logged with its traceback, counted in `faults` and run again. A loop that stands still is
    named by `stalled`; the probes and gunicorn's worker ask for that. A fork starts with no loops: each part asks for
    its loop by `ensure` whenever it needs it. `clock` counts seconds, from any moment.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.faults: Counter[str] = Counter()  # by the name of the loop; counts only rise
        self.interfere: Callable[[str], None] = lambda _: None  # called at each turn: where a test breaks a loop
        self.loops = PerProcess(Loops)

    def start(self, name: str, run: Run, *, detail: str = "") -> None:
        """Run a loop until `run` returns. Raises RuntimeError when no thread can be started."""
        loops = self.loops()
        self._begin(loops, Loop(self, loops, name, detail, run))

    def ensure(self, name: str, run: Run) -> None:
        """Run a loop in this process, unless this very one runs. Raises RuntimeError as `start` does."""
        loops = self.loops()
        if run in loops.singles:
            return
        loop = Loop(self, loops, name, "", run)
        with loops.lock:
            if run in loops.singles:
                return
            loops.singles[run] = loop
        self._begin(loops, loop)

    def stalled(self) -> list[str]:
        """The names of the loops that should have turned and have not, sorted, each once."""
        return sorted({loop.name for loop in self._late()})

    def unwell(self) -> bool:
        """Whether a loop stands still by this process's own fault, so that another process must take its place."""
        return any(not loop.asking for loop in self._late())

    def failed(self, name: str, detail: str, error: BaseException) -> None:
        """Count and log a fault of a loop."""
        self.faults[name] += 1
        log.error("%s failed; it goes on.", _title(name, detail), exc_info=error)

    def _late(self) -> list[Loop]:
        now = self.clock()
        found = []
        for loop in self.loops().late(now):
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

    def _begin(self, loops: Loops, loop: Loop) -> None:
        with loops.lock:
            loops.all.add(loop)
        self.faults.setdefault(loop.name, 0)  # so that a monitor sees the first fault as a rise
        title = f"{loop.name} {loop.detail}".strip()
        thread = threading.Thread(target=self._run, args=(loops, loop), name=title, daemon=True)
        try:
            thread.start()
        except BaseException:
            loops.discard(loop)
            raise

    def _run(self, loops: Loops, loop: Loop) -> None:
        while True:
            loop.fresh = True
            try:
                loop.run(loop)
            except Inherited:
                return  # a copy in another process, which has loops of its own
            except Exception as error:  # noqa: BLE001 - the loop must outlive any fault in one of its turns
                loop.failures += 1
                self.failed(loop.name, loop.detail, error)
                time.sleep(min(MOST_AGAIN_SECONDS, AGAIN_SECONDS * 2.0 ** min(loop.failures - 1, 10)))
            except BaseException as error:
                self.failed(loop.name, loop.detail, error)
                raise  # it is over, but stays in the list: so it is late soon, and named
            else:
                break
        loops.discard(loop)


def _title(name: str, detail: str) -> str:
    return f"{name} {detail}".strip().capitalize()


SUPERVISOR: Final = Supervisor()  # of this process
