"""What the encoder promises about the bytes on the wire."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from datetime import UTC, datetime
from itertools import pairwise

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poslogs.streaming import frames
from poslogs.streaming.contents import Entries, Failure, Position, Sign
from poslogs.streaming.frames import Chunk
from tests.support.tries import tries
from tests.unit.doubles import Event, events, joined

NASTY = "\r\n\r\ndata: x\n\nevent: y\rid: 9\n\u2028\u2029\x00\x0b\x0c\x1c\x85\ufeff<script>\x1b[31m\u202e\U0001f600"


def test_an_entry_s_frame_is_id_event_data_and_a_blank_line() -> None:
    """The contract's frame, byte by byte; the inner JSON is a string of the outer."""
    assert frames.data([123], [b'{"id":"123","message":"a \\"b\\" \xc3\xa9"}']) == [
        b"id: 123\nevent: data\n"
        b'data: {"type":"text","text":"{\\"id\\":\\"123\\",\\"message\\":\\"a \\\\\\"b\\\\\\" \xc3\xa9\\"}"}\n\n'
    ]


def test_the_other_frames_are_the_contract_s() -> None:
    """These are open, heartbeat, done and farewell."""
    assert frames.OPEN.plain == b": open\n\n"
    assert frames.HEARTBEAT.plain == b": heartbeat\n\n"
    assert frames.DONE.plain == b"event: done\ndata: [DONE]\n\n"
    assert frames.farewell(1234).plain == b": closing\nretry: 1234\n\n"


def test_an_error_s_frame_tells_what_and_when() -> None:
    """It has `type`, `message`, and `timestamp` in UTC with milliseconds."""
    before = datetime.now(UTC)
    plain = frames.error("Connection failed").plain
    found = re.fullmatch(
        rb'event: error\ndata: \{"type":"error","text":"\{\\"type\\":\\"error\\",\\"message\\":\\"Connection failed\\",'
        rb'\\"timestamp\\":\\"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\\"\}"\}\n\n',
        plain,
    )
    assert found, plain
    told = datetime.fromisoformat(found.group(1).decode())
    assert -0.001 <= (told - before).total_seconds() < 5


@pytest.mark.parametrize("frame", [frames.OPEN, frames.HEARTBEAT, frames.farewell(200)])
def test_comments_are_no_events(frame: Chunk) -> None:
    """A browser's page gets no event for them."""
    assert events(frame.plain) == []


@tries(200)
@given(st.text(max_size=200), st.integers(1, 2**63 - 1))
@example(NASTY, 7)
def test_any_text_is_one_event_and_comes_back(text: str, position: int) -> None:
    """No text breaks out of its frame, and the two parsings that the guide's clients do give it back."""
    (plain,) = frames.data([position], [orjson.dumps({"message": text})])
    (event,) = events(plain)
    assert event == Event("data", event.data, str(position))
    assert json.loads(json.loads(event.data)["text"]) == {"message": text}
    lines = plain.split(b"\n")
    assert [line.partition(b":")[0] for line in lines] == [b"id", b"event", b"data", b"", b""]
    assert not re.search("[\r\0\u2028\u2029]", plain.decode())


@tries(200)
@given(st.text(max_size=200))
@example(NASTY)
def test_any_sentence_is_one_error_event(text: str) -> None:
    """Names of environments appear in sentences, and may hold anything."""
    plain = frames.error(text).plain
    (event,) = events(plain)
    assert event.type == "error"
    assert json.loads(json.loads(event.data)["text"])["message"] == text
    assert plain.count(b"\n") == 3


def test_line_and_paragraph_separators_in_a_sentence_travel_escaped() -> None:
    """U+2028 and U+2029 are escaped in every frame, not in entries alone."""
    assert not re.search("[\u2028\u2029]", frames.error("a\u2028b\u2029c").plain.decode())


def test_the_other_chunks_say_what_they_carry() -> None:
    """These are the beginning, a heartbeat, both ends, a position and an error. Nobody must look at their bytes."""
    for chunk, content in (
        (frames.OPEN, Sign.OPEN),
        (frames.HEARTBEAT, Sign.HEARTBEAT),
        (frames.DONE, Sign.DONE),
        (frames.farewell(200), Sign.FAREWELL),
        (frames.position(7), Position(7)),
        (frames.error("Down."), Failure("Down.")),
    ):
        assert chunk.contents == (content,)


ENTRIES = st.lists(st.tuples(st.integers(1, 2**63 - 1), st.text(max_size=60)), min_size=1, max_size=4)
PARTS = st.lists(
    st.one_of(
        ENTRIES.map(lambda found: [(position, orjson.dumps({"message": text})) for position, text in found]),
        st.integers(1, 2**63 - 1).map(Position),
        st.text(max_size=60).map(Failure),
        st.just(Sign.DONE),
    ),
    min_size=1,
    max_size=5,
)


@tries(200)
@given(PARTS)
@example([[(7, orjson.dumps({"message": NASTY}))], Failure(NASTY), Position(9)])
def test_a_chunk_s_contents_are_what_its_bytes_say(parts: list[object]) -> None:
    """Entries with their positions, errors, positions and the end are in order, however chunks were put together."""
    chunks = [made(part) for part in parts]
    whole = frames.together(chunks)
    assert whole.plain == b"".join(chunk.plain for chunk in chunks)
    carried: list[object] = []
    for content in whole.contents:
        carried += content if isinstance(content, Entries) else [content]
    said: list[object] = []
    for part in parts:
        said += part if isinstance(part, list) else [part]
    assert carried == said
    assert [event.type for event in events(whole.plain)] == [
        {tuple: "data", Failure: "error", Sign: "done"}[type(each)] for each in said if not isinstance(each, Position)
    ]


def made(part: object) -> Chunk:
    match part:
        case Position(position):
            return frames.position(position)
        case Failure(sentence):
            return frames.error(sentence)
        case list():
            return Chunk(b"".join(frames.data([id_ for id_, _ in part], [json for _, json in part])))
    return frames.DONE


CHUNKS = st.lists(st.one_of(st.binary(max_size=400), st.text(max_size=60).map(str.encode)).filter(bool), max_size=12)


@tries(200)
@given(CHUNKS)
@example([])
@example([b"a" * 40_000, b"a" * 40_000])
def test_gzip_segments_inflate_to_the_plain_bytes(parts: list[bytes]) -> None:
    """Any sequence of them is one gzip member with the right checksum and length."""
    packed = b"".join(frames.gzipped([Chunk(part) for part in parts]))
    assert gzip.decompress(packed) == b"".join(parts)
    inflate = zlib.decompressobj(31)
    inflate.decompress(packed)
    assert inflate.eof
    assert inflate.unused_data == b""


@tries(200)
@given(CHUNKS)
def test_each_part_can_be_read_when_it_is_there(parts: list[bytes]) -> None:
    """Nothing of a chunk waits in the compressor for the next one."""
    inflate = zlib.decompressobj(31)
    packed = frames.gzipped([Chunk(part) for part in parts])
    for part in parts:
        assert inflate.decompress(next(packed)) == part
    assert inflate.decompress(next(packed)) == b""
    assert inflate.eof


@tries(100)
@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=4), st.data())
def test_segments_mean_the_same_after_whatever_came_before(shared: list[bytes], data: st.DataObject) -> None:
    """Readers get the same packed chunks in different orders, and each inflates them to its own sequence."""
    chunks = [Chunk(part) for part in shared]
    for _ in range(3):
        order = data.draw(st.lists(st.sampled_from(chunks), max_size=6))
        assert gzip.decompress(b"".join(frames.gzipped(order))) == joined(order)


def test_a_chunk_is_packed_once_for_all() -> None:
    """The second reader gets the very same bytes."""
    chunk = Chunk(b"x" * 1000)
    assert chunk.packed is chunk.packed


def test_a_gzip_stream_that_is_cut_has_no_trailer() -> None:
    """What ends early is not made to look complete: no wrong checksum, no end of the member."""

    def cut() -> object:
        yield frames.OPEN
        raise ConnectionError

    parts = frames.gzipped(cut())  # type: ignore[arg-type]
    inflate = zlib.decompressobj(31)
    assert inflate.decompress(next(parts)) == b": open\n\n"
    with pytest.raises(ConnectionError):
        next(parts)
    assert list(parts) == []
    assert not inflate.eof


def test_plain_chunks_leave_as_they_are() -> None:
    """Each chunk is one write."""
    assert list(frames.plain([frames.OPEN, frames.DONE])) == [b": open\n\n", b"event: done\ndata: [DONE]\n\n"]


def test_heartbeats_are_cheap_in_gzip_too() -> None:
    """A quiet stream costs a few bytes a heartbeat."""
    sizes = [len(part) for part in frames.gzipped([frames.HEARTBEAT] * 5)]
    assert all(size < 40 for size in sizes)
    assert all(before == after for before, after in pairwise(sizes[1:-1]))
