"""Addressed chunks: those of one environment, with the position of a stream of several in their ids."""

from __future__ import annotations

import re
from typing import Final

from poslogs.streaming.contents import AddressedEntries, AddressedPosition, Content, Entries, Position
from poslogs.streaming.frames import Chunk

MAX_MADE: Final = 8  # addresses for which a chunk keeps what was made
_ID: Final = re.compile(rb"\nid: ([0-9]+)")


def addressed(chunk: Chunk, before: str, after: str, *, keep: bool) -> Chunk:
    """The chunk with `before` and `after` around the number of each id; made once for all readers that share them.

    `keep`: others may ask for the same soon. Without it nothing is kept: readers that catch up stand alone.

    Inside of a frame JSON has no line breaks, so a line that begins with `id: ` is an id.
    """
    key = before, after
    made = chunk.addressed
    if (found := made.get(key)) is not None:
        return found
    within = rb"\nid: %b\1%b" % (before.encode(), after.encode())
    contents = [_within(content, within) for content in chunk.contents]
    plain = contents[0].frames if isinstance(contents[0], AddressedEntries) and len(contents) == 1 else None
    found = Chunk(_put(within, chunk.plain) if plain is None else plain, *contents)
    if keep:
        if len(made) >= MAX_MADE:
            made.clear()
        made[key] = found
    return found


def last_id(chunk: Chunk) -> int | None:
    """The last id in a chunk that is not addressed; None where there is none."""
    plain = chunk.plain
    start = plain.rfind(b"\nid: ") + 1
    if not plain.startswith(b"id: ", start):
        return None
    return int(plain[start + len(b"id: ") : plain.index(b"\n", start)])


def _within(content: Content, within: bytes) -> Content:
    if isinstance(content, Entries):
        return AddressedEntries(_put(within, content.frames))
    if isinstance(content, Position):
        return AddressedPosition(_put(within, b"id: %d" % content.id)[len(b"id: ") :].decode())
    return content


def _put(within: bytes, frames: bytes) -> bytes:
    return _ID.sub(within, b"\n" + frames)[1:]
