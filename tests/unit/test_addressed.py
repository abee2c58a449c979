"""Addressed chunks: each id names all environments, and nothing else of a frame changes."""

from __future__ import annotations

from poslogs.streaming import frames
from poslogs.streaming.addressed import addressed, last_id
from poslogs.streaming.contents import AddressedEntries, AddressedPosition, Failure
from poslogs.streaming.frames import HEARTBEAT, Chunk, together

TRICKY = b'{"id":"7","message":"\\nid: 5\\n","env":"staging"}'  # an escaped line break, as JSON has it


def test_each_id_gets_what_stands_around_its_number() -> None:
    """Of entries, in whose text `id: 5` is text, and of a frame without one; errors stay as they are."""
    error = frames.error("Something failed.")
    chunk = together([Chunk(b"".join(frames.data([6, 7], [b"{}", TRICKY]))), error, frames.position(9)])
    made = addressed(chunk, "a:1,staging:", ",z:-3", keep=True)
    assert made.plain == (
        b'id: a:1,staging:6,z:-3\nevent: data\ndata: {"type":"text","text":"{}"}\n\n'
        b"id: a:1,staging:7,z:-3\nevent: data\n" + chunk.plain.split(b"\nevent: data\n")[2].partition(b"id: 9")[0]
        + b"id: a:1,staging:9,z:-3\n\n"
    )  # fmt: skip
    entries, failure, position = made.contents
    assert isinstance(entries, AddressedEntries)
    assert list(entries) == [("a:1,staging:6,z:-3", b"{}"), ("a:1,staging:7,z:-3", TRICKY)]
    assert failure == Failure("Something failed.")
    assert position == AddressedPosition("a:1,staging:9,z:-3")


def test_it_is_made_once_for_each_address() -> None:
    """The same object while few addresses are asked for."""
    chunk = Chunk(b"".join(frames.data([6], [b"{}"])))
    first = addressed(chunk, "a:", "", keep=True)
    assert addressed(chunk, "a:", "", keep=True) is first
    for number in range(20):
        addressed(chunk, f"{number}:", "", keep=True)
    assert len(chunk.addressed) <= 8
    assert addressed(chunk, "a:", "", keep=True).plain == first.plain


def test_the_last_id_is_where_a_reader_stands() -> None:
    """Of several entries, of a position, of none."""
    assert last_id(Chunk(b"".join(frames.data([6, 17], [b"{}", TRICKY])))) == 17
    assert last_id(frames.position(9)) == 9
    assert last_id(together([frames.error("x"), frames.position(3)])) == 3
    assert last_id(frames.error("id: 5")) is None
    assert last_id(HEARTBEAT) is None
