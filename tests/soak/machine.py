"""What the worker takes of the machine: memory, descriptors, threads, as the kernel reports them."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.soak.clients import OPERATOR
from tests.support.server import Server

EVERY_SECONDS = 0.25
WARM_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Load:
    """What a process has at one moment."""

    memory: int  # bytes that are resident
    descriptors: int
    threads: int

    def __str__(self) -> str:
        return f"{self.memory / 2**20:.0f} MiB, {self.descriptors} descriptors, {self.threads} threads"


def load(pid: int) -> Load | None:
    """The load of a process; None when it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return Load(
            pages * os.sysconf("SC_PAGESIZE"), len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))
        )
    except (OSError, IndexError):
        return None


def worker_load(server: Server) -> Load | None:
    """The load of the worker that is there now."""
    pids = server.worker_pids()
    return load(pids[-1]) if pids else None


def held(server: Server) -> str:
    """The descriptors of the worker, with the peers of its connections, for people to read when there are too many.

    A peer is `port` for 127.0.0.1 and the state as in /proc/net/tcp (01 is established, 08 closed by the peer).
    """
    try:
        pid = server.worker_pids()[-1]
        lines = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
        peers = {f"socket:[{line[9]}]": f"peer {int(line[2][9:], 16)} state {line[3]}" for line in lines}
        links = [os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")]
    except (OSError, IndexError):
        return "gone"
    return ", ".join(sorted(peers.get(link, link) for link in links))


def warm(server: Server, requests: int) -> Load:
    """The load of a worker that has had `requests` at once: a pool of threads never gives one back."""
    body = b'{"tool": "platformos.env.list"}'
    head = f"POST /call HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {OPERATOR}\r\nConnection: close\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    before = worker_load(server)
    with ExitStack() as stack:
        socks = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), WARM_SECONDS))
            for _ in range(requests)
        ]
        for sock in socks:
            sock.sendall(head.encode() + body[:-1])
        if server.kind == "gthread":  # its bodies are waited for in a thread each
            wait(lambda: threads_of(server) >= (before.threads if before else 0) + requests, WARM_SECONDS)
        for sock in socks:
            sock.sendall(body[-1:])
            while sock.recv(65536):
                pass
    found = worker_load(server)
    assert found is not None, server.output
    return found


def threads_of(server: Server) -> int:
    """The threads of the worker."""
    found = worker_load(server)
    return found.threads if found else 0


def wait(holds: object, seconds: float) -> bool:
    """Wait until something holds; returns whether it did in time."""
    assert callable(holds)
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


class Watch(threading.Thread):
    """Looks at the worker: the most memory that any had, and how long the last has lived."""

    def __init__(self, server: Server) -> None:
        super().__init__(name="watch", daemon=True)
        self.peak = 0  # bytes
        self.last: Load | None = None
        self._worker = 0
        self._since = time.monotonic()
        self._server = server
        self._stop_it = threading.Event()

    @property
    def lived(self) -> float:
        """Seconds since the worker that is there now was first seen."""
        return time.monotonic() - self._since

    def run(self) -> None:
        while not self._stop_it.wait(EVERY_SECONDS):
            pids = self._server.worker_pids() if self._server.process is not None else []
            self.last = load(pids[-1]) if pids else None
            if self.last is not None:
                self.peak = max(self.peak, self.last.memory)
                if pids[-1] != self._worker:
                    self._worker, self._since = pids[-1], time.monotonic()

    def stop(self) -> None:
        """Stop looking."""
        self._stop_it.set()
        self.join()
