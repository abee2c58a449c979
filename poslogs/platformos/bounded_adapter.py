"""Connections to platformOS on which an answer is bounded in time and bytes, whatever the other side does."""

from __future__ import annotations

import http.client
import io
import socket
import time
import zlib
from collections.abc import Iterator
from typing import Any, Final

from requests.adapters import HTTPAdapter

from poslogs.cooperation import let_others_run

READ_BYTES: Final = 65536
INFLATE_BYTES: Final = 1024 * 1024  # inflated in one go, before others have their turn
MAX_HEAD_BYTES: Final = 256 * 1024  # of status lines and headers, in addition to the body


class TooLarge(Exception):
    """The answer has more bytes than allowed."""


class Late(Exception):
    """The answer has taken more time than allowed."""


class BoundedAdapter(HTTPAdapter):
    """The adapter of requests, for one request at a time, with bounds that `allow` sets.

    Everything that http.client reads (interim answers, headers, chunk sizes, trailers, body) passes through one
    reader, which counts it. A wait outside of that reader, such as a TLS handshake, ends by `cut`.
    """

    def __init__(self) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1)
        self._pool: Any = None  # of the one host that it connects to
        self._line: socket.socket | None = None
        self._end = 0.0
        self._left = 0
        self._max_bytes = 0

    def allow(self, seconds: float, max_bytes: int) -> None:
        """Set the bounds of the next answer: seconds from now in all, and bytes of its body, inflated or not."""
        self._end = time.monotonic() + seconds
        self._max_bytes = max_bytes
        self._left = max_bytes + MAX_HEAD_BYTES

    def cut(self) -> None:
        """Break the connection: a thread or greenlet that waits for it goes on at once."""
        if self._line is not None:
            try:
                self._line.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # already gone

    def close(self) -> None:
        """Close the connection."""
        # urllib3 drops its pools and leaves their connections to Python's collector. That comes late, since the error
        # of a failed request and its pool refer to each other.
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()
        super().close()
        self._know(None)

    def body(self, response: Any) -> bytearray:
        """The whole body of an answer, inflated. Raises TooLarge, Late, ValueError when it cannot be inflated."""
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise ValueError("cannot be decoded")
        inflater = zlib.decompressobj(31) if "gzip" in encoding else None
        body = bytearray()
        received = 0
        while chunk := response.raw.read1(READ_BYTES, decode_content=False):
            received += len(chunk)
            for part in [chunk] if inflater is None else _inflated(inflater, chunk):
                body += part
                if max(received, len(body)) > self._max_bytes:
                    raise TooLarge
        if inflater is not None and received and not (inflater.eof and not inflater.unused_data):
            raise ValueError("cannot be decoded")
        return body

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """The pool, with connections of our own class from now on."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if "ConnectionCls" not in vars(pool):
            pool.ConnectionCls = self._bounded(pool.ConnectionCls)
            self._pool = pool
        return pool

    def spend(self, count: int) -> None:
        """Count bytes that came. Raises TooLarge or Late."""
        self._left -= count
        if self._left < 0:
            raise TooLarge
        if time.monotonic() > self._end:
            raise Late

    def _know(self, line: socket.socket | None) -> None:
        line, self._line = self._line, line
        if line is not None:
            line.close()

    def _bounded(self, kind: Any) -> Any:
        adapter = self

        def new_conn(connection: Any) -> Any:
            sock = kind._new_conn(connection)
            # A copy: http.client forgets the socket of an answer that ends its connection, and TLS wraps it.
            adapter._know(sock.dup())
            return sock

        def answer(sock: Any, *args: Any, **kwargs: Any) -> Answer:
            return Answer(adapter, sock, *args, **kwargs)

        return type(kind.__name__, (kind,), {"_new_conn": new_conn, "response_class": staticmethod(answer)})


def _inflated(inflater: Any, chunk: bytes) -> Iterator[bytes]:
    try:
        while part := inflater.decompress(chunk, INFLATE_BYTES):
            yield part
            if len(part) < INFLATE_BYTES:
                return
            chunk = inflater.unconsumed_tail
            let_others_run()
    except zlib.error:
        raise ValueError("cannot be decoded") from None


class Answer(http.client.HTTPResponse):
    """An answer that is read within the adapter's bounds, and whose head must be whole."""

    def __init__(self, adapter: BoundedAdapter, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._reader = _Reader(adapter, self.fp.detach())
        self.fp = io.BufferedReader(self._reader, READ_BYTES)

    def begin(self) -> None:
        """Read the head. Raises IncompleteRead if it breaks off: http.client would take that for its end."""
        super().begin()
        if self._reader.ended:
            raise http.client.IncompleteRead(b"")


class _Reader(io.RawIOBase):
    """Reads from a socket, and counts the bytes."""

    def __init__(self, adapter: BoundedAdapter, raw: Any) -> None:
        super().__init__()
        self.ended = False
        self._adapter = adapter
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int | None:
        let_others_run()  # an answer that floods never waits by itself
        count: int | None = self._raw.readinto(into)
        self._adapter.spend(count or 0)
        self.ended = count == 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
