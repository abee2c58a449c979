"""Readers for faults that cut streams: one that always comes back, one that holds little; and rows that keep coming."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import selectors
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from tests.support.platformos import PlatformOS
from tests.support.reader import Reader
from tests.support.server import TOKEN, Server
from tests.wire.exchange import STREAM, request, wait_for

INPUT = {"env": "staging", "interval": 250}
LONGEST_WAIT_S = 0.5  # a server may ask its readers to stay away for longer; tests have less time
FRAME_ID = re.compile(rb"^id: (\d+)$", re.MULTILINE)
TROUBLE = re.compile(r"Traceback|\bERROR\b|\bCRITICAL\b|\bException\b")


class Steady:
    """A client that comes back with Last-Event-ID as soon as its stream is over, for as long as it is not closed."""

    def __init__(self, url: str, *, gzip: bool = False, token: str = TOKEN, tool: str = STREAM, **more: Any) -> None:
        self.answers: list[Reader] = []
        self._url = url
        self._more: dict[str, Any] = {"gzip": gzip, "token": token}
        self._body = {"tool": tool, "input": {**INPUT, **more}}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="steady", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave for good."""
        with self._lock:
            self._closed.set()
            answers = list(self.answers)
        for answer in answers[-1:]:
            answer.close()
        self._thread.join(15)

    @property
    def ids(self) -> list[str]:
        """The ids of all entries, as they came over all connections. AssertionError when anything came broken."""
        answers = list(self.answers)
        for answer in answers:
            assert answer.failure is None, (answer.failure, answer.dump())
        return [entry for answer in answers for entry in answer.entry_ids]

    @property
    def count(self) -> int:
        """How many entries came."""
        return sum(len(answer.entries) for answer in list(self.answers))

    @property
    def streams(self) -> list[Reader]:
        """The connections on which a stream was opened."""
        return [answer for answer in list(self.answers) if answer.frames]

    def wait(self, count: int, timeout: float = 20) -> None:
        """Wait until `count` entries have come in all."""
        wait_for(lambda: self.count >= count, timeout)

    def _run(self) -> None:
        position: str | None = None
        while not self._closed.is_set():
            with contextlib.suppress(OSError):
                answer = self._open(position)
                while not answer.ended:
                    with contextlib.suppress(AssertionError):
                        answer.wait_end(1)
                answer.close()
                position = answer.last_id or position
                retry = next((int(frame.retry) for frame in answer.frames[-1:] if frame.retry), 0)
                self._closed.wait(min(retry / 1000, LONGEST_WAIT_S))
            self._closed.wait(0.1)

    def _open(self, position: str | None) -> Reader:
        headers = {} if position is None else {"Last-Event-ID": position}
        answer = Reader(self._url, self._body, headers=headers, **self._more)
        with self._lock:
            self.answers.append(answer)
        if self._closed.is_set():
            answer.close()
        return answer


class Lean:
    """A reader that takes bytes only inside `read`, keeps nothing but positions, and comes back when it is cut."""

    def __init__(self, server: Server, *, receive_buffer: int | None = None, **more: Any) -> None:
        self.ids: list[int] = []
        self.connections = 0
        self._port = server.port
        self._buffer = receive_buffer
        self._input = {**INPUT, **more}
        self._rest = b""
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave."""
        self._http.close()
        self._answer.close()

    def read(self, count: int, timeout: float = 60) -> None:
        """Read until `count` entries have come."""
        end = time.monotonic() + timeout
        while len(self.ids) < count:
            assert time.monotonic() < end, f"{len(self.ids)} entries of {count} within {timeout} s"
            try:
                data = self._answer.read1(1 << 18)
            except (OSError, http.client.IncompleteRead):
                data = b""
            if not data:
                self.close()
                self._open()
                continue
            whole, _, self._rest = (self._rest + data).rpartition(b"\n\n")
            self.ids += [int(number) for number in FRAME_ID.findall(whole)]

    def _open(self) -> None:
        self.connections += 1
        self._rest = b""
        self._http = http.client.HTTPConnection("127.0.0.1", self._port)
        self._http.sock = sock = socket.socket()
        if self._buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._buffer)
        sock.settimeout(30)
        sock.connect(("127.0.0.1", self._port))
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        headers |= {"Last-Event-ID": str(self.ids[-1])} if self.ids else {}
        self._http.request("POST", "/call-stream", json.dumps({"tool": STREAM, "input": self._input}), headers)
        self._answer = self._http.getresponse()
        assert self._answer.status == 200, self._answer.read()


class Crowd:
    """Very many plain readers on one thread, each of which comes back with Last-Event-ID at `open`."""

    def __init__(self, server: Server, size: int, token: str = TOKEN) -> None:
        self._server = server
        self._token = token
        self.ids: list[list[int]] = [[] for _ in range(size)]
        self.ends: list[bytes] = [b""] * size  # the last bytes of each one's stream
        self._socks: list[socket.socket] = []
        self._rests: list[bytes] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        for sock in self._socks:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self.wait_end()

    def open(self) -> None:
        """Have each open a stream, from where it was."""
        self._socks = [self._connect(ids[-1] if ids else None) for ids in self.ids]
        self._rests = [b""] * len(self._socks)
        self._threads = [threading.Thread(target=self._run, name="crowd", daemon=True)]
        self._threads[0].start()

    def wait(self, count: int, timeout: float = 60) -> None:
        """Wait until each reader has `count` entries."""
        wait_for(lambda: all(len(ids) >= count for ids in self.ids), timeout)

    def wait_end(self, timeout: float = 20) -> None:
        """Wait until the stream of each is over."""
        for thread in self._threads:
            thread.join(timeout)
            assert not thread.is_alive(), "some streams have not ended"

    def _connect(self, position: int | None) -> socket.socket:
        body = json.dumps({"tool": STREAM, "input": INPUT}).encode()
        more = [] if position is None else [f"Last-Event-ID: {position}"]
        sock = socket.create_connection(("127.0.0.1", self._server.port), 30)
        sock.sendall(request("/call-stream", body, *more, token=self._token))
        return sock

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for number, sock in enumerate(self._socks):
                selector.register(sock, selectors.EVENT_READ, number)
            while selector.get_map():
                for key, _ in selector.select():
                    if not self._take(key.data):
                        selector.unregister(key.fileobj)
                        self._socks[key.data].close()

    def _take(self, number: int) -> bool:
        try:
            data = self._socks[number].recv(1 << 18)
        except OSError:
            data = b""
        whole, _, rest = (self._rests[number] + data).rpartition(b"\n\n")
        self.ids[number] += [int(found) for found in FRAME_ID.findall(whole)]
        self.ends[number] = (self.ends[number] + data)[-200:]
        self._rests[number] = rest
        return bool(data) and not rest.endswith(b"\r\n0\r\n\r\n")


@contextmanager
def flowing(platformos: PlatformOS, every: float = 0.02) -> Iterator[None]:
    """Rows keep coming inside the `with`, one `every` seconds."""
    stop = threading.Event()

    def add() -> None:
        while not stop.wait(every):
            platformos.add({})

    thread = threading.Thread(target=add, name="rows", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def lossless(readers: Sequence[Steady], platformos: PlatformOS, timeout: float = 30) -> None:
    """Assert that each reader gets every row there is, over all its connections, once and in order."""
    ids = platformos.ids
    end = time.monotonic() + timeout
    for reader in readers:
        with contextlib.suppress(AssertionError):  # the assertion below reports what is missing
            reader.wait(len(ids), max(0.0, end - time.monotonic()))
        assert reader.ids == ids


def bound(seconds: float) -> float:
    """The bound for a promised time: the time itself on an idle machine, up to three times that on a busy one."""
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    return seconds * min(3.0, max(1.0, busy))


def quiet(server: Server) -> None:
    """Assert that the server has reported no trouble."""
    assert not TROUBLE.search(server.output), server.output


def memory(pid: int) -> float:
    """MiB that a process has in memory now."""
    found = re.search(r"^VmRSS:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def gone(pid: int) -> bool:
    """Whether the process has ended; at most an entry for its parent is left (a zombie)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
