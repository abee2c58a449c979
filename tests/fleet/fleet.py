"""A fleet: servers over one Redis and one platformOS, and ways to find the process that polls."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests

from tests.faults.following import bound
from tests.support.platformos import PlatformOS
from tests.support.server import TOKEN, Server
from tests.wire.exchange import wait_for

LOST_POLL_S = 6.0  # the longest pause by a lost poller, interval included
NOTICE_S = 5.0  # until a Redis that is away is known to be
REJOIN_S = 10.0  # until all have rejoined, after Redis is well
COUNTED_S = 12.0  # until open streams are counted again


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
