"""Contents: what a chunk carries, for readers in this process, which need no bytes."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from typing import Final, NamedTuple

import orjson

_END: Final = b"\n\n"


class Entries:
    """Entries in the frames that `frames.data` made; each is taken out when it is asked for.

    They are not kept beside the frames: most chunks are sent, and their entries are never asked for.
    """

    __slots__ = ("frames",)

    def __init__(self, frames: bytes) -> None:
        self.frames = frames

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """The position to continue from after each entry, and the entry as JSON."""
        for id_, json in _inside(self.frames):
            yield int(id_), json


class AddressedEntries:
    """The same of a stream of several environments, whose positions are texts."""

    __slots__ = ("frames",)

    def __init__(self, frames: bytes) -> None:
        self.frames = frames

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """The position to continue from after each entry, and the entry as JSON."""
        for id_, json in _inside(self.frames):
            yield id_.decode(), json


class Failure(NamedTuple):
    """An `error` event: what went wrong, as one sentence."""

    sentence: str


class Position(NamedTuple):
    """The position to continue from, without an entry."""

    id: int


class AddressedPosition(NamedTuple):
    """The same of a stream of several environments."""

    text: str


class Sign(Enum):
    """An event without content."""

    OPEN = auto()  # the stream begins
    HEARTBEAT = auto()
    DONE = auto()  # the stream is complete, or cannot go on
    NOTE = auto()  # a comment, for people who read along
    FAREWELL = auto()  # the server closes the stream for reasons of its own: come back


Content = Entries | AddressedEntries | Failure | Position | AddressedPosition | Sign


def entry(frame: bytes) -> bytes:
    """The entry, as JSON, inside of one frame that `frames.data` made."""
    text: str = orjson.loads(frame.partition(b"data: ")[2])["text"]
    return text.encode()


def _inside(frames: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The id and the entry of each frame."""
    start = 0
    while start < len(frames):
        end = frames.index(_END, start)  # inside of a frame JSON has no line breaks
        frame = frames[start:end]
        yield frame[len(b"id: ") : frame.index(b"\n")], entry(frame)
        start = end + len(_END)
