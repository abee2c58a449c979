"""The source: rows at a random pace, some of them late, odd, huge, hard to parse, or not rows at all."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from tests.soak.clients import filler
from tests.soak.ledger import Listing
from tests.support.platformos import PlatformOS
from tests.support.rows import MISSING, RawJson

ERROR_TYPES = ("info", "info", "info", "error", "warning", "debug", "LiquidError", "payment-callback", None)
SURROGATE = "\ud800"  # refused by strict JSON: a row with this and a giant message is not an entry
ODD = ("\r\n\r\nevent: error\ndata: x\n\n", "\u2028\u2029\x00", SURROGATE, "id: 7\rdata: y", "\x1b[31m", "\U0001f600")
TIMES = (None, 17, "yesterday", "2024-02-30T10:00:00Z", "2024-01-15 10:00:00 +0200", MISSING)
HARD = (
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"9" * 5000,
    b'"\\ud800"',
    b'"\xff\xc3"',
    b'"\x00\r\n"',
    b"[" * 90 + b"]" * 90,
)
STRAYS: tuple[Any, ...] = (
    "text", 17, None, ["x"], {}, {"id": None}, {"id": "abc"}, {"id": -5}, {"id": True},
    RawJson(b'{"id": 1e400}'), RawJson(b'{"id": %s}' % (b"9" * 5000)),
)  # fmt: skip
DEEP = (300, 1100, 100_000)  # lists in lists: too deep for an entry, for a strict parser, for a lenient one
LEAST = 5  # letters of its environment that a message ends with
GIANT = 5 << 20  # bytes of a message; entries carry 2 MiB of it
GIANT_EVERY = 4000  # ids at least, so that an answer never exceeds what the server takes
LATE_ROWS = 60  # a late row has at most this many rows above it when it comes; the server reads 100 again
LATE_SECONDS = 5.0
BURST = (300, 1500)
RESTORED = (5, 80)  # rows that a restore takes away
NOTICE_SECONDS = 20.0
MEASURE = 0.02  # seconds; the pace is kept in steps of this length


class Source(threading.Thread):
    """Lists rows until it is stopped, and notes each of them.

    An entry can be checked by itself, and distinguished from every other: its data carries the environment, the row's
    serial and how its message was made; the letters of the message are the environment's own.
    """

    def __init__(self, environment: str, platformos: PlatformOS, listing: Listing, seed: str) -> None:
        super().__init__(name=f"source of {environment}", daemon=True)
        self.count: Counter[str] = Counter()  # of rows that are not plain, by kind
        self.failure: BaseException | None = None
        self.recent: deque[Any] = deque(maxlen=50)  # for answers that repeat old rows
        self._environment = environment
        self._filler = filler(environment)
        self._platformos = platformos
        self._listing = listing
        self._random = random.Random(seed)
        self._stop_it = threading.Event()
        self._turn = threading.RLock()  # held while rows are listed
        self._serial = 0
        self._last = 0  # id, of strays and of holes too
        self._giant = 0  # id of the last
        self._holes: list[list[float]] = []  # id, seconds and rows since it was left out

    def run(self) -> None:
        modes = (self._silence, self._trickle, self._trickle, self._steady, self._steady, self._rush, self._burst)
        try:
            while not self._stop_it.is_set():
                self._random.choice(modes)()
            self._fill_holes(10**9, 0.0)
        except BaseException as error:
            self.failure = error

    def stop(self) -> None:
        """Stop listing; what was held back becomes visible."""
        self._stop_it.set()
        self.join()

    def seal(self) -> None:
        """List one more row of each type, so that every filter has a last one."""
        self._list(len(ERROR_TYPES), error_types=list(ERROR_TYPES))

    def restore(self, settle: Callable[[int], bool], noticed: Callable[[], bool]) -> None:
        """Fall back to a backup, and list fewer rows than were taken away; list no others until that was noticed.

        What is taken away was listed just before, and polled: below what its window holds, the server cannot tell new
        rows from old ones. `settle` waits for the poll, up to an id; if it fails, nothing is taken away.
        """
        with self._turn:
            self._giant = self._last
            self._list(RESTORED[1])
            if not settle(self._last):
                return
            self._holes.clear()
            self.recent.clear()
            ids = self._platformos.ids
            taken = self._random.randint(*RESTORED)
            if len(ids) <= taken:
                return
            self._last = int(ids[-1 - taken])
            self._platformos.restore(self._last)
            self._listing.restored(self._last)
            self._giant = min(self._giant, self._last)
            self._list(self._random.randint(1, taken - 1), holes=False)
            noticed()
            self.count["restores"] += 1

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
                self._list(int(due), size=self._random.choice((LEAST, 50, 300, 1000)))
                due -= int(due)
            if self._random.random() < 0.02:
                self._stray()
            if self._random.random() < 0.01:
                self._hard()
            self._pass(MEASURE)
            if self._stop_it.is_set():
                return

    def _pass(self, seconds: float) -> None:
        self._stop_it.wait(seconds)
        self._fill_holes(0, seconds)

    def _list(
        self, count: int, *, size: int = 50, error_types: list[str | None] | None = None, holes: bool = True
    ) -> None:
        """List `count` rows at one moment; now and then an id is left out, to come late."""
        with self._turn:
            self._fill_holes(count, 0.0)
            kinds = error_types or [self._random.choice(ERROR_TYPES) for _ in range(count)]
            if holes and count < LATE_ROWS // 2 and self._random.random() < 0.1:
                self._last += 1
                self._holes.append([self._last, 0.0, count])
            rows = [self._row(self._last + 1 + index, kind, size) for index, kind in enumerate(kinds)]
            self._last = self._platformos.add(*rows)[-1]
            self.recent.extend(_listed(row) for row in rows if len(row["message"] or "") < 10_000)
            self._note(rows)

    def _note(self, rows: list[dict[str, Any]], *, late: bool = False) -> None:
        told = [(row["data"]["serial"], int(row["id"]), row["error_type"]) for row in rows]
        self._listing.note(
            [(serial, number, None if kind is MISSING else kind) for serial, number, kind in told], late=late
        )

    def _row(self, number: int, error_type: str | None, size: int, *, giants: bool = True) -> dict[str, Any]:
        self._serial += 1
        odd = self._random.choice(ODD) if self._random.random() < 0.02 else ""
        text = f"{self._environment} row {self._serial}: {odd}{self._filler * size}"
        message: Any = text
        how = "text"
        chance = self._random.random()
        if chance < 0.01:
            how, message = "object", {"row": self._serial}
        elif chance < 0.02:
            how, message = "null", None
        elif giants and chance < 0.025 and number > self._giant + GIANT_EVERY:
            self._giant = number
            how, message = "giant", text.replace(SURROGATE, "") + self._filler * GIANT
        row = {
            "id": number if self._random.random() < 0.9 else str(number),
            "error_type": MISSING if error_type is None else error_type,
            "message": message,
            "data": {"env": self._environment, "serial": self._serial, "as": how, "length": len(text)},
        }
        if self._random.random() < 0.02:
            row["created_at"] = self._random.choice(TIMES)
            self.count["odd"] += 1
        if how != "text" or odd:
            self.count["giant" if how == "giant" else "odd"] += 1
        return row

    def _fill_holes(self, rows: int, seconds: float) -> None:
        """Make left out ids visible, at the latest before too much has come after them."""
        with self._turn:
            kept = []
            for number, age, above in self._holes:
                if above + rows > LATE_ROWS or age + seconds > LATE_SECONDS or self._random.random() < 0.01:
                    row = self._row(int(number), self._random.choice(ERROR_TYPES), 50)
                    self._platformos.reveal(row)
                    self._note([row], late=True)
                    self.count["late"] += 1
                else:
                    kept.append([number, age + seconds, above + rows])
            self._holes = kept

    def _hard(self) -> None:
        """A row that a strict parser of JSON refuses, and with it the whole answer."""
        with self._turn:
            self._fill_holes(1, 0.0)
            self._last += 1
            row = self._row(self._last, "info", 50, giants=False)  # refused and so large, it would not be an entry
            text = json.dumps(_listed(row)).encode()
            self._platformos.stray(RawJson(text[:-1] + b', "extra": ' + self._random.choice(HARD) + b"}"))
            self._note([row])
            self.count["hard JSON"] += 1

    def _stray(self) -> None:
        with self._turn:
            self._last += 1
            depth = self._random.choice(DEEP)
            deep = RawJson(b'{"id": %d, "message": %s}' % (self._last, b"[" * depth + b"]" * depth))
            self._platformos.stray(self._random.choice((*STRAYS, deep)))
            self.count["none at all"] += 1


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not MISSING}
