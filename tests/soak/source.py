"""The source: rows at a random pace, some of them late, odd or no rows at all."""

from __future__ import annotations

import random
import threading
from collections import deque
from typing import Any

from tests.soak.ledger import Listing
from tests.support.platformos import PlatformOS
from tests.support.rows import MISSING

ERROR_TYPES = ("info", "info", "info", "error", "warning", "debug", "LiquidError", "payment-callback", None)
ODD = ("\r\n\r\nevent: error\ndata: x\n\n", "\u2028\u2029\x00", "\ud800", "id: 7\rdata: y", "\x1b[31m", "\U0001f600")
STRAYS: tuple[Any, ...] = ("text", 17, None, ["x"], {}, {"id": None}, {"id": "abc"}, {"id": -5}, {"id": True})
LATE_ROWS = 60  # a late row has at most so many rows above it when it comes; the server reads 100 again
LATE_SECONDS = 5.0
BURST = (300, 1500)
MEASURE = 0.02  # seconds; the pace is kept in steps of this length


class Source(threading.Thread):
    """Lists rows until it is stopped, and notes each of them."""

    def __init__(self, platformos: PlatformOS, listing: Listing, seed: str) -> None:
        super().__init__(name="source", daemon=True)
        self.strays = 0
        self.late = 0
        self.recent: deque[Any] = deque(maxlen=50)  # for answers that repeat old rows
        self._platformos = platformos
        self._listing = listing
        self._random = random.Random(seed)
        self._stop_it = threading.Event()
        self._last = 0  # id, of strays and of holes too
        self._holes: list[list[float]] = []  # id, seconds and rows since it was left out

    def run(self) -> None:
        modes = (self._silence, self._trickle, self._trickle, self._steady, self._steady, self._rush, self._burst)
        while not self._stop_it.is_set():
            self._random.choice(modes)()
        self._fill_holes(10**9, 0.0)

    def stop(self) -> None:
        """List no more; what was held back becomes visible."""
        self._stop_it.set()
        self.join()

    def seal(self) -> None:
        """One more row of each type, so that every filter has a last one."""
        self._list(len(ERROR_TYPES), error_types=list(ERROR_TYPES))

    def _silence(self) -> None:
        self._pass(self._random.uniform(0.1, 1.5))

    def _trickle(self) -> None:
        self._flow(self._random.uniform(1, 20))

    def _steady(self) -> None:
        self._flow(self._random.uniform(30, 120))

    def _rush(self) -> None:
        self._flow(self._random.uniform(200, 500), longest=1.0)

    def _burst(self) -> None:
        self._list(self._random.randint(*BURST), size=self._random.choice((20, 200, 2000)))
        self._pass(self._random.uniform(0.2, 1.0))

    def _flow(self, rate: float, longest: float = 3.0) -> None:
        due = 0.0
        for _ in range(int(self._random.uniform(0.2, longest) / MEASURE)):
            due += rate * MEASURE * self._random.uniform(0, 2)
            if due >= 1:
                self._list(int(due), size=self._random.choice((5, 50, 300)))
                due -= int(due)
            if self._random.random() < 0.02:
                self._stray()
            self._pass(MEASURE)
            if self._stop_it.is_set():
                return

    def _pass(self, seconds: float) -> None:
        self._stop_it.wait(seconds)
        self._fill_holes(0, seconds)

    def _list(self, count: int, *, size: int = 50, error_types: list[str | None] | None = None) -> None:
        """List so many rows at one moment; now and then an id is left out, to come late."""
        self._fill_holes(count, 0.0)
        kinds = error_types or [self._random.choice(ERROR_TYPES) for _ in range(count)]
        if count < LATE_ROWS // 2 and self._random.random() < 0.1:
            self._last += 1
            self._holes.append([self._last, 0.0, count])
        rows = [self._row(self._last + 1 + index, kind, size) for index, kind in enumerate(kinds)]
        numbers = self._platformos.add(*rows)
        self._last = numbers[-1]
        self.recent.extend(row for row in rows if row["error_type"] is not MISSING)
        self._listing.note(numbers, kinds)

    def _row(self, number: int, error_type: str | None, size: int) -> dict[str, Any]:
        odd = self._random.choice(ODD) if self._random.random() < 0.02 else ""
        message = f"row {number}: {odd}{'x' * size}"
        return {
            "id": number if self._random.random() < 0.9 else str(number),
            "error_type": MISSING if error_type is None else error_type,
            "message": message,
            "data": {"length": len(message)},
        }

    def _fill_holes(self, rows: int, seconds: float) -> None:
        """Make left out ids visible, at the latest before too much has come behind them."""
        kept = []
        for number, age, above in self._holes:
            if above + rows > LATE_ROWS or age + seconds > LATE_SECONDS or self._random.random() < 0.01:
                kind = self._random.choice(ERROR_TYPES)
                row = self._row(int(number), kind, 50)
                self._platformos.reveal(row)
                self._listing.note([int(number)], [kind], late=True)
                self.late += 1
            else:
                kept.append([number, age + seconds, above + rows])
        self._holes = kept

    def _stray(self) -> None:
        deep: Any = "deep"
        for _ in range(300):
            deep = [deep]
        self._last += 1
        self._platformos.stray(self._random.choice((*STRAYS, {"id": self._last, "message": deep})))
        self.strays += 1
