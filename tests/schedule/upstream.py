"""The upstream: logs in memory in the place of platformOS. Answers are late, stale or failing; ids are reset."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from datetime import UTC, datetime
from random import Random

from poslogs.platformos import entries
from poslogs.platformos.entries import Page
from tests.schedule.scheduler import EPOCH, START, Scheduler

KINDS = ("info", "error")  # error_type of rows, in turn by chance
PAGES = (20, 100, 1000)  # rows that one answer holds
LAG_SECONDS = 0.6  # the longest time for which a replica lacks new rows


def timestamp(at: float) -> str:
    """A time of the scheduler's clock, as rows have theirs."""
    moment = datetime.fromtimestamp(at - START + EPOCH, UTC).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z")


class Row:
    """A row of a log; `serial` never comes twice in an environment, `number` may once ids are reset."""

    def __init__(self, env: str, number: int, serial: int, kind: str, size: int, at: float) -> None:
        self.number, self.serial, self.kind, self.at = number, serial, kind, at
        self.given = {
            "id": number,
            "created_at": timestamp(at),
            "error_type": kind,
            "message": f"row={env}:{serial};" + "x" * size,
            "data": {},
        }


class Log:
    """The log of one environment; `page` is how many rows one answer holds, which may change."""

    def __init__(self, env: str, scheduler: Scheduler, random: Random, fail: Callable[[], Exception]) -> None:
        self.env = env
        self.rows: list[Row] = []
        self.page = random.choice(PAGES)
        self.faults = True
        self.unclear = False  # nobody has noticed that ids were reset
        self._reset_from = self._floor = 0
        self.last_from = 0  # serial number of the first of the last rows
        self.resets_at: list[int] = []  # serial numbers of the first rows since ids were reset
        self._scheduler = scheduler
        self._random = random
        self._fail = fail
        self._serial = 0
        self._slow = random.choice((0.0, 0.01, 0.3, 2.0))  # seconds of an answer, at most
        self._failing = random.choice((0.0, 0.05, 0.3))
        self._resizing = random.choice((0.0, 0.0, 0.05))
        self.lagging = random.choice((0.0, 0.0, 0.3))

    @property
    def top(self) -> int:
        """The newest id; 0 without rows."""
        return self.rows[-1].number if self.rows else 0

    def state(self) -> tuple[int, int]:
        """How often ids were reset, and the newest serial number."""
        return self.resets, self._serial

    def add(self, count: int, size: int, *, ago: float = 0.0) -> None:
        """List rows that were made `ago` seconds ago; ids leave gaps."""
        for _ in range(count):
            self._serial += 1
            number = max(self.top, self._floor) + self._random.choice((1, 1, 1, 3))
            kind = self._random.choice(KINDS)
            self.rows.append(Row(self.env, number, self._serial, kind, size, self._scheduler.now - ago))

    @property
    def resets(self) -> int:
        """How often ids were reset."""
        return len(self.resets_at)

    @property
    def reset_at(self) -> int:
        """Serial number of the first row since ids were reset last; 0 while they never were."""
        return self.resets_at[-1] if self.resets_at else 0

    @property
    def reset_first(self) -> int:
        """Serial number of the first row since ids were reset for the first time; 0 while they never were."""
        return self.resets_at[0] if self.resets_at else 0

    def reset_ids(self) -> None:
        """Lose the newest rows, as an instance does that is restored from a backup."""
        before = self.top
        lost = min(len(self.rows) - 1, self._random.randint(1, 20))
        if lost > 0:
            del self.rows[-lost:]
            self._reset_from = before
            self.resets_at.append(self._serial + 1)

    def grow_past(self) -> None:
        """Have new ids come after all that there were, as if they had never been reset."""
        self._floor = self._reset_from

    def add_last(self) -> None:
        """List the rows that everyone must get."""
        self.last_from = self._serial + 1
        self.add(3, 50)

    def serial_after(self, position: int) -> int:
        """The serial number of the first row past an id; beyond all when there is none."""
        return next((row.serial for row in self.rows if row.number > position), self._serial + 1)

    def answer(self, last_id: int) -> list[object]:
        """The rows past an id, after a while. Raises what `fail` gives."""
        self._scheduler.sleep(self._random.random() * self._slow, "gateway")
        if self.faults and self._random.random() < self._failing:
            raise self._fail()
        if self.faults and self._random.random() < self._resizing:
            self.page = self._random.choice(PAGES)
        until = self._scheduler.now
        if self.faults and self._random.random() < self.lagging:
            until -= LAG_SECONDS * self._random.random()
        return list(self._past(last_id, until))

    def _past(self, last_id: int, until: float) -> Iterator[object]:
        count = 0
        for row in self.rows:
            if row.number > last_id and row.at <= until and count < self.page:
                count += 1
                yield row.given


class Gateway:
    """A way to a log."""

    def __init__(self, log: Log, scheduler: Scheduler) -> None:
        self._log = log
        self._scheduler = scheduler
        scheduler.point("gateway")

    def after(self, last_id: int, known: Container[int] = (), turn: Callable[[], None] = lambda: None) -> Page:
        """What is listed past an id."""
        return entries.read(self._log.answer(last_id), self._log.env, known)

    def close(self) -> None:
        """Give the gateway back."""
        self._scheduler.point("gateway")
