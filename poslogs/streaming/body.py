"""The body: a stream as the iterable that a WSGI server sends."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing

from poslogs.streaming import frames
from poslogs.streaming.driven import Driven
from poslogs.streaming.large import LARGE, LARGE_BYTES


class Body:
    """A stream's bytes, plain or gzip. Closing it gives everything back, even if it was never iterated."""

    def __init__(self, stream: Driven, *, gzip: bool) -> None:
        self.stream = stream
        self.gzip = gzip
        self._bytes: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        if self._bytes is None:
            chunks = self.stream.chunks()
            self._bytes = self._held(frames.gzipped(chunks) if self.gzip else frames.plain(chunks))
        return self._bytes

    def _held(self, parts: Generator[bytes, None, None]) -> Iterator[bytes]:
        with closing(parts):
            for part in parts:
                if len(part) <= LARGE_BYTES:
                    yield part
                    continue
                LARGE.hold(self, part, self.stream.cut_off)
                try:
                    yield part
                finally:
                    LARGE.let_go(self)

    def close(self) -> None:
        """End the stream. The server calls this at the end, however that came (PEP 3333)."""
        if self._bytes is not None:
            self._bytes.close()  # type: ignore[attr-defined]  # a generator
        self.stream.close()
