"""Readers: each keeps asking for the log in its own manner, and notes what it is given."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.soak.ledger import Connection, Journal
from tests.soak.machine import TOKEN
from tests.support.body import Body
from tests.support.reader import Reader

FILTERS = (None, None, None, "error", "INFO", "warn", "LiquidError", "payment-callback")
SILENT_SECONDS = 15.0  # without a byte, though heartbeats are due every half second: the stream is dead
AGAIN = (401, 429, 503)  # answers after which a client tries again
CUT_BYTES = 2 << 20  # of a message, at which it is cut


@dataclass(frozen=True, slots=True)
class Manner:
    """How a reader asks and reads."""

    name: str
    tool: str
    input: dict[str, Any]
    gzip: bool
    joins: float  # seconds after the beginning
    stays: tuple[float, float]  # seconds that it reads on before it leaves, from and to
    pauses: tuple[float, float] | None  # seconds; None: it reads all the time
    receive_buffer: int | None

    @property
    def live(self) -> bool:
        """Whether late rows are for it."""
        return self.tool.endswith("live")

    @property
    def filter(self) -> str | None:
        """The filter that it asks with."""
        return self.input.get("filter")


def manner(chance: random.Random, number: int, seconds: float) -> Manner:
    """A random manner; `lastId` is filled in when it joins. Both tools meet each filter, whatever the chance."""
    live = number // len(FILTERS) % 2 == 0
    asked: dict[str, Any] = {"env": "staging", "interval": chance.choice((250, 250, 500, 1000, 2000))}
    if wanted := FILTERS[number % len(FILTERS)]:
        asked["filter"] = wanted
    begins = chance.choice(("lastId", "lastId", "tail", "tail 0", "fresh"))
    if begins != "fresh":
        asked[begins.split()[0]] = {"lastId": "", "tail": chance.randint(1, 50), "tail 0": 0}[begins]
    if live and chance.random() < 0.3:
        asked["maxDuration"] = chance.randint(2000, 8000)
    slow = chance.random() < 0.3
    return Manner(
        f"reader {number}",
        "platformos.logs.live" if live else "platformos.logs.stream",
        asked,
        gzip=chance.random() < 0.6,
        joins=chance.choice((0.0, chance.uniform(0, seconds * 0.6))),
        stays=chance.choice(((0.2, 2.0), (3.0, 15.0), (1e9, 1e9))),
        pauses=(0.5, 8.0) if slow else None,
        receive_buffer=4096 if slow else None,
    )


class Noting(Reader):
    """A reader that keeps nothing but its position, and hands over each entry and the sentence of each error."""

    def __init__(
        self,
        url: str,
        body: dict[str, Any],
        note: Callable[[dict[str, Any]], None],
        tell: Callable[[str], None],
        **kw: Any,
    ) -> None:
        self._note = note
        self._tell = tell
        self.position: str | None = None
        self.position_at = 0.0
        self.last_bytes = time.monotonic()
        self.was_done = False
        self.over_now = threading.Event()
        super().__init__(url, body, **kw)

    def take(self, body: Body, data: bytes) -> None:
        super().take(body, data)
        self.last_bytes = time.monotonic()
        for entry in self.entries:
            self._note(entry)
        for error in self.errors:
            self._tell(error["message"])
        if (last := self.last_id) is not None:
            self.position, self.position_at = last, self.last_bytes
        self.was_done = self.was_done or self.done
        for kept in (self.entries, self.errors, self.frames, self.chunks):
            kept.clear()

    def over(self) -> None:
        super().over()
        self.over_now.set()


class Subscriber(threading.Thread):
    """One reader over all its connections, until it is stopped."""

    def __init__(self, url: str, manner: Manner, chance: random.Random, last: Callable[[], int]) -> None:
        super().__init__(name=manner.name, daemon=True)
        self.manner = manner
        self.journal = Journal()
        self.reconnects = 0
        self.silent = 0
        self.refused = ""  # an answer that no such request should get
        self.calm = threading.Event()  # from now on it reads all that comes, and stays
        self.start_id: int | None = None
        self._url = url
        self._random = chance
        self._last = last
        self._stop_it = threading.Event()
        self._position: str | None = None
        self._position_at = 0.0

    def stop(self) -> None:
        """Leave for good."""
        self._stop_it.set()

    def run(self) -> None:
        try:
            self._keep_asking()
        except BaseException as error:  # a reader that dies in silence would be one that proves nothing
            self.journal.spoiled.append(repr(error)[:500])

    def _keep_asking(self) -> None:
        self.calm.wait(self.manner.joins)
        asked = dict(self.manner.input)
        if "lastId" in asked:
            asked["lastId"] = str(max(0, self._last() - self._random.choice((0, 0, 5, 300, 3000))))
            self.start_id = int(asked["lastId"])
        while not self._stop_it.is_set():
            try:
                self._connect({"tool": self.manner.tool, "input": asked})
            except OSError:
                pass  # the server is away
            self._stop_it.wait(self._random.uniform(0.05, 0.2 if self.calm.is_set() else 1.0))

    def _connect(self, body: dict[str, Any]) -> None:
        headers = {"Last-Event-ID": self._position} if self._position else {}
        connection = Connection(
            time.monotonic(), int(self._position) if self._position else self.start_id, self._position_at
        )
        reader = Noting(
            self._url,
            body,
            self._took,
            self._was_told,
            token=TOKEN,
            headers=headers,
            gzip=self.manner.gzip,
            receive_buffer=self.manner.receive_buffer,
        )
        with reader:
            connection.how = self._read(reader, connection)
        connection.ended = time.monotonic()
        if connection.head is not None:
            self.reconnects += bool(self.journal.connections)
            self.journal.connections.append(connection)
        if reader.position is not None:
            self._position, self._position_at = reader.position, reader.position_at
        if connection.head and self.manner.gzip and reader.ended_clean and not reader.gzip_ended_right:
            self.journal.spoiled.append("a gzip body without a right trailer")
        if reader.failure is not None:
            self.journal.spoiled.append(repr(reader.failure)[:500])

    def _read(self, reader: Noting, connection: Connection) -> str:
        """Read in this reader's manner until the connection is over; how it ended."""
        try:
            status = reader.status
        except AssertionError:
            return "no answer"
        if status != 200:
            self.refused = self.refused if status in AGAIN else f"{status} {reader.body[:200]!r}"
            return str(status)
        connection.head = time.monotonic()
        leaves = connection.head + self._random.uniform(*self.manner.stays)
        while not reader.over_now.wait(self._random.uniform(0.05, 0.3)):
            if self._stop_it.is_set():
                return "stopped"
            if time.monotonic() - reader.last_bytes > SILENT_SECONDS:
                self.silent += 1
                return "silent"
            if self.calm.is_set():
                continue
            if time.monotonic() > leaves:
                reader.reset() if self._random.random() < 0.5 else reader.close()
                return "left"
            if self.manner.pauses and self._random.random() < 0.1:
                reader.pause()
                self.calm.wait(self._random.uniform(*self.manner.pauses))
                reader.resume()
                reader.last_bytes = time.monotonic()
        return "done" if reader.was_done else "clean" if reader.ended_clean else "cut"

    def _took(self, entry: dict[str, Any]) -> None:
        try:
            serial = entry["data"]["serial"]
            if not _right(entry, serial):
                self.journal.spoiled.append(f"row {serial}: {str(entry)[:300]}")
        except (KeyError, TypeError, ValueError):
            self.journal.spoiled.append(f"no row of ours: {str(entry)[:300]}")
        else:
            self.journal.note(serial)

    def _was_told(self, sentence: str) -> None:
        if " fell back" in sentence:
            self.journal.told.append(time.monotonic())


def _right(entry: dict[str, Any], serial: int) -> bool:
    """Whether the message is what the source made for this row."""
    message, how = entry["message"], entry["data"]["as"]
    if how == "object":
        return bool(json.loads(message) == {"row": serial})
    if how == "null":
        return bool(message == "")
    starts = bool(message.startswith(f"row {serial}: "))
    if how == "giant":
        return starts and entry.get("cut") is True and CUT_BYTES - 4 < len(message.encode()) <= CUT_BYTES
    return starts and len(message) == entry["data"]["length"]
