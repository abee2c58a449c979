"""Newcomers: readers and calls that begin while the first answers of a platformOS are odd, and another reader is there.

They begin when the soak does, after each end of the worker, and after each restore. What each got from where it began
is compared with all that was listed there by then; then they leave.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.soak.environment import Environment
from tests.soak.fetching import fetch
from tests.soak.host import HostFaults
from tests.soak.judge import Verdict, judge
from tests.soak.ledger import Row
from tests.soak.machine import wait
from tests.soak.manner import beginners
from tests.soak.newest import SLOW_SECONDS, newest
from tests.soak.readers import Subscriber

AT_ONCE = 5  # of one environment: four readers and a call
LOOK_SECONDS = 0.1
STANDS_SECONDS = 10.0  # for the other reader to be given a row again
ODD_SECONDS = 5.0  # for the odd answers to have been given, until the next are due
ROUND_SECONDS = 60.0  # until all have read what was listed when they began
TRIES = 5  # of a call that must try again later, or whose server goes away
AGAIN_SECONDS = 1.0
MOST = 4000  # rows that one reads; those of longer logs leave before the end
CATCH_UP_SECONDS = 90.0  # and once nothing goes wrong any more: between failed polls the server waits for up to 30 s
NOTED_SECONDS = 5.0  # until what was given is noted as listed
SHOWN = 20  # that went wrong, with all that they were given


class Newcomers(threading.Thread):
    """Has newcomers of one environment begin until it is stopped; `wrong` and `bad` hold what was not as it must be."""

    def __init__(
        self, urls: Sequence[str], environment: Environment, standing: Subscriber, host: HostFaults, seed: str
    ) -> None:
        """`standing` reads the end of the log all the time."""
        super().__init__(name=f"newcomers of {environment.name}", daemon=True)
        self.count: Counter[str] = (
            Counter()
        )  # rounds, readers and calls that were judged, and rows that those readers were given
        self.wrong: list[str] = []
        self.bad: list[tuple[Subscriber, Verdict]] = []
        self.failure: BaseException | None = None
        self._urls = list(urls)
        self._environment = environment
        self._standing = standing
        self._host = host
        self._seed = seed
        self._random = random.Random(seed)
        self._last_round = threading.Event()
        self._calm: float | None = None  # since when nothing goes wrong any more

    def run(self) -> None:
        had: tuple[int, int] | None = None
        try:
            while not self._last_round.wait(LOOK_SECONDS):
                now = self._host.ends_begun, len(self._environment.listing.restores)
                if now != had and not self._host.ending:
                    had = now
                    self._round()
        except BaseException as error:
            self.failure = error

    def calm(self) -> None:
        """Let nobody begin any more. Those who are there must get all there is: what they do not get is lost."""
        self._calm = time.monotonic()
        self._last_round.set()

    def _round(self) -> None:
        since = time.monotonic()
        wait(lambda: self._stands(since) or self._last_round.is_set(), STANDS_SECONDS)
        if self._last_round.is_set():
            return
        self.count["rounds"] += 1
        readers = [
            Subscriber(self._urls, manner, random.Random(f"{self._seed} {manner.name}"), self._environment)
            for manner in beginners(self._random, self._environment.name, self.count["rounds"])
        ]
        self._arm()
        began = time.monotonic()
        for reader in readers:
            reader.calm.set()
            reader.start()
        for asked_for in ({"lastId": "0"}, {"tail": self._random.randint(1, 500)}):
            wait(lambda: not self._environment.first.waiting or self._last_round.is_set(), ODD_SECONDS)
            self._call(asked_for)
        while not (self._is_late(began) or all(self._has_all(reader, began) for reader in readers)):
            time.sleep(LOOK_SECONDS)
        for reader in readers:
            reader.stop()
        for reader in readers:
            reader.join()
            self._judge(reader, began)

    def _stands(self, since: float) -> bool:
        given = self._standing.journal.ats
        return bool(given) and given[-1] > since

    def _arm(self) -> None:
        with self._environment.quiet:  # not while a restore is to be noticed
            if not self._last_round.is_set():
                self._environment.first.arm()

    def _is_late(self, began: float) -> bool:
        if self._calm is None:
            return time.monotonic() > began + ROUND_SECONDS
        return self._had_time()

    def _had_time(self) -> bool:
        """Whether it was calm long enough for every reader to get all there is."""
        return self._calm is not None and time.monotonic() > self._calm + CATCH_UP_SECONDS

    def _call(self, asked_for: dict[str, Any]) -> None:
        for _ in range(TRIES):
            self._arm()
            wrong = fetch(self._random.choice(self._urls), self._environment, asked_for)
            if wrong is not None or self._last_round.wait(AGAIN_SECONDS):
                break
        self.count["calls"] += wrong is not None
        if wrong:
            self.wrong.append(f"a fetch of {self._environment.name} with {asked_for}: {wrong}")

    def _has_all(self, reader: Subscriber, began: float) -> bool:
        """Whether the reader is past what was listed when it began, as its last rows show."""
        rows = map(self._environment.listing.row, reader.journal.serials[-3:])
        return len(reader.journal.serials) >= MOST or any(row and row.at > began and not row.late for row in rows)

    def _judge(self, reader: Subscriber, began: float) -> None:
        journal, listing, manner = reader.journal, self._environment.listing, reader.manner
        last = journal.serials[-3:]
        wait(lambda: all(map(listing.row, last)), NOTED_SECONDS)
        whole = len(journal.serials) < MOST and (self._has_all(reader, began) or self._had_time())
        up_to = max((row.id for row in map(listing.row, last) if row is not None), default=0)

        def due(row: Row) -> bool:
            return row.at < began and (whole or row.id <= up_to)

        verdict = judge(manner, reader.start_id, journal, listing, due)
        if not verdict.good or journal.foreign or journal.spoiled or reader.refused or reader.silent:
            self.bad = [*self.bad, (reader, verdict)][:SHOWN]
        if "tail" in manner.input and journal.ats:
            asked = max(one.opened for one in journal.connections if one.position is None)
            if journal.ats[0] < asked + SLOW_SECONDS:
                wrong = newest(journal.serials, manner.input["tail"], listing, asked, journal.ats[0])
                self.wrong += [f"{manner}: {wrong}"] if wrong else []
        self.count["readers"] += bool(journal.serials)
        self.count["readers with all there was"] += whole
        self.count["rows"] += len(journal.serials)
