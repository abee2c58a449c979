"""Faults: what platformOS does to the server at random moments, and undoes again; host.py has what the host does.

Not here, since they cannot begin while a server runs: bad certificates, names that no server knows, a second worker,
a clock that jumps, a disk that is full; tests/faults has each by itself.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from tests.soak.clients import OPERATOR
from tests.soak.first import FirstAnswers
from tests.soak.machine import wait
from tests.soak.source import NOTICE_SECONDS, Source
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire.exchange import get

HTML = "<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"
CUT = '{"logs": [{"id": 1, "created_at": "2024-01-15T10:00:00Z", "mess'
LARGE = 40 << 20  # bytes; more than the server takes
PAGES = (250, 400, 1000, 1000, 10_000)  # rows that an answer holds at most
POLLS = 3  # the first may have been asked before
SETTLE_SECONDS = 40.0  # for the server to have asked a few times; between failed polls it waits for up to 30 s
START_SECONDS = 30.0


class Faults(threading.Thread):
    """Injects faults of one side until it is stopped, one at a time, and heals the last.

    They are dealt like cards: each kind has been had before one comes again.
    """

    def __init__(
        self, kinds: dict[str, Callable[[], None]], gap: tuple[float, float], seed: str, until: float = float("inf")
    ) -> None:
        """`gap`: seconds between two, from and to; `until`: on the monotonic clock, no further fault from then on."""
        super().__init__(name=f"faults {seed}", daemon=True)
        self.count: Counter[str] = Counter()
        self.failure: BaseException | None = None
        self._kinds = kinds
        self._gap = gap
        self._until = until
        self._random = random.Random(seed)
        self._stop_it = threading.Event()

    def run(self) -> None:
        deck: list[str] = []
        try:
            while not self._stop_it.wait(self._random.uniform(*self._gap)) and time.monotonic() < self._until:
                deck = deck or self._random.sample(list(self._kinds), len(self._kinds))
                kind = deck.pop()
                self._kinds[kind]()
                self.count[kind] += 1
        except BaseException as error:
            self.failure = error

    def stop(self) -> None:
        """Let no further fault begin; returns when the last is healed."""
        self._stop_it.set()
        self.join()


class PlatformFaults:
    """What the platformOS of one environment does wrong."""

    def __init__(
        self,
        name: str,
        platformos: PlatformOS,
        source: Source,
        first: FirstAnswers,
        servers: Sequence[Server],
        quiet: Sequence[threading.Lock],
        seed: str,
    ) -> None:
        """`quiet` are held while nothing must be done to the server, in their order."""
        self.name = name
        self._platformos = platformos
        self._source = source
        self._first = first
        self._servers = servers
        self._quiet = quiet
        self._random = random.Random(seed)

    def kinds(self) -> dict[str, Callable[[], None]]:
        """Each fault by its name."""
        status = {str(code): lambda code=code: self._some("status", status=code) for code in (500, 502)}
        again = {"Retry-After": "1"}
        return {
            "slow": lambda: self._some("slow", seconds=self._random.uniform(0.2, 2.0)),
            "hang": lambda: self._for_a_while("hang", 4.0),
            "reset": lambda: self._some("reset"),
            "refuse": lambda: self._for_a_while("refuse", 2.0),
            **status,
            "503": lambda: self._some("status", status=503, headers=again),
            "503 until a date": lambda: self._some("status", status=503, headers=_retry_at(1.5)),
            "429": lambda: self._some("status", status=429, headers=again),
            "403": lambda: self._some("status", status=403),
            "html": lambda: self._some("status", status=200, body=HTML, headers={"Content-Type": "text/html"}),
            "cut json": lambda: self._some("status", status=200, body=CUT),
            "cut body": lambda: self._some(
                "raw", raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + CUT.encode()
            ),
            "empty body": lambda: self._for_a_while("raw", 1.0, body=b""),
            "no logs": lambda: self._for_a_while("raw", 1.0, body=b"{}"),
            "drip": lambda: self._some("drip"),
            "drip, packed": lambda: self._some("drip", packed=True, seconds=0.02),
            "drip headers": lambda: self._some("drip_headers"),
            "huge": lambda: self._some("huge", size=LARGE),
            "endless": lambda: self._some("huge"),
            "redirect": lambda: self._some("redirect", location="http://127.0.0.1:9/elsewhere"),
            "doubled rows": lambda: self._arranged(lambda rows: [row for row in rows for _ in range(2)]),
            "shuffled rows": lambda: self._arranged(lambda rows: self._random.sample(rows, len(rows))),
            "repeated rows": lambda: self._arranged(self._with_old_rows),
            "other pages": lambda: setattr(self._platformos, "page", self._random.choice(PAGES)),
            "restore": self._restore,
        }

    def _some(self, kind: str, **options: Any) -> None:
        times = self._random.randint(1, 3)
        asked = len(self._platformos.requests)
        self._platformos.fail(kind, times=times, **options)
        wait(lambda: len(self._platformos.requests) >= asked + times, self._random.uniform(0.2, 2.0))
        if kind not in ("slow", "drip", "drip_headers", "huge"):  # these end by themselves, or the server ends them
            self._platformos.heal()

    def _for_a_while(self, kind: str, longest: float, **options: Any) -> None:
        self._platformos.fail(kind, **options)
        time.sleep(self._random.uniform(0.2, longest))
        self._platformos.heal()

    def _restore(self) -> None:
        """Ids fall back while the server runs: one that is restarted just then knows of no earlier ids.

        A site that was restored has just come up: then its first answers are odd ones.
        """
        self._platformos.heal()  # of what an earlier fault left for polls that had not come by then
        fell = self._noticed()
        with ExitStack() as stack:
            for lock in self._quiet:
                stack.enter_context(lock)
            self._first.disarm()  # a poll in vain does not show what the server has read
            for server in self._servers:
                server.wait_live(START_SECONDS)
            self._source.restore(
                lambda last: wait(self._polled(last), SETTLE_SECONDS),
                lambda: wait(lambda: self._have_noticed(fell), NOTICE_SECONDS),
            )
            self._first.arm()

    def _noticed(self) -> list[int]:
        return [id_resets(server.output, self.name) for server in self._servers]

    def _have_noticed(self, fell: list[int]) -> bool:
        """Whether each server that reads this environment knows: rows to come may hide the reset from others."""
        now = list(zip(self._servers, fell, self._noticed(), strict=True))
        late = [server for server, before, by_now in now if by_now == before]
        return len(late) < len(now) and not any(self._reads(server) for server in late)

    def _reads(self, server: Server) -> bool:
        told = json.loads(get(server, "/health", token=OPERATOR).body)
        return any(one["name"] == self.name and one["streams"] for one in told["environments"])

    def _polled(self, last: int) -> Callable[[], bool]:
        """Whether the feed has most likely read up to `last`.

        Readers that catch up ask too, and the server counts their questions with its polls: several of both must come.
        """
        before = self._polls()
        listed = time.monotonic()

        def has() -> bool:
            asked = [one for one in self._platformos.requests[-50:] if one.at > listed]
            at_the_end = sum(int(one.last_id or 0) >= last - 1 for one in asked)
            return at_the_end >= POLLS and self._polls() >= before + POLLS

        return has

    def _polls(self) -> float:
        """How many polls of this environment the workers have had answered; 0 while none has a feed."""
        told = [get(server, "/metrics", token=OPERATOR).body.decode() for server in self._servers]
        pattern = rf'^poslogs_polls_total{{env="{self.name}"}} ([0-9.e+]+)$'
        return sum(float(found[1]) for text in told if (found := re.search(pattern, text, re.MULTILINE)))

    def _arranged(self, arrange: Callable[[list[Any]], list[Any]]) -> None:
        self._platformos.arrange = arrange
        time.sleep(self._random.uniform(0.5, 3.0))
        self._platformos.arrange = list

    def _with_old_rows(self, rows: list[Any]) -> list[Any]:
        first = next((int(row["id"]) for row in rows if isinstance(row, dict) and "message" in row), 0)
        return [row for row in list(self._source.recent) if int(row["id"]) < first] + rows


def id_resets(output: str, environment: str) -> int:
    """How often the server has said that the ids of an environment were reset."""
    return output.count(f" environment {environment} were reset ")


def _retry_at(seconds: float) -> dict[str, str]:
    return {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)}
