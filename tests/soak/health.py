"""The server's health: what it says of itself while nobody ends it, and whether its worker is the same."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter

from tests.soak.clients import OPERATOR
from tests.soak.host import HostFaults
from tests.support.server import Server
from tests.wire.exchange import get

EVERY_SECONDS = 0.5
LOOP_FAULTS = re.compile(r"^poslogs_loop_faults_total(?:\{[^}]*\})? ([0-9.e+]+)$", re.MULTILINE)


class Health(threading.Thread):
    """Asks until it is stopped; `wrong` counts everything that a healthy server does not say.

    An answer does not count if somebody ends the worker, or has ended it, in the meantime.
    """

    def __init__(self, server: Server, host: HostFaults) -> None:
        super().__init__(name="health", daemon=True)
        self.asked = 0
        self.wrong: Counter[str] = Counter()
        self._server = server
        self._host = host
        self._workers: tuple[int, list[int]] | None = None
        self._stop_it = threading.Event()

    def run(self) -> None:
        while not self._stop_it.wait(EVERY_SECONDS):
            begun = self._host.ends_begun
            if self._host.ending:
                continue
            found = [*self._livez(), *self._health(), *self._metrics(), *self._replaced(begun)]
            if not self._host.ending and self._host.ends_begun == begun:
                self.asked += 1
                self.wrong.update(found)

    def stop(self) -> None:
        """Stop asking."""
        self._stop_it.set()
        self.join()

    def _livez(self) -> list[str]:
        status, body = self._get("/livez", None)
        return [] if status == 200 else [f"/livez: {status} {body[:200]}"]

    def _health(self) -> list[str]:
        status, body = self._get("/health", OPERATOR)
        if status != 200:
            return [f"/health: {status} {body[:200]}"]
        degraded = json.loads(body).get("degraded")
        return [f"degraded: {degraded}"] if degraded else []

    def _metrics(self) -> list[str]:
        status, body = self._get("/metrics", OPERATOR)
        if status != 200:
            return [f"/metrics: {status} {body[:200]}"]
        faults = [line[0] for line in LOOP_FAULTS.finditer(body) if float(line[1]) > 0]
        return faults

    def _replaced(self, begun: int) -> list[str]:
        before, self._workers = self._workers, (begun, self._server.worker_pids())
        if before is None or before[0] != begun or before[1] == self._workers[1]:
            return []
        return [f"another worker though nobody ended one: {before[1]}, then {self._workers[1]}"]

    def _get(self, path: str, token: str | None) -> tuple[object, str]:
        try:
            answered = get(self._server, path, token=token)
        except OSError as error:
            return repr(error), ""
        return answered.status, answered.body.decode()
