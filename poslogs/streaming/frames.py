"""Frames: events as bytes, plain or in gzip segments that all readers share."""

from __future__ import annotations

import re
import struct
import time
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

import orjson


class Chunk:
    """Whole frames that leave in one write, made once for all readers.

    `packed` is the same as one gzip segment: a fresh compressor, flushed in full, so that it means the same
    after whatever came before it (hosting.md, section 7).
    """

    __slots__ = ("_packed", "plain")

    def __init__(self, plain: bytes) -> None:
        self.plain = plain
        self._packed: bytes | None = None

    @property
    def packed(self) -> bytes:
        """The chunk's segment of a gzip stream, compressed at the first call."""
        if self._packed is None:
            packer = zlib.compressobj(6, zlib.DEFLATED, -15)
            self._packed = packer.compress(self.plain) + packer.flush(zlib.Z_FULL_FLUSH)
        return self._packed


def data(position: int, entry: bytes) -> bytes:
    """The frame of one entry (its JSON as bytes); `position` is what its reader continues from.

    The inner JSON is a string of the outer one.
    """
    return b'id: %d\nevent: data\ndata: {"type":"text","text":%s}\n\n' % (position, _string(entry))


def position(position: int) -> Chunk:
    """A frame without an event, which only tells the position to continue from (WHATWG: an id without data)."""
    return Chunk(b"id: %d\n\n" % position)


def entry(frame: bytes) -> bytes:
    """The entry inside a frame that `data` made."""
    text: str = orjson.loads(frame.partition(b"data: ")[2])["text"]
    return text.encode()


def error(sentence: str) -> Chunk:
    """The frame that tells of trouble, stamped with this moment."""
    inner = orjson.dumps({"type": "error", "message": sentence, "timestamp": moment(time.time())})
    return Chunk(b'event: error\ndata: {"type":"error","text":%s}\n\n' % _string(inner))


def _string(inner: bytes) -> bytes:
    # Some parsers of lines break at U+2028 and U+2029, and terminals obey U+007F to U+009F, so these travel escaped;
    # JSON itself escapes every other control (contract, "Frames").
    text = orjson.dumps(inner.decode())
    if b"\x7f" in text or not text.isascii():
        text = _CONTROL.sub(_escaped, text)
    return text


_CONTROL: Final = re.compile(b"\xe2\x80[\xa8\xa9]|\xc2[\x80-\x9f]|\x7f")


def _escaped(found: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % ord(found[0].decode())


def moment(seconds: float) -> str:
    """Seconds since 1970 as a time of the wire: UTC, ISO 8601, milliseconds, Z."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def farewell(retry: int) -> Chunk:
    """The end of a stream that the server closes for its own reasons: come back after `retry` ms."""
    return Chunk(b": closing\nretry: %d\n\n" % retry)


OPEN: Final = Chunk(b": open\n\n")
HEARTBEAT: Final = Chunk(b": heartbeat\n\n")
DONE: Final = Chunk(b"event: done\ndata: [DONE]\n\n")

_GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST_BLOCK: Final = b"\x03\x00"


def plain(chunks: Iterable[Chunk]) -> Iterator[bytes]:
    """The chunks as they are."""
    for chunk in chunks:
        yield chunk.plain


def gzipped(chunks: Iterable[Chunk]) -> Iterator[bytes]:
    """The chunks as one gzip member (RFC 1952), ended with a right trailer when they end.

    A stream that is cut has no trailer, which clients take better than a wrong one.
    """
    head = _GZIP_HEADER
    crc = length = 0
    for chunk in chunks:
        crc = zlib.crc32(chunk.plain, crc)
        length += len(chunk.plain)
        yield head + chunk.packed
        head = b""
    yield head + _LAST_BLOCK + struct.pack("<II", crc, length & 0xFFFFFFFF)
