"""Frames: events as bytes, plain or in gzip segments that all readers share."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Generator, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

import orjson

from poslogs.plain import plain as plain_text
from poslogs.platformos import entries
from poslogs.streaming.contents import Content, Entries, Failure, Position, Sign, entry
from poslogs.streaming.crc import Crc

LARGE_BYTES: Final = 1024 * 1024  # a larger chunk, of one huge entry, is packed quickly: no other greenlet runs then


class Chunk:
    """Whole frames that leave in one write, made once for all readers.

    `packed` is the same bytes as one gzip segment. A fresh compressor makes it and is flushed in full, so that it means
    the same after any other segment (docs/decisions/0004-one-poller.md).
    """

    __slots__ = ("_addressed", "_contents", "_crc", "_framed", "_framed_packed", "_packed", "entries", "plain")

    def __init__(self, plain: bytes, *contents: Content) -> None:
        """Without `contents` the chunk holds frames of entries alone, as `data` makes them."""
        self.plain = plain
        self.entries = plain.count(b"\nevent: data\n")  # inside of a frame JSON has no line breaks
        self._contents = contents
        self._packed: bytes | None = None
        self._framed: bytes | None = None
        self._framed_packed: bytes | None = None
        self._crc: Crc | None = None
        self._addressed: dict[tuple[str, str], Chunk] | None = None

    @property
    def contents(self) -> tuple[Content, ...]:
        """What it carries, in the order of its frames."""
        return self._contents or (Entries(self.plain),)

    @property
    def addressed(self) -> dict[tuple[str, str], Chunk]:
        """What was made of it for streams of several environments (poslogs/streaming/addressed.py)."""
        if self._addressed is None:
            self._addressed = {}
        return self._addressed

    @property
    def packed(self) -> bytes:
        """The chunk's segment of a gzip stream, compressed at the first call."""
        if self._packed is None:
            packer = zlib.compressobj(6 if len(self.plain) <= LARGE_BYTES else 1, zlib.DEFLATED, -15)
            self._packed = packer.compress(self.plain) + packer.flush(zlib.Z_FULL_FLUSH)
        return self._packed

    @property
    def framed(self) -> bytes:
        """The chunk in the chunked coding of HTTP/1.1, made at the first call."""
        if self._framed is None:
            self._framed = in_chunks(self.plain)
        return self._framed

    @property
    def framed_packed(self) -> bytes:
        """`packed` in the chunked coding of HTTP/1.1, made at the first call."""
        if self._framed_packed is None:
            self._framed_packed = in_chunks(self.packed)
        return self._framed_packed

    def crc_after(self, crc: int) -> int:
        """The CRC-32 of data whose CRC is `crc`, followed by the plain bytes of this chunk."""
        if self._crc is None:
            self._crc = Crc(self.plain)
        return self._crc.after(crc)


def together(chunks: Sequence[Chunk]) -> Chunk:
    """One or more chunks as one."""
    if len(chunks) == 1:
        return chunks[0]
    plain = b"".join([chunk.plain for chunk in chunks])
    if not any(chunk._contents for chunk in chunks):
        return Chunk(plain)
    return Chunk(plain, *(content for chunk in chunks for content in chunk.contents))


def in_chunks(body: bytes) -> bytes:
    """Bytes as one chunk of HTTP/1.1's chunked coding (RFC 9112, section 7.1)."""
    return b"%X\r\n%b\r\n" % (len(body), body)


def data(positions: Iterable[int], jsons: Sequence[bytes]) -> list[bytes]:
    """The frames of entries, given as JSON; `positions` are where a reader continues after each.

    The JSON of an entry is a string in the JSON of its frame.
    """
    texts = [_string(json) for json in jsons]
    if _may_need_escapes(b"".join(texts)):
        texts = [_escaped(text) if _may_need_escapes(text) else text for text in texts]
    return [
        b'id: %d\nevent: data\ndata: {"type":"text","text":"%b"}\n\n' % pair
        for pair in zip(positions, texts, strict=True)
    ]


def position(position: int) -> Chunk:
    """A frame without an event that carries only the position to continue from (WHATWG: an id without data)."""
    return Chunk(b"id: %d\n\n" % position, Position(position))


def shortened(frame: bytes, most: int | None) -> bytes:
    """A frame that `data` made, with each text of its entry cut to `most` bytes."""
    if most is None or len(frame) <= most:
        return frame
    whole = entry(frame)
    short = entries.shortened(whole, most)
    return frame if short is whole else data([int(frame[4 : frame.index(b"\n")])], [short])[0]


def error(sentence: str) -> Chunk:
    """The frame that reports trouble, with the current time."""
    inner = orjson.dumps({"type": "error", "message": sentence, "timestamp": moment(time.time())})
    text = _escaped(_string(inner))
    return Chunk(b'event: error\ndata: {"type":"error","text":"%b"}\n\n' % text, Failure(sentence))


def _string(inner: bytes) -> bytes:
    # JSON inside a JSON string: the inner JSON has escaped everything else that needs it.
    return inner.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


# Some line parsers break at U+2028 and U+2029, and terminals obey U+007F to U+009F, so these travel escaped.
# JSON itself escapes every other control.
_ESCAPES: Final = {
    first: [(chr(code).encode(), b"\\u%04x" % code) for code in codes]
    for first, codes in ((b"\xe2\x80", (0x2028, 0x2029)), (b"\xc2", range(0x80, 0xA0)))
}


def _may_need_escapes(text: bytes) -> bool:
    """Whether the text may hold some of those; much quicker than looking for each."""
    return b"\x7f" in text or (not text.isascii() and (b"\xe2" in text or b"\xc2" in text))


def _escaped(text: bytes) -> bytes:
    # One `replace` for each: a function called at every match would take seconds on a text of nothing else.
    text = text.replace(b"\x7f", b"\\u007f")
    for first, escapes in _ESCAPES.items():
        if first in text:
            for character, escape in escapes:
                text = text.replace(character, escape)
    return text


def moment(seconds: float) -> str:
    """Seconds since 1970 as a time of the wire: UTC, ISO 8601, milliseconds, Z."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def farewell(retry: int) -> Chunk:
    """The end of a stream that the server closes for its own reasons: come back after `retry` ms."""
    return Chunk(b": closing\nretry: %d\n\n" % retry, Sign.FAREWELL)


def note(text: str) -> Chunk:
    """A comment of one line."""
    return Chunk(b": %b\n\n" % plain_text(text).encode(), Sign.NOTE)


OPEN: Final = Chunk(b": open\n\n", Sign.OPEN)
HEARTBEAT: Final = Chunk(b": heartbeat\n\n", Sign.HEARTBEAT)
DONE: Final = Chunk(b"event: done\ndata: [DONE]\n\n", Sign.DONE)

_GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST_BLOCK: Final = b"\x03\x00"


def plain(chunks: Iterable[Chunk]) -> Generator[bytes, None, None]:
    """The chunks as they are."""
    for chunk in chunks:
        yield chunk.plain


class Member:
    """One gzip member (RFC 1952) that chunks are added to one by one; its end needs the CRC and length of them all."""

    __slots__ = ("_crc", "_length", "begun")

    def __init__(self) -> None:
        self.begun = False  # its header has been taken
        self._crc = 0
        self._length = 0

    def add(self, chunk: Chunk) -> None:
        """Count a chunk that is sent."""
        self._crc = chunk.crc_after(self._crc)
        self._length += len(chunk.plain)

    def segment(self, chunk: Chunk) -> bytes:
        """Count a chunk that is sent; returns the bytes that it adds."""
        self.add(chunk)
        return self._head() + chunk.packed

    def end(self) -> bytes:
        """The bytes that close the member: its last block and its trailer."""
        return self._head() + _LAST_BLOCK + struct.pack("<II", self._crc, self._length & 0xFFFFFFFF)

    def _head(self) -> bytes:
        head = b"" if self.begun else _GZIP_HEADER
        self.begun = True
        return head


def gzipped(chunks: Iterable[Chunk]) -> Generator[bytes, None, None]:
    """The chunks as one gzip member, with its trailer at their end.

    A stream that is cut off has no trailer: clients handle that better than a wrong one.
    """
    member = Member()
    for chunk in chunks:
        yield member.segment(chunk)
    yield member.end()
