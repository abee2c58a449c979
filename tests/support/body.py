"""The body of an HTTP/1.1 response, taken off the wire piece by piece as the server framed it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping


class Body:
    """Turns received bytes into chunks: the server's own when it chunks, else the bytes of one receive.

    Raises AssertionError where the framing is broken.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        """`headers` by their names in lower case."""
        self.complete = False  # a terminating chunk, or as many bytes as Content-Length said, were seen
        self.chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        self._left = int(headers["content-length"]) if "content-length" in headers else None
        self._buffer = b""
        assert not (self.chunked and self._left is not None), "both chunked and of a given length"
        self.complete = self._left == 0

    def feed(self, data: bytes) -> list[bytes]:
        """The chunks that `data` completes."""
        if self.chunked:
            return self._dechunk(data)
        if self._left is not None:
            assert len(data) <= self._left, "more bytes than Content-Length said"
            self._left -= len(data)
            self.complete = self._left == 0
        return [data] if data else []

    def _dechunk(self, data: bytes) -> list[bytes]:
        buffer, at = self._buffer + data, 0
        chunks: list[bytes] = []
        while not self.complete and (line := buffer.find(b"\r\n", at)) >= 0:
            size = int(buffer[at:line].split(b";")[0], 16)
            start, end = line + 2, line + 2 + size
            if len(buffer) < end + 2:
                break
            assert buffer[end : end + 2] == b"\r\n", "a chunk that does not end where its size says"
            if size:
                chunks.append(buffer[start:end])
            at = end + 2
            self.complete = size == 0
        self._buffer = buffer[at:]
        assert not (self.complete and self._buffer), "bytes after the terminating chunk"
        return chunks


class Inflater:
    """A gzip body, inflated as it comes; the trailer is checked by zlib."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)
        self.trailer_wrong = False

    @property
    def ended_right(self) -> bool:
        """Whether the trailer was there, and right, and nothing followed it."""
        return self._zlib.eof and not self._zlib.unused_data and not self.trailer_wrong

    def feed(self, data: bytes) -> bytes:
        """All the plain bytes that can be had by now."""
        try:
            return self._zlib.decompress(data)
        except zlib.error as error:
            if "incorrect" not in str(error):  # "incorrect data check", "incorrect length check"
                raise
            self.trailer_wrong = True
            return b""
