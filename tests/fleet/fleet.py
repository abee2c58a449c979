"""A fleet: servers over one Redis and one platformOS, and ways to find the process that polls."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, TypeVar

import requests

from tests.faults.following import bound
from tests.fleet.storm import at_once
from tests.support.platformos import PlatformOS
from tests.support.server import TOKEN, Server
from tests.wire.exchange import request, wait_for

T = TypeVar("T")
LOST_POLL_S = 6.0  # the longest pause by a lost poller, interval included
NOTICE_S = 5.0  # until a Redis that is away is known to be
REJOIN_S = 10.0  # until all have rejoined, after Redis is well
COUNTED_S = 12.0  # until open streams are counted again
TURNS = 3  # at most, to see something without a loss of Redis meanwhile
SETTLED_S = 2.0  # after Redis was back until all do as if it had never been away


class Fleet:
    """Servers that share a Redis; each has a folder, and so files, of its own."""

    def __init__(self, servers: Sequence[Server], platformos: PlatformOS) -> None:
        self.servers = list(servers)
        self.platformos = platformos

    @property
    def urls(self) -> list[str]:
        """Where they listen."""
        return [server.url for server in self.servers]

    def workers(self) -> dict[int, Server]:
        """The server of each worker that is there now, by its pid."""
        return {pid: one for one in self.servers if one.is_running for pid in one.worker_pids()}

    def engines(self, token: str = TOKEN) -> list[dict[str, Any]]:
        """What each server says of the engine."""
        return [engine(server, token) for server in self.servers]

    def wait_state(self, state: str, timeout: float, servers: Sequence[Server] | None = None) -> None:
        """Wait until each server says that the engine is so; on a busy machine longer, as `bound` has it."""
        timeout = bound(timeout)

        def are() -> bool:
            return all(engine(one)["state"] == state for one in servers or self.servers)

        try:
            wait_for(are, timeout)
        except AssertionError as late:
            raise AssertionError(f"not all {state} within {timeout} s: {self.engines()}") from late

    def joined(self, token: str = TOKEN) -> dict[str, str]:
        """Since when each process uses Redis, by the process's name; waits until all do."""
        data = request("/health", method="GET", token=token, length=False)
        found = dict[str, dict[str, Any]]()

        def all_are() -> bool:
            found.clear()
            count = len(self.workers())
            with ExitStack() as stack:  # a server's workers answer as they like
                told = [json.loads(one.body) for one in at_once(stack, self.servers, 4 * count, data)]
            found.update({one["process"]: one["engine"] for one in told})
            return len(found) == count and all(one["state"] == "ok" for one in found.values())

        wait_for(all_are, 3 * REJOIN_S)
        return {name: one["since"] for name, one in found.items()}

    def undisturbed(self, attempt: Callable[[], T], token: str = TOKEN, tries: int = TURNS) -> T:
        """What `attempt` gives when no process lost Redis meanwhile; where one did, it is done once more.

        A Redis that stands still for a quarter of a second is away for a process, which polls and counts for itself.
        """
        for _ in range(tries):
            before, losses = self.joined(token), self.losses()
            found = attempt()
            whys = [one.get("why") for one in self.engines(token)]
            if self.joined(token) == before:
                return found
            print("Redis was lost:", whys, *(self.losses() - losses).elements(), sep="\n")
            time.sleep(SETTLED_S)
        raise AssertionError(f"Redis was lost {tries} times: this machine is too slow for what this test tells")

    def losses(self) -> Counter[str]:
        """The lines in which a process said so far that it lost Redis; it then polls for itself for a while."""
        return Counter(line for server in self.servers for line in server.output.splitlines() if " is away: " in line)

    def poller(self, platformos: PlatformOS | None = None, *, besides: Sequence[int] = (), timeout: float = 15) -> int:
        """The pid of the worker that has asked the newest question from now on.

        `besides`: workers that are not meant, though they may ask.
        """
        asked = platformos or self.platformos
        found: list[int | None] = []
        since = len(asked.requests)

        def is_known() -> bool:
            newer = asked.requests[since:]
            found[:] = [owner(newer[-1].port, asked.port, self.workers())] if newer else []
            return bool(found) and found[0] is not None and found[0] not in besides

        asked.wait_until(is_known, timeout)
        assert found[0] is not None
        return found[0]

    def server_of(self, pid: int) -> Server:
        """The server whose worker this is."""
        return self.workers()[pid]

    def others(self, pid: int) -> list[Server]:
        """The servers but the one whose worker this is."""
        mine = self.server_of(pid)
        return [server for server in self.servers if server is not mine]


def engine(server: Server, token: str = TOKEN) -> dict[str, Any]:
    """What a server says of the engine."""
    with suppress(requests.RequestException):
        told = server.get("/health", token).json()
        assert "engine" in told, told
        found: dict[str, Any] = told["engine"]
        return found
    return {"state": "no answer"}


def owner(port: int, remote: int, pids: Iterator[int] | Sequence[int] | dict[int, Any]) -> int | None:
    """Which of these processes has the connection from a port of this machine to another; None: it is over."""
    inode = _inode(port, remote)
    if inode is None:
        return None
    for pid in pids:
        with suppress(OSError):
            if any(_link(path) == f"socket:[{inode}]" for path in Path(f"/proc/{pid}/fd").iterdir()):
                return pid
    return None


def _inode(port: int, remote: int) -> str | None:
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[1].endswith(f":{port:04X}") and words[2].endswith(f":{remote:04X}") and words[9] != "0":
            return words[9]
    return None


def _link(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def freeze(pid: int) -> None:
    """Stop a process where it is."""
    os.kill(pid, signal.SIGSTOP)


def thaw(pid: int) -> None:
    """Let it go on as if nothing had been."""
    os.kill(pid, signal.SIGCONT)


def kill(pid: int) -> None:
    """End it without a word."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
