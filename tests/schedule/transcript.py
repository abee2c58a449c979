"""A transcript: what one connection brought, taken apart as it comes."""

from __future__ import annotations

import re
import zlib
from typing import Final

from tests.schedule.turns import Failure

_MARK: Final = re.compile(rb"row=(\w+):(\d+);")
_ID: Final = re.compile(rb"^id: (\d+)\n", re.MULTILINE)
_LENGTH: Final = re.compile(rb"([0-9A-F]+)\r\n")


class Transcript:
    """The head, then events of a body that is chunked or not, gzip or not. Raises Failure for any other body."""

    def __init__(self) -> None:
        self.status = 0
        self.last_id: int | None = None
        self.rows: list[tuple[str, int]] = []  # environment and serial number of each row, as they came
        self.heartbeats = 0
        self.ended = False  # properly, by the server
        self.told: list[bytes] = []  # events that are not rows, at most the last ten
        self._head: bytes | None = b""
        self._chunked = False
        self._inflater: zlib._Decompress | None = None
        self._raw = b""  # of the chunked coding, not yet whole
        self._text = b""  # of an event, not yet whole

    def feed(self, data: bytes) -> None:
        """Take bytes that came."""
        if self._head is not None:
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._head = None
            self.status = int(head.split(b" ", 2)[1])
            self._chunked = b"chunked" in head
            self._inflater = zlib.decompressobj(31) if b"gzip" in head else None
        self._body(self._dechunked(data) if self._chunked else data)

    def _dechunked(self, data: bytes) -> bytes:
        self._raw += data
        found = []
        at = 0
        while True:
            if self.ended and at < len(self._raw):
                raise Failure(f"bytes behind the end of a body: {self._raw[at : at + 80]!r}")
            length = _LENGTH.match(self._raw, at)
            if length is None:
                if b"\r\n" in self._raw[at : at + 10] or len(self._raw) - at > 10:
                    raise Failure(f"no length of a chunk: {self._raw[at : at + 80]!r}")
                break
            size = int(length[1], 16)
            end = length.end() + size
            if len(self._raw) < end + 2:
                break
            if self._raw[end : end + 2] != b"\r\n":
                raise Failure(f"no end of a chunk: {self._raw[max(at, end - 40) : end + 40]!r}")
            found.append(self._raw[length.end() : end])
            self.ended = not size
            at = end + 2
        self._raw = self._raw[at:]
        return b"".join(found)

    def _body(self, data: bytes) -> None:
        if self._inflater is not None:
            try:
                data = self._inflater.decompress(data)
            except zlib.error as error:
                raise Failure(f"what came is no gzip: {error}") from None
        self._text += data
        events = self._text.split(b"\n\n")
        self._text = events.pop()
        for event in events:
            self._event(event)

    def _event(self, event: bytes) -> None:
        if event == b": heartbeat":
            self.heartbeats += 1
            return
        if found := _ID.match(event + b"\n"):
            self.last_id = int(found[1])
        if found := _MARK.search(event):
            if not event.startswith((b"id: ", b"event: data\n")):
                raise Failure(f"a row that is no event: {event!r}")
            self.rows.append((found[1].decode(), int(found[2])))
        elif event != b": open":
            self.told.append(event)
            del self.told[:-10]
