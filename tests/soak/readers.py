"""Readers: each keeps asking for the log in its own manner, and notes what it is given."""

from __future__ import annotations

import json
import math
import random
import threading
import time
from collections.abc import Sequence
from typing import Any

from tests.soak.clients import filler, marks
from tests.soak.environment import Environment
from tests.soak.ledger import Connection, Journal
from tests.soak.manner import Manner
from tests.soak.noting import Noting, Vanishing
from tests.soak.source import LEAST

SILENT_SECONDS = 15.0  # without a byte, though heartbeats are due every half second: the stream is dead
AGAIN = (401, 429, 503)  # answers after which a client tries again
CUT_BYTES = 2 << 20  # of a message, at which it is cut
NEVER_READS = 0.4  # of the connections of a reader that stalls are left without a byte having been read
NEVER_READ_SECONDS = (0.2, 1.2)
FROM_THE_START = 0.3  # of those ask for all there ever was, so that all buffers are full
VANISHES = 0.7  # of the connections of a reader that vanishes are left so
AT_ONCE = 0.4  # of these right after the opening
VANISHES_AFTER = (1, 8000)  # bytes of the body


class Subscriber(threading.Thread):
    """One reader over all its connections, until it is stopped."""

    def __init__(self, urls: Sequence[str], manner: Manner, chance: random.Random, environment: Environment) -> None:
        """`urls`: of the servers, one of which it asks each time it connects."""
        super().__init__(name=manner.name, daemon=True)
        self.manner = manner
        self.environment = environment
        self.journal = Journal(roams=len(urls) > 1)
        self.reconnects = 0
        self.silent = 0
        self.never_read = 0  # connections
        self.refused = ""  # an answer that no such request should get
        self.calm = threading.Event()  # from now on it reads all that comes, and stays
        self.start_id: int | None = None
        self.token = environment.token
        self._urls = list(urls)
        self._random = chance
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
        if asked.get("lastId") == "":
            asked["lastId"] = str(max(0, self.environment.listing.last - self._random.choice((0, 0, 5, 300, 3000))))
        if "lastId" in asked:
            self.start_id = int(asked["lastId"])
        body = {"tool": self.manner.tool, "input": asked}
        while not self._stop_it.is_set():
            how = "no connection"
            try:
                how = self._never_read(body) if self._is_to_never_read() else self._connect(body)
            except OSError:
                pass  # the server is away
            if how not in ("vanished", "never read"):
                self._stop_it.wait(self._random.uniform(0.05, 0.2 if self.calm.is_set() else 1.0))

    def _is_to_never_read(self) -> bool:
        stalls = self.manner.habit == "stalls" and not self.calm.is_set()
        return stalls and self._random.random() < NEVER_READS

    def _never_read(self, body: dict[str, Any]) -> str:
        """Reset a connection without having read a byte; returns how it ended."""
        position = "0" if self._random.random() < FROM_THE_START else self._position
        with self._asked(body, position, None, paused=True) as reader:
            self.calm.wait(self._random.uniform(*NEVER_READ_SECONDS))
            reader.reset()
        self.never_read += 1
        return "never read"

    def _connect(self, body: dict[str, Any]) -> str:
        """Connect from where the last connection ended; returns how this one ended."""
        connection = self._begun()
        asleep = self.manner.habit == "stalls" and not self.calm.is_set()
        reader = self._asked(body, self._position, self._vanishing(), paused=asleep)
        with reader:
            if asleep:
                self._stall(reader, connection)
            connection.how = self._read(reader, connection)
        connection.ended = time.monotonic()
        if reader.position is not None:
            self._position, self._position_at = reader.position, reader.position_at
        self.journal.foreign += reader.foreign
        if connection.head and self.manner.gzip and reader.ended_clean and not reader.gzip_ended_right:
            self.journal.spoiled.append("a gzip body without a right trailer")
        if reader.failure is not None:
            self.journal.spoiled.append(repr(reader.failure)[:500])
        return connection.how

    def _begun(self) -> Connection:
        return Connection(time.monotonic(), int(self._position) if self._position else self.start_id, self._position_at)

    def _is_open(self, connection: Connection) -> None:
        self.journal.connections.append(connection)

    def _asked(
        self, body: dict[str, Any], position: str | None, vanishing: Vanishing | None, *, paused: bool
    ) -> Noting:
        return Noting(
            self._random.choice(self._urls) if len(self._urls) > 1 else self._urls[0],
            body,
            self._took,
            self._was_told,
            marks=self._foreign_marks(),
            vanishing=vanishing,
            token=self.token,
            headers={"Last-Event-ID": position} if position else {},
            gzip=self.manner.gzip,
            receive_buffer=self.manner.receive_buffer,
            paused=paused,
        )

    def _foreign_marks(self) -> tuple[bytes, ...]:
        return marks(self.environment.name)

    def _vanishing(self) -> Vanishing | None:
        vanishes = self.manner.habit == "vanishes" and not self.calm.is_set()
        if not vanishes or self._random.random() >= VANISHES:
            return None
        after = None if self._random.random() < AT_ONCE else self._random.randint(*VANISHES_AFTER)
        return Vanishing(self._random.choice(("rst", "rst", "fin")), after)

    def _stall(self, reader: Noting, connection: Connection) -> None:
        assert self.manner.pauses is not None
        connection.awake = math.inf
        reader.pause()
        self.calm.wait(self._random.uniform(*self.manner.pauses))
        reader.resume()
        connection.awake = reader.last_bytes = time.monotonic()

    def _read(self, reader: Noting, connection: Connection) -> str:
        """Read in this reader's manner until the connection is over; returns how it ended."""
        try:
            status = reader.status
        except AssertionError:
            return "no answer"
        if status != 200:
            self.refused = self.refused if status in AGAIN else f"{status} {reader.body[:200]!r}"
            return str(status)
        connection.head = time.monotonic()
        self.reconnects += bool(self.journal.connections)
        self._is_open(connection)
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
                self._stall(reader, connection)
        if reader.vanished:
            return "vanished"
        return "done" if reader.was_done else "clean" if reader.ended_clean else "cut"

    def _took(self, entry: dict[str, Any]) -> None:
        take(entry, self.journal, self.environment.name)

    def _was_told(self, sentence: str) -> None:
        if " were reset" in sentence:
            self.journal.told.append(time.monotonic())


def take(entry: dict[str, Any], journal: Journal, environment: str) -> None:
    """Note an entry that came for an environment, or what is wrong with it."""
    try:
        serial = entry["data"]["serial"]
        if entry["data"]["env"] != environment:
            journal.foreign.append(f"{entry['data']['env']} row {serial}")
            return
        if not _right(entry, serial, environment):
            journal.spoiled.append(f"row {serial}: {str(entry)[:300]}")
    except (KeyError, TypeError, ValueError):
        journal.spoiled.append(f"no row of ours: {str(entry)[:300]}")
    else:
        journal.note(serial)


def _right(entry: dict[str, Any], serial: int, environment: str) -> bool:
    """Whether the message is what the source made for this row."""
    message, how = entry["message"], entry["data"]["as"]
    if how == "object":
        return bool(json.loads(message) == {"row": serial})
    if how == "null":
        return bool(message == "")
    whole = bool(message.startswith(f"{environment} row {serial}: ") and message.endswith(filler(environment) * LEAST))
    if how == "giant":
        return whole and entry.get("cut") is True and CUT_BYTES - 4 < len(message.encode()) <= CUT_BYTES
    return whole and len(message) == entry["data"]["length"]
