"""platformOS's log API as a real HTTP server, whose rows and faults a test moves while it runs."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.client import parse_headers
from typing import Any, BinaryIO
from urllib.parse import parse_qs, urlsplit

from tests.support.fault import ANSWER, Fault, Reply, response
from tests.support.listener import Listener
from tests.support.rows import RawJson, Rows

PATH = "/api/app_builder/logs"


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came; `last_id` is the raw text, None when there was none."""

    at: float
    last_id: str | None
    headers: Message  # a mapping that ignores the case of names
    path: str
    port: int  # that it came from


class PlatformOS:
    """The stand-in. A context manager; everything on it may be used from any thread."""

    def __init__(self, *, token: str = "pos-token", email: str = "dev@example.com", page: int = 1000) -> None:
        self.token = token
        self.former: str | None = None  # a token that is taken too, as for a while after a renewal
        self.email = email
        self.page = page  # the most rows that one answer holds
        self.arrange: Callable[[list[Any]], list[Any]] = list  # what an answer does to its rows: double, shuffle, …
        self.instead: Callable[[Request], bytes | None] = _rows  # the body that an answer has in place of its rows
        self.requests: list[Request] = []
        self.in_flight = 0
        self.max_in_flight = 0
        self._rows = Rows()
        self._fault: Fault | None = None
        self._playing: list[Fault] = []
        self._changed = threading.Condition(threading.RLock())
        self._listener = Listener(self._serve)
        self.port = self._listener.port
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> PlatformOS:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop for good."""
        self._listener.close()
        self._lift()

    @property
    def environment(self) -> dict[str, str]:
        """The entry of this instance in `.pos`."""
        return {"url": self.url, "email": self.email, "token": self.token}

    @property
    def connections(self) -> int:
        """How many connections were accepted so far."""
        return self._listener.accepted

    @property
    def rows(self) -> dict[int, Any]:
        """All rows by id."""
        with self._changed:
            return dict(self._rows.by_id)

    @property
    def ids(self) -> list[str]:
        """The ids of all rows, ascending, as the text that entries carry."""
        with self._changed:
            return [str(number) for number in self._rows.ids]

    @property
    def listed(self) -> list[tuple[float, Any]]:
        """(monotonic time, row) in the order in which rows became visible."""
        with self._changed:
            return list(self._rows.listed)

    def add(self, *rows: Mapping[str, Any]) -> list[int]:
        """List `rows` at one moment and return their ids. Fields that are left out get defaults; MISSING leaves out."""
        with self._moved():
            return [self._rows.put(row) for row in rows]

    def add_many(self, count: int, **fields: Any) -> list[int]:
        """List `count` rows with the same fields at one moment."""
        return self.add(*([fields] * count))

    def reveal(self, row: Mapping[str, Any]) -> int:
        """List a row late: under an id of its own, below one that was listed before it."""
        if int(row["id"]) >= self._rows.last_id:
            raise ValueError("a late row has an id below the last")
        return self.add(row)[0]

    def stray(self, value: Any) -> None:
        """List something that is not a proper row. It takes the next id."""
        with self._moved():
            self._rows.place(self._rows.last_id + 1, value)

    def restore(self, last_id: int) -> None:
        """Fall back to a backup: rows above `last_id` are gone and their ids are given out again."""
        with self._moved():
            self._rows.reset_ids(last_id)

    def fail(self, kind: str, times: int | None = None, **options: Any) -> Fault:
        """Meet requests with a fault, the next `times` or until heal(); it takes the place of an earlier fault.

        Its `met` has the requests that met it.

        status(status, headers, body) | raw(raw= or body=, headers) | hang | slow(seconds) | reset | refuse
        | drip(seconds, packed) | drip_headers(seconds) | huge(size) | flood(block, head) | redirect(location, status).
        """
        fault = Fault(kind, options, times)
        self.heal()
        with self._moved():
            self._fault = fault
        if kind == "refuse":
            self._listener.refuse()
        return fault

    def heal(self) -> None:
        """Answer again; requests that hang are answered now."""
        refusing = self._fault is not None and self._fault.kind == "refuse"
        self._lift()
        if refusing:
            self._listener.listen()

    def wait_until(self, predicate: Callable[[], bool], timeout: float = 10) -> None:
        """Waits until `predicate` holds, and checks it at each event here. Raises AssertionError when time is up."""
        with self._changed:
            if not self._changed.wait_for(predicate, timeout):
                asked = [request.last_id for request in self.requests[-10:]]
                raise AssertionError(
                    f"in vain for {timeout} s: {len(self.requests)} requests came, the last for {asked}; "
                    f"{self.connections} connections, {self.in_flight} in flight, rows up to {self._rows.last_id}"
                )

    def wait_for_requests(self, count: int, timeout: float = 10) -> None:
        """Wait until `count` requests have come in all."""
        self.wait_until(lambda: len(self.requests) >= count, timeout)

    def met(self, fault: Fault, count: int = 1, timeout: float = 20) -> Request:
        """The request that met a fault as the `count`th, as soon as it has come."""
        self.wait_until(lambda: len(fault.met) >= count, timeout)
        return fault.met[count - 1]

    def after(self, request: Request, timeout: float = 20) -> Request:
        """The request that came right after this one, as soon as it has come."""
        number = next(index for index, each in enumerate(self.requests) if each is request) + 1
        self.wait_for_requests(number + 1, timeout)
        return self.requests[number]

    def _lift(self) -> None:
        with self._moved():
            for fault in self._playing:
                fault.lifted.set()
            self._playing.clear()
            self._fault = None

    @contextmanager
    def _moved(self) -> Iterator[None]:
        with self._changed:
            yield
            self._changed.notify_all()

    def _serve(self, conn: socket.socket) -> None:
        with self._moved():  # a connection was accepted
            pass
        port = conn.getpeername()[1]
        with conn.makefile("rb") as lines:
            while (request := _read(lines, port)) is not None:
                with self._moved():
                    self.requests.append(request)
                    self.in_flight += 1
                    self.max_in_flight = max(self.max_in_flight, self.in_flight)
                try:
                    reply = self._meet(conn, request)
                    data = self._answer(request) if reply.data is None else reply.data
                finally:
                    with self._moved():  # before the answer leaves, or a quick next poll would seem to overlap it
                        self.in_flight -= 1
                conn.sendall(data)
                if not reply.keep:
                    return

    def _meet(self, conn: socket.socket, request: Request) -> Reply:
        with self._moved():
            fault = self._fault
            if fault is None:
                return ANSWER
            self._playing.append(fault)
            fault.met.append(request)
            if fault.left is not None:
                fault.left -= 1
                self._fault = fault if fault.left else None
        return fault.play(conn)

    def _answer(self, request: Request) -> bytes:
        if urlsplit(request.path).path != PATH:
            return response(404, {"error": "not found"})
        if request.headers.get("Authorization") not in (f"Token {self.token}", f"Token {self.former}"):
            return response(401, {"error": "unauthorized"})
        if not (request.last_id or "0").isdecimal():
            return response(400, {"error": "last_id is no number"})
        if (body := self.instead(request)) is not None:
            return response(200, body)
        with self._changed:
            rows = self._rows.after(int(request.last_id or "0"), self.page)
        return response(200, b'{"logs": [' + b", ".join(map(_json, self.arrange(rows))) + b"]}")


def _rows(_: Request) -> bytes | None:
    return None


def _json(row: Any) -> bytes:
    return row.text if isinstance(row, RawJson) else json.dumps(row).encode()


def _read(lines: BinaryIO, port: int) -> Request | None:
    parts = lines.readline(65536).decode("latin-1").split()
    if len(parts) != 3:
        return None
    headers = parse_headers(lines)
    asked = parse_qs(urlsplit(parts[1]).query, keep_blank_values=True).get("last_id")
    return Request(time.monotonic(), asked[0] if asked else None, headers, parts[1], port)
