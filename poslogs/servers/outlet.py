"""An outlet: chunks on a socket that was taken, in the coding of its answer; it keeps what had no room."""

from __future__ import annotations

from collections.abc import Callable

from poslogs.servers.sockets import Connection
from poslogs.streaming.frames import Chunk, Member, in_chunks
from poslogs.streaming.large import LARGE, LARGE_BYTES


class Outlet:
    """Where the bytes of a direct stream leave; it never waits.

    `chunked`: HTTP/1.1's chunked coding, else plain bytes. A base of DirectStream, not a part of it: what is sent to
    thousands of resting streams goes through here, and takes no call more than needed.
    """

    __slots__ = ("_chunked", "_connection", "_is_large", "_member", "_rest", "_send")

    def __init__(self, connection: Connection, *, chunked: bool, gzip: bool) -> None:
        self._connection = connection
        self._chunked = chunked
        self._member = Member() if gzip else None
        self._send: Callable[[bytes | memoryview], int] = connection.take().send
        self._rest: bytes | memoryview | None = None  # bytes for which there was no room yet
        self._is_large = False  # LARGE counts `_rest`

    def cut_off(self) -> None:
        """End the stream: it holds more than its share of large pieces."""
        raise NotImplementedError

    def _coded(self, chunk: Chunk) -> bytes:
        member = self._member
        if member is None:
            return chunk.framed if self._chunked else chunk.plain
        if not member.begun:
            return self._framed(member.segment(chunk))
        member.add(chunk)
        return chunk.framed_packed if self._chunked else chunk.packed

    def _framed(self, data: bytes) -> bytes:
        return in_chunks(data) if self._chunked else data

    def _put(self, data: bytes | memoryview) -> None:
        """Send as much as there is room for; the rest is kept."""
        if self._rest is not None:
            data, self._rest = (bytes(self._rest) + data if data else self._rest), None
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        if sent != len(data):
            self._rest = memoryview(data)[sent:]
            self._weigh()
        elif self._is_large:
            self._weigh()

    def _weigh(self) -> None:
        rest = self._rest
        if isinstance(rest, memoryview) and len(rest) > LARGE_BYTES:
            self._is_large = True
            LARGE.hold(self, rest.obj, self.cut_off)  # type: ignore[arg-type]  # bytes, as chunks are
        elif self._is_large:
            self._is_large = False
            LARGE.let_go(self)
