"""Servers that run on from test to test: each is lent to one test at a time, as one that was just started."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import requests

from tests.support.platformos import PlatformOS
from tests.support.server import CLIENTS, Server

FEW_WRONG = 4  # tokens that a server may have refused: twenty a minute are all that an address has
MOST = 4  # servers that are kept for later, in one process of the tests
PLENTY = "100000 per minute"  # what one test spends of it is nothing to the next
REST_TOKEN = "a-token-between-two-tests"
REST_CLIENTS = {"between-tests": {"token": REST_TOKEN, "limits": {"requests": PLENTY}}}
REST_ENVIRONMENTS = {"between-tests": {"url": "http://127.0.0.1:9", "email": "a@example.com", "token": "none"}}
REST_S = 5.0
WRONG_TOKENS = re.compile(r'^poslogs_refusals_total\{status="401"\} (\d+)', re.MULTILINE)


class Starts(Protocol):
    """Starts a server: `starts(kind, **kw)` with `kw` as for Server."""

    def __call__(self, kind: str, **kw: Any) -> Server: ...


class Lender:
    """Lends servers, and keeps those that come back as they were. A context manager, which ends them.

    poslogs reads `.pos` and clients.json again when they change, and its feeds, windows and slots go with what they
    were for: so two files make a server that has served one test a fresh one for the next.
    """

    def __init__(self, starts: Starts) -> None:
        self._starts = starts
        self._numbers = itertools.count(1)
        self._kept: list[tuple[object, Server]] = []  # by what they were started with, the last used last

    def __enter__(self) -> Lender:
        return self

    def __exit__(self, *exc: object) -> None:
        self.end_all()

    def end_all(self) -> None:
        """End what is kept; later tests get others."""
        while self._kept:
            self._kept.pop()[1].kill()

    @staticmethod
    def can_lend(kind: str, clients: object = None, env: object = None, **kw: Any) -> bool:
        """Whether a server as asked for differs from others by its variables and its two files alone.

        One of a demo, which has no `.pos`, is for tests that name no environments.
        """
        if clients is not None and not isinstance(clients, dict):
            return False
        return set(kw) <= {"environments"} and kw.get("environments", {}) is not None

    @contextmanager
    def lend(
        self,
        kind: str,
        *,
        environments: Mapping[str, PlatformOS | Mapping[str, str]] | None = None,
        clients: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Iterator[Server]:
        """A server with nothing of an earlier test, for the length of this block.

        Rates are counted by client for minutes, so a client with a rate that a test can spend has an id of its own.
        """
        started_with = kind, environments is None, tuple(sorted((env or {}).items()))
        server = self._take(started_with)
        if server is None:
            server = self._starts(kind, environments=environments, clients=clients, env=env)
        else:
            server.out.forget()
            if environments is not None:
                server.write_pos(environments)
            server.write_clients(_named_anew(CLIENTS if clients is None else clients, next(self._numbers)))
            server.wait_live()
        workers = server.worker_pids()
        try:
            yield server
            rested = server.is_running and server.worker_pids() == workers and _comes_to_rest(server)
        except BaseException:
            server.kill()
            raise
        if not rested:
            server.kill()
            return
        self._kept.append((started_with, server))
        if len(self._kept) > MOST:
            self._kept.pop(0)[1].kill()

    @contextmanager
    def starter(self) -> Iterator[Starts]:
        """What lends a server until the end of this block, whenever it is called: for a fixture of a whole file."""
        with ExitStack() as stack:
            yield lambda kind, **kw: stack.enter_context(self.lend(kind, **kw))

    def _take(self, started_with: object) -> Server | None:
        for number, (key, server) in enumerate(self._kept):
            if key == started_with:
                del self._kept[number]
                return server
        return None


def _named_anew(clients: Mapping[str, Any], number: int) -> dict[str, Any]:
    return {id if _has_plenty(client) else f"{id}-{number}": client for id, client in clients.items()}


def _has_plenty(client: object) -> bool:
    return isinstance(client, Mapping) and client.get("limits", {}).get("requests") == PLENTY


def _comes_to_rest(server: Server) -> bool:
    """Take a test's environments and clients from a server; whether it holds nothing more that matters to others."""
    try:
        if server.pos_file.exists():
            server.write_pos(REST_ENVIRONMENTS)
        server.write_clients(REST_CLIENTS)
        end = time.monotonic() + REST_S
        while server.streams_open(REST_TOKEN):
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        wrong = WRONG_TOKENS.search(server.get("/metrics", REST_TOKEN).text)
        server.forget_connections()
    except (OSError, requests.RequestException, AssertionError, KeyError, ValueError):
        return False  # the test has broken what is needed for that, as it may
    return wrong is not None and int(wrong[1]) <= FEW_WRONG
