"""Faults: what platformOS and the host do to the server, at random moments, and undo again.

Not here, since they cannot begin while a server runs: bad certificates, names that no server knows, a second worker,
a clock that jumps, a disk that is full; tests/faults has each by itself.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

from tests.soak.machine import CLIENTS, wait
from tests.soak.source import NOTICE_SECONDS, Source
from tests.support.platformos import PlatformOS
from tests.support.server import Server

HTML = "<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"
CUT = '{"logs": [{"id": 1, "created_at": "2024-01-15T10:00:00Z", "mess'
LARGE = 40 << 20  # bytes; more than the server takes
PAGES = (250, 400, 1000, 1000, 10_000)  # rows that an answer holds at most
SETTLE_SECONDS = 40.0  # for the server to have asked a few times; between failed polls it waits for up to 30 s
STOP_SECONDS = 15.0
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
        """No further fault; returns when the last is healed."""
        self._stop_it.set()
        self.join()


class PlatformFaults:
    """What platformOS does wrong."""

    def __init__(
        self, platformos: PlatformOS, source: Source, server: Server, quiet: threading.Lock, seed: str
    ) -> None:
        """`quiet` is held while the host must do nothing to the server."""
        self.blanks: list[tuple[float, float]] = []  # when answers held no rows though there were some
        self._platformos = platformos
        self._source = source
        self._server = server
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
            "empty body": lambda: self._blank(b""),
            "no logs": lambda: self._blank(b"{}"),
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

    def _for_a_while(self, kind: str, longest: float) -> None:
        self._platformos.fail(kind)
        time.sleep(self._random.uniform(0.2, longest))
        self._platformos.heal()

    def _blank(self, body: bytes) -> None:
        began = time.monotonic()
        self._platformos.fail("raw", body=body)
        time.sleep(self._random.uniform(0.1, 1.0))
        self._platformos.heal()
        self.blanks.append((began, time.monotonic()))

    def _restore(self) -> None:
        """Ids fall back while the server runs: one that is restarted just then knows of no earlier ids."""
        self._platformos.heal()  # of what an earlier fault left for polls that had not come by then
        fell = self._server.output.count(" fell back ")
        with self._quiet:
            self._server.wait_live(START_SECONDS)
            self._source.restore(
                lambda: wait(self._asked_again(3), SETTLE_SECONDS),
                lambda: wait(lambda: self._server.output.count(" fell back ") > fell, NOTICE_SECONDS),
            )

    def _asked_again(self, times: int) -> Callable[[], bool]:
        asked = len(self._platformos.requests)
        return lambda: len(self._platformos.requests) >= asked + times

    def _arranged(self, arrange: Callable[[list[Any]], list[Any]]) -> None:
        self._platformos.arrange = arrange
        time.sleep(self._random.uniform(0.5, 3.0))
        self._platformos.arrange = list

    def _with_old_rows(self, rows: list[Any]) -> list[Any]:
        first = next((int(row["id"]) for row in rows if isinstance(row, dict) and "message" in row), 0)
        return [row for row in list(self._source.recent) if int(row["id"]) < first] + rows


class HostFaults:
    """What people and the system do to the server."""

    def __init__(self, server: Server, platformos: PlatformOS, quiet: threading.Lock, seed: str) -> None:
        """`quiet` is held while something is done to the server."""
        self.slowest_stop = 0.0
        self._quiet = quiet
        self._server = server
        self._platformos = platformos
        self._random = random.Random(seed)

    def ends(self) -> dict[str, Callable[[], None]]:
        """Each fault that ends the worker, by its name."""
        return self._quietly(
            {
                "SIGHUP": self._reload,
                "SIGTERM, restart": self._restart,
                "kill -9 worker": self._kill_worker,
                "kill -9 all, restart": self._kill_all,
            }
        )

    def edits(self) -> dict[str, Callable[[], None]]:
        """Each fault that the worker survives, by its name."""
        return self._quietly(
            {
                ".pos rewritten": self._write_pos,
                "token renewed": self._renew,
                ".pos cut": lambda: self._spoil(self._server.pos_file),
                "clients.json rewritten": self._write_clients,
                "clients.json cut": lambda: self._spoil(self._server.clients_file),
            }
        )

    def _quietly(self, kinds: dict[str, Callable[[], None]]) -> dict[str, Callable[[], None]]:
        def one(fault: Callable[[], None]) -> None:
            with self._quiet:
                fault()

        return {name: partial(one, fault) for name, fault in kinds.items()}

    def wait_live(self) -> None:
        """Wait until the server answers."""
        self._server.wait_live(START_SECONDS)

    def _reload(self) -> None:
        before = self._server.worker_pids()
        began = time.monotonic()
        self._server.signal(signal.SIGHUP)
        assert wait(lambda: not set(before) & set(self._server.worker_pids()), STOP_SECONDS), "SIGHUP: old worker stays"
        self.slowest_stop = max(self.slowest_stop, time.monotonic() - began)
        self.wait_live()

    def _restart(self) -> None:
        began = time.monotonic()
        self._server.signal(signal.SIGTERM)
        self._server.wait_exit(STOP_SECONDS)
        self.slowest_stop = max(self.slowest_stop, time.monotonic() - began)
        self._server.start()

    def _kill_worker(self) -> None:
        for pid in self._server.worker_pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.wait_live()

    def _kill_all(self) -> None:
        workers = self._server.worker_pids()
        self._server.signal(signal.SIGKILL)
        for pid in workers:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._server.wait_exit(STOP_SECONDS)
        self._server.start()

    def _write_pos(self) -> None:
        self._server.write_pos({"staging": self._platformos})

    def _renew(self) -> None:
        self._platformos.token = f"pos-token-{self._random.getrandbits(32)}"
        self._write_pos()  # polls before it is read again are refused: streams end with done

    def _write_clients(self) -> None:
        rate = f"{self._random.randint(100_000, 200_000)} per minute"
        default = {**CLIENTS["default"], "limits": {"requests": rate, "streams": 1000}}
        fresh = self._server.clients_file.with_name("clients.new")
        fresh.write_text(json.dumps({"default": default, "other": {"token": str(self._random.getrandbits(64))}}))
        fresh.replace(self._server.clients_file)

    def _spoil(self, path: Any) -> None:
        right = path.read_bytes()
        path.write_bytes(right[: len(right) // 2])
        time.sleep(self._random.uniform(0.2, 2.0))
        path.write_bytes(right)


def _retry_at(seconds: float) -> dict[str, str]:
    return {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)}
