"""Growth: rows that keep coming on all sides, from one thread, and a poll that fails now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Self

from tests.storm.side import Side

STEP_S = 0.02
KEPT_REQUESTS = 200
FAIL_EVERY_S = 2.5  # of ten polls one


class Growth:
    """Adds rows inside the `with`: `rows` a second on each side, for at most `seconds`."""

    def __init__(self, sides: Sequence[Side], rows: float, seconds: float, *, fails: bool) -> None:
        self._sides = sides
        self._rows = rows
        self._seconds = seconds
        self._fails = fails
        self._failed = 0  # how often each side has
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="growth", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop adding; all polls are answered from now on."""
        self._stop.set()
        self._thread.join()
        for side in self._sides:
            side.platformos.heal()

    def _run(self) -> None:
        began = time.monotonic()
        added = 0
        while not self._stop.wait(STEP_S) and (passed := time.monotonic() - began) < self._seconds:
            count = int(passed * self._rows) - added
            added += count
            fail = self._fails and passed > (self._failed + 1) * FAIL_EVERY_S
            self._failed += fail
            for side in self._sides:
                side.add(count)
                del side.platformos.requests[:-KEPT_REQUESTS]
                if fail:
                    side.platformos.fail("status", times=1, status=503)
