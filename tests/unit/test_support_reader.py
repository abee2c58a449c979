"""The reader of event streams sees what it should, and fails where it should."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.listener import Listener
from tests.support.reader import Reader
from tests.support.transcript import chunks_hold_whole_frames

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
ENTRY = b'id: 7\nevent: data\ndata: {"type":"text","text":"{\\"id\\":\\"7\\",\\"message\\":\\"hi\\"}"}\n\n'
ERROR = b'event: error\ndata: {"type":"error","text":"{\\"type\\":\\"error\\",\\"message\\":\\"no\\"}"}\n\n'
DONE = b"event: done\ndata: [DONE]\n\n"


@pytest.fixture
def tiny() -> Iterator[Callable[..., str]]:
    """Starts servers with one hand-written answer; returns their address."""
    open_ones: list[Listener] = []

    def serve(*parts: bytes, stay: threading.Event | None = None) -> str:
        def answer(conn: socket.socket) -> None:
            conn.recv(65536)
            for part in parts:
                conn.sendall(part)
            if stay is not None:
                stay.wait(10)

        open_ones.append(Listener(answer))
        return f"http://127.0.0.1:{open_ones[-1].port}"

    yield serve
    for listener in open_ones:
        listener.close()


def chunked(*chunks: bytes) -> bytes:
    """`chunks` as HTTP frames them, without the end."""
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


def test_the_reader_parses_frames_and_keeps_chunks(tiny: Callable[..., str]) -> None:
    """The hand-written stream has a comment, an entry, an error and done, in chunks that hold whole frames."""
    body = chunked(b": hello\n\n", ENTRY + ERROR, b"retry: 50\n\n", DONE)
    with Reader(tiny(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body, b"0\r\n\r\n"), {}) as reader:
        reader.wait_end()
        assert (reader.status, reader.headers["transfer-encoding"]) == (200, "chunked")
        assert [chunk.data for chunk in reader.chunks] == [b": hello\n\n", ENTRY + ERROR, b"retry: 50\n\n", DONE]
        assert reader.entries == [{"id": "7", "message": "hi"}]
        assert (reader.entry_ids, reader.last_id, reader.comments) == (["7"], "7", ["hello"])
        assert reader.errors == [{"type": "error", "message": "no"}]
        assert reader.frames[1].raw == ENTRY
        assert reader.done
        assert reader.ended_clean
        assert chunks_hold_whole_frames(reader)


def test_the_reader_tells_an_end_that_is_not_clean_and_a_split_frame(tiny: Callable[..., str]) -> None:
    """A frame comes over two chunks, then the connection ends without the terminating chunk."""
    answer = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(ENTRY[:20], ENTRY[20:], b": cut")
    with Reader(tiny(answer), {}) as reader:
        reader.wait_end()
        assert reader.entry_ids == ["7"]
        assert (reader.ended, reader.ended_clean, reader.unfinished) == (True, False, b": cut")
        assert not chunks_hold_whole_frames(reader)
        with pytest.raises(AssertionError, match="ended before 2 entries"):
            reader.wait_entries(2)


@pytest.mark.parametrize("right", [True, False])
def test_the_reader_inflates_and_checks_the_trailer(tiny: Callable[..., str], right: bool) -> None:
    """The frames come out either way. A trailer with a wrong sum is noticed."""
    packed = bytearray(gzip.compress(ENTRY))
    packed[-8] ^= 0 if right else 255
    answer = HEAD + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    parts = [packed[at : at + 9] for at in range(0, len(packed), 9)]
    with Reader(tiny(answer + chunked(*map(bytes, parts)) + b"0\r\n\r\n"), {}, gzip=True) as reader:
        reader.wait_end()
        assert reader.gzip_ended_right is right
        assert reader.entry_ids == ["7"] or not right


@pytest.mark.parametrize(
    "broken",
    [b"data: x\r\n\n", b"data: \xff\n\n", b"nonsense\n\n", b"odd: x\n\n", b"id: 1\nid: 2\n\n", b"\n\n"],
    ids=["CR", "UTF-8", "no colon", "field", "twice", "empty"],
)
def test_the_reader_fails_at_what_lenient_ones_swallow(tiny: Callable[..., str], broken: bytes) -> None:
    """Every waiting method raises, with what arrived."""
    with (
        Reader(tiny(HEAD + b"\r\n" + broken), {}) as reader,
        pytest.raises(AssertionError, match="the answer is broken"),
    ):
        reader.wait_end()


def test_the_reader_reads_answers_that_are_no_stream(tiny: Callable[..., str]) -> None:
    """It reads the JSON of a refusal with a length, on a connection that stays open."""
    body = json.dumps({"error": "no"}).encode()
    stay = threading.Event()
    head = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: %d\r\nContent-Type: application/json\r\n\r\n" % len(body)
    with Reader(tiny(head + body, stay=stay), {}) as reader:
        assert (reader.status, reader.json) == (401, {"error": "no"})
    stay.set()


def test_a_paused_reader_stops_the_sender_and_then_gets_all(tiny: Callable[..., str]) -> None:
    """8 MB pass only after it resumes."""
    sent = threading.Event()
    body = [chunked(b": " + b"x" * 65536 + b"\n\n") for _ in range(128)]

    def answer(conn: socket.socket) -> None:
        conn.recv(65536)
        conn.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(b": first\n\n"))
        go.wait(10)
        for part in body:
            conn.sendall(part)
        sent.set()

    go = threading.Event()
    listener = Listener(answer)
    with Reader(f"http://127.0.0.1:{listener.port}", {}, receive_buffer=65536) as reader:
        reader.wait_frame(lambda frame: frame.comment == "first")
        reader.pause()
        go.set()
        assert not sent.wait(0.3)
        assert len(reader.frames) == 1
        reader.resume()
        reader.wait_until(lambda: len(reader.frames) == 129)
        assert sent.wait(5)
    listener.close()


@pytest.mark.parametrize(("how", "sign"), [("close", b""), ("reset", ConnectionResetError)])
def test_the_reader_leaves_as_told(how: str, sign: object) -> None:
    """At the server FIN is an end of file, RST an error."""
    seen: list[object] = []
    over = threading.Event()

    def answer(conn: socket.socket) -> None:
        conn.recv(65536)
        conn.sendall(HEAD + b"\r\n" + b": first\n\n")
        try:
            seen.append(conn.recv(1))
        except OSError as error:
            seen.append(type(error))
        over.set()

    listener = Listener(answer)
    with Reader(f"http://127.0.0.1:{listener.port}", {}) as reader:
        reader.wait_frame(lambda frame: frame.comment == "first")
        begun = time.monotonic()
        getattr(reader, how)()
        assert over.wait(5)
        assert time.monotonic() - begun < 2
        assert (reader.ended, reader.ended_clean) == (True, False)
    assert seen == [sign]
    listener.close()
