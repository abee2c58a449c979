"""Servers that run on from test to test: each is lent to one test at a time, as one that was just started."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple, Protocol

import requests

from tests.support.platformos import PlatformOS
from tests.support.server import APP, CLIENTS, Server

FEW_WRONG = 4  # tokens that a server may have refused lately: twenty a minute are all that an address has
LATELY_S = 61.0
MOST = 2  # servers that are kept for later, in one process of the tests: each more costs more, idle, than a start saves
PLENTY = "100000 per minute"  # what one test spends of it is nothing to the next
REST_TOKEN = "a-token-between-two-tests"
REST_CLIENTS = {"between-tests": {"token": REST_TOKEN, "limits": {"requests": PLENTY}}}
REST_ENVIRONMENTS = {"between-tests": {"url": "http://127.0.0.1:9", "email": "a@example.com", "token": "none"}}
REST_S = 5.0
WRONG_TOKENS = re.compile(r'^poslogs_refusals_total\{status="401"\} (\d+)', re.MULTILINE)


class Starts(Protocol):
    """Starts a server: `starts(kind, **kw)` with `kw` as for Server."""

    def __call__(self, kind: str, **kw: Any) -> Server: ...


class Kept(NamedTuple):
    """A server between two tests."""

    started_with: object
    server: Server
    ready: float  # on the lender's clock: from when it may be lent again


class Lender:
    """Lends servers, and keeps those that come back as they were. A context manager, which ends them.

    poslogs reads `.pos` and clients.json again when they change, and its feeds, windows and slots go with what they
    were for: so two files make a server that has served one test a fresh one for the next.
    """

    def __init__(self, starts: Starts, clock: Callable[[], float] = time.monotonic) -> None:
        self._starts = starts
        self._clock = clock
        self._numbers = itertools.count(1)
        self._kept: list[Kept] = []  # the last used last
        self._refused: dict[Server, list[tuple[float, int]]] = {}  # when, and how many wrong tokens since the start

    def __enter__(self) -> Lender:
        return self

    def __exit__(self, *exc: object) -> None:
        self.end_all()

    def end_all(self) -> None:
        """End what is kept; later tests get others."""
        while self._kept:
            self._kept.pop().server.kill()

    @staticmethod
    def can_lend(kind: str, clients: object = None, env: object = None, **kw: Any) -> bool:
        """Whether a server as asked for differs from others by its app, its variables and its two files alone.

        One of a demo, which has no `.pos`, is for tests that name no environments.
        """
        if clients is not None and not isinstance(clients, dict):
            return False
        return set(kw) <= {"environments", "app"} and kw.get("environments", {}) is not None

    @contextmanager
    def lend(
        self,
        kind: str,
        *,
        environments: Mapping[str, PlatformOS | Mapping[str, str]] | None = None,
        clients: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        app: str = APP,
    ) -> Iterator[Server]:
        """A server with nothing of an earlier test, for the length of this block.

        Rates are counted by client for minutes, so a client with a rate that a test can spend has an id of its own.
        """
        started_with = kind, environments is None, tuple(sorted((env or {}).items())), app
        server = self._take(started_with)
        if server is None:
            server = self._starts(kind, environments=environments, clients=clients, env=env, app=app)
        else:
            server.out.forget()
            if environments is not None:
                server.write_pos(environments)
            server.write_clients(_named_anew(CLIENTS if clients is None else clients, next(self._numbers)))
            server.wait_live()
        workers = server.worker_pids()
        try:
            yield server
            same = server.is_running and server.worker_pids() == workers
            wrong = _wrong_tokens_at_rest(server) if same else None
        except BaseException:
            server.kill()
            raise
        if wrong is None:
            server.kill()
            return
        self._kept.append(Kept(started_with, server, self._ready(server, wrong)))
        if len(self._kept) > MOST:
            self._kept.pop(0).server.kill()

    @contextmanager
    def starter(self) -> Iterator[Starts]:
        """What lends a server until the end of this block, whenever it is called: for a fixture of a whole file."""
        with ExitStack() as stack:
            yield lambda kind, **kw: stack.enter_context(self.lend(kind, **kw))

    def _take(self, started_with: object) -> Server | None:
        for number, kept in enumerate(self._kept):
            if kept.started_with == started_with and kept.ready <= self._clock():
                del self._kept[number]
                return kept.server
        return None

    def _ready(self, server: Server, wrong: int) -> float:
        """When the next test may have a server that has refused so many wrong tokens since its start."""
        now = self._clock()
        refused = self._refused.setdefault(server, [])
        before = max((count for moment, count in refused if moment <= now - LATELY_S), default=0)
        refused.append((now, wrong))
        return now if wrong - before <= FEW_WRONG else now + LATELY_S


def _named_anew(clients: Mapping[str, Any], number: int) -> dict[str, Any]:
    return {id if _has_plenty(client) else f"{id}-{number}": client for id, client in clients.items()}


def _has_plenty(client: object) -> bool:
    return isinstance(client, Mapping) and client.get("limits", {}).get("requests") == PLENTY


def _wrong_tokens_at_rest(server: Server) -> int | None:
    """Take a test's environments and clients from a server; how many wrong tokens it has refused since its start.

    None when it holds something more that matters to others.
    """
    try:
        if server.pos_file.exists():
            server.write_pos(REST_ENVIRONMENTS)
        server.write_clients(REST_CLIENTS)
        end = time.monotonic() + REST_S
        while server.streams_open(REST_TOKEN):
            if time.monotonic() > end:
                return None
            time.sleep(0.01)
        wrong = WRONG_TOKENS.search(server.get("/metrics", REST_TOKEN).text)
        server.forget_connections()
    except (OSError, requests.RequestException, AssertionError, KeyError, ValueError):
        return None  # the test has broken what is needed for that, as it may
    return None if wrong is None else int(wrong[1])
