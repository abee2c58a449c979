"""What people and the system do to the server: it is stopped, killed and started; its files are written and spoiled."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any

from tests.soak.clients import clients
from tests.soak.environment import Environment
from tests.soak.faults import START_SECONDS
from tests.soak.machine import wait
from tests.support.server import Server

STOP_SECONDS = 15.0
FROZEN_SECONDS = (1.0, 8.0)


class HostFaults:
    """What people and the system do to the server, one thing at a time, and not while an environment wants quiet."""

    def __init__(self, servers: Sequence[Server], environments: Sequence[Environment], seed: str) -> None:
        self.slowest_stop = 0.0
        self.ends_begun = 0  # how often the worker was ended
        self.ending = False  # from before a worker is ended until the next answers
        self._servers = list(servers)
        self._server = self._servers[0]  # that a fault is for
        self._environments = environments
        self._random = random.Random(seed)

    def ends(self) -> dict[str, Callable[[], None]]:
        """Each fault that ends the worker, by its name."""
        kinds = {
            "SIGHUP": self._reload,
            "SIGTERM, restart": self._restart,
            "kill -9 worker": self._kill_worker,
            "kill -9 all, restart": self._kill_all,
        }
        kinds |= {"worker frozen": self._freeze_worker} if len(self._servers) > 1 else {}
        return {name: partial(self._end, fault) for name, fault in kinds.items()}

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
            with self._quiet():
                self._pick()
                fault()

        return {name: partial(one, fault) for name, fault in kinds.items()}

    def _end(self, fault: Callable[[], None]) -> None:
        with self._quiet():
            self.ending = True
            self.ends_begun += 1
            self._pick()
            for environment in self._environments:
                environment.first.arm()
            fault()
            self.ending = False

    def _pick(self) -> None:
        if len(self._servers) > 1:
            self._server = self._random.choice(self._servers)

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        with ExitStack() as stack:
            for environment in self._environments:
                stack.enter_context(environment.quiet)
            yield

    def wait_live(self) -> None:
        """Wait until the servers answer."""
        for server in self._servers:
            server.wait_live(START_SECONDS)

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

    def _freeze_worker(self) -> None:
        """For longer than a lease of the poll lasts: what it then wants to publish is of no use any more."""
        pids = self._server.worker_pids()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(self._random.uniform(*FROZEN_SECONDS))
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
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
        told = {environment.name: environment.platformos for environment in self._environments}
        for server in self._servers:
            server.write_pos(told)

    def _renew(self) -> None:
        environment = self._random.choice(self._environments)
        environment.platformos.token = f"pos-token-{self._random.getrandbits(32)}"
        self._write_pos()  # polls before it is read again are refused: streams end with done

    def _write_clients(self) -> None:
        told = clients(f"{self._random.randint(100_000, 200_000)} per minute")
        text = json.dumps({**told, "another": {"token": str(self._random.getrandbits(64))}})
        for server in self._servers:
            fresh = server.clients_file.with_name("clients.new")
            fresh.write_text(text)
            fresh.replace(server.clients_file)

    def _spoil(self, path: Any) -> None:
        right = path.read_bytes()
        path.write_bytes(right[: len(right) // 2])
        time.sleep(self._random.uniform(0.2, 2.0))
        path.write_bytes(right)
