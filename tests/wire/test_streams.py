"""Streams, byte by byte: what a reader gets, and when."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.support.platformos import PlatformOS
from tests.support.reader import Reader
from tests.support.server import Server
from tests.support.transcript import chunks_hold_whole_frames

Start = Callable[..., Server]
STREAM = "platformos.logs.stream"
LIVE = "platformos.logs.live"


def test_an_entry_is_the_frame_of_the_contract_byte_for_byte(server: Start, platformos: PlatformOS) -> None:
    """The test has one row with every field written out in full."""
    platformos.add(
        {
            "id": 123,
            "created_at": "2024-01-01T12:00:00Z",
            "error_type": "LiquidError",
            "message": 'undefined "x"\nline 2',
            "data": {"url": "/a"},
        }
    )
    with server().stream(STREAM, {"env": "staging"}) as reader:
        reader.wait_entries(1)
        assert b"".join(chunk.data for chunk in reader.chunks) == (
            b": open\n\n"
            b"id: 123\n"
            b"event: data\n"
            b'data: {"type":"text","text":"{\\"id\\":\\"123\\",\\"timestamp\\":\\"2024-01-01T12:00:00.000Z\\",'
            b'\\"type\\":\\"error\\",\\"message\\":\\"undefined \\\\\\"x\\\\\\"\\\\nline 2\\",'
            b'\\"data\\":{\\"url\\":\\"/a\\"},\\"env\\":\\"staging\\",\\"error_type\\":\\"LiquidError\\"}"}\n'
            b"\n"
        )


def test_the_headers_keep_proxies_from_buffering(server: Start, platformos: PlatformOS) -> None:
    """It has the three headers of the contract, and none that belongs to the connection."""
    with server().stream(STREAM, {"env": "staging"}) as reader:
        assert reader.status == 200
        assert reader.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert reader.headers["cache-control"] == "no-cache, no-transform"
        assert reader.headers["x-accel-buffering"] == "no"
        assert "content-encoding" not in reader.headers
        assert "retry-after" not in reader.headers
        assert reader.headers["x-ratelimit-limit"]


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_the_first_bytes_leave_before_the_first_poll_answers(server: Start, platformos: PlatformOS, kind: str) -> None:
    """While platformOS hangs the reader has its headers and a comment. Entries come when platformOS answers."""
    started = server(kind)
    platformos.add_many(2)
    platformos.fail("hang")
    with started.stream(STREAM, {"env": "staging"}) as reader:
        reader.wait_frame(lambda frame: frame.comment == "open")
        assert reader.entries == []
        platformos.heal()
        reader.wait_entries(2)


def test_a_heartbeat_comes_whenever_nothing_else_did_also_while_a_poll_hangs(
    server: Start, platformos: PlatformOS
) -> None:
    """Four heartbeats come, each an interval after the one before or later, while a poll never answers."""
    started = server(env={"POSLOGS_HEARTBEAT_SECONDS": "0.3"})
    platformos.fail("hang")
    begun = time.monotonic()
    with started.stream(STREAM, {"env": "staging"}) as reader:
        reader.wait_until(lambda: reader.comments.count("heartbeat") >= 4)
        beats = [frame for frame in reader.frames if frame.comment == "heartbeat"]
        assert all(frame.raw == b": heartbeat\n\n" for frame in beats)
        # One that is seen late makes the next seem early. A direct stream sends each up to a tenth before its time.
        assert all(beat.at - begun >= 0.27 * number for number, beat in enumerate(beats, 1))


def test_a_stream_without_a_position_starts_with_what_platformos_gives_for_0_and_follows(
    server: Start, platformos: PlatformOS
) -> None:
    """History comes first, then what is listed later, in order, once."""
    platformos.add_many(5)
    with server().stream(STREAM, {"env": "staging", "interval": 250}) as reader:
        reader.wait_entries(5)
        platformos.add_many(3)
        reader.wait_entries(8)
        assert reader.entry_ids == platformos.ids
        assert platformos.requests[0].last_id == "0"


def test_the_filter_matches_the_whole_type_or_the_whole_error_type_ignoring_case(
    server: Start, platformos: PlatformOS
) -> None:
    """`error` matches LiquidError by its type, `liquiderror` by its error_type. A part of a word matches nothing."""
    platformos.add(
        {"error_type": "info"},
        {"error_type": "LiquidError"},
        {"error_type": "payment-callback"},
        {"error_type": "ERROR"},
        {"error_type": "pay"},
    )
    started = server()
    expected = {
        "error": ["2", "4"],
        "liquidERROR": ["2"],
        "Payment-Callback": ["3"],
        "info": ["1", "3", "5"],
        "pay": ["5"],
    }
    with ExitStack() as stack:
        readers = {
            wanted: stack.enter_context(started.stream(LIVE, {"env": "staging", "filter": wanted}))
            for wanted in expected
        }
        for wanted, ids in expected.items():
            readers[wanted].wait_entries(len(ids))
        platformos.fail("status", status=401)
        for reader in readers.values():
            reader.wait_end()
            assert reader.done
        assert {wanted: reader.entry_ids for wanted, reader in readers.items()} == expected


def test_max_duration_ends_a_live_stream_with_done_and_a_clean_end(server: Start, platformos: PlatformOS) -> None:
    """`done` is the last frame, the terminating chunk follows, and it takes as long as was asked for."""
    platformos.add_many(1)
    started = server()
    with started.stream(LIVE, {"env": "staging"}) as other:
        other.wait_entries(1)  # from here on the entry is in memory
        begun = time.monotonic()
        with started.stream(LIVE, {"env": "staging", "maxDuration": 1500}) as reader:
            reader.wait_end()
            assert reader.ended_clean
            assert reader.frames[-1].raw == b"event: done\ndata: [DONE]\n\n"
            assert reader.entry_ids == ["1"]
            assert reader.frames[-1].at - begun >= 1.5
        assert not other.ended


def test_max_duration_is_honoured_while_platformos_hangs(server: Start, platformos: PlatformOS) -> None:
    """No poll ever answers, yet the stream ends in time."""
    started = server()
    platformos.fail("hang")
    with started.stream(LIVE, {"env": "staging", "maxDuration": 500}) as reader:
        reader.wait_end(5)
        assert reader.done


def test_a_chunk_on_the_wire_holds_whole_frames_only(server: Start, platformos: PlatformOS) -> None:
    """Of thousands of entries of many sizes no frame is split over two writes."""
    platformos.add(*[{"message": "m" * (index * 37 % 5000)} for index in range(1500)])
    with server().stream(STREAM, {"env": "staging"}) as reader:
        reader.wait_entries(1500)
        assert chunks_hold_whole_frames(reader)
        assert reader.entry_ids == platformos.ids


def test_log_text_never_makes_a_second_event(server: Start, platformos: PlatformOS) -> None:
    """Line breaks of every kind and words of the protocol, in every field, arrive as text."""
    evil = 'a\nevent: done\ndata: [DONE]\r\n\r\nid: 9\r: x  \x00\x85"}\n\n'
    platformos.add({"message": evil, "error_type": evil, "data": {evil: evil}}, {"message": "after"})
    with server().stream(STREAM, {"env": "staging"}) as reader:
        first, second = reader.wait_entries(2)
        assert first["message"] == first["error_type"] == evil
        assert first["data"] == {evil: evil}
        assert second["message"] == "after"
        assert not reader.done
        raw = b"".join(frame.raw for frame in reader.frames)
        assert "\u2028".encode() not in raw
        assert b"\x00" not in raw
        assert b"\r" not in raw


def test_gzip_is_live_and_ends_with_a_right_trailer(server: Start, platformos: PlatformOS) -> None:
    """Entries arrive while the stream is open, and the whole is one valid gzip member."""
    platformos.add_many(3)
    with server().stream(LIVE, {"env": "staging", "interval": 250}, gzip=True) as reader:
        reader.wait_entries(3)
        platformos.add_many(2)
        reader.wait_entries(5)
        assert reader.headers["content-encoding"] == "gzip"
        assert "accept-encoding" in reader.headers["vary"].lower()
        platformos.fail("status", status=401)
        reader.wait_end()
        assert reader.done
        assert reader.gzip_ended_right
        assert reader.entry_ids == platformos.ids


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [("gzip;q=0", False), ("br, *;q=0", False), ("deflate, gzip;q=0.5", True), ("*", True), ("identity", False)],
)
def test_gzip_is_used_when_the_client_takes_it(
    server: Start, platformos: PlatformOS, accepted: str, packed: bool
) -> None:
    """Accept-Encoding decides, its q=0 too (RFC 9110, section 12.5.3)."""
    with server().stream(STREAM, {"env": "staging"}, headers={"Accept-Encoding": accepted}) as reader:
        assert (reader.headers.get("content-encoding") == "gzip") is packed


def test_a_bad_row_is_told_once_and_the_others_arrive(server: Start, platformos: PlatformOS) -> None:
    """For a row that is not an object and one without an id an error frame counts them, and the stream goes on."""
    platformos.add_many(2)
    platformos.stray("not an object")
    platformos.stray({"message": "no id"})
    platformos.add_many(1)
    with server().stream(STREAM, {"env": "staging", "interval": 250}) as reader:
        reader.wait_entries(3)
        told = reader.wait_frame(lambda frame: frame.event == "error").inner
        assert told["type"] == "error"
        assert told["message"] == (
            "2 rows were left out of environment staging: a row that is not an object, a row without a usable id."
        )
        platformos.wait_for_requests(len(platformos.requests) + 3)
        platformos.add_many(1)
        reader.wait_entries(4)
        assert len(reader.errors) == 1


def test_an_error_frame_is_the_frame_of_the_contract(server: Start, platformos: PlatformOS) -> None:
    """A failed poll gives the event, then one line of data whose text is JSON with type, message and timestamp."""
    platformos.fail("status", status=500)
    with server().stream(STREAM, {"env": "staging", "interval": 250}) as reader:
        frame = reader.wait_frame(lambda frame: frame.event == "error")
        head, text = frame.raw[: -len(b"\n\n")].split(b"\n")
        assert head == b"event: error"
        assert frame.id is None
        outer = json.loads(text.removeprefix(b"data: "))
        assert list(outer) == ["type", "text"]
        assert outer["type"] == "error"
        inner = json.loads(outer["text"])
        assert inner["type"] == "error"
        assert inner["message"] == "platformOS answered 500 for environment staging."
        assert inner["timestamp"].endswith("Z")
        platformos.add_many(2)
        platformos.heal()
        reader.wait_entries(2)
        assert len(reader.errors) == 1


def test_a_refused_token_is_told_and_ends_the_stream_with_done(server: Start, platformos: PlatformOS) -> None:
    """After a 401 of platformOS the error says whose token to renew and how, without the token; then comes `done`."""
    platformos.fail("status", status=401)
    started = server()
    with started.stream(STREAM, {"env": "staging"}) as reader:
        reader.wait_end()
        assert reader.done
        assert reader.ended_clean
        (error,) = reader.errors
        assert error["message"] == (
            "platformOS refused the token of environment staging; run `pos-cli env refresh-token staging`."
        )
        assert platformos.token not in reader.dump() + started.output


def test_two_readers_of_one_environment_share_one_start(server: Start, platformos: PlatformOS) -> None:
    """The second gets the same history from memory, without a question beyond those of the interval."""
    platformos.add_many(10)
    started = server()
    with started.stream(STREAM, {"env": "staging", "interval": 60000}) as first:
        first.wait_entries(10)
        platformos.wait_for_requests(2)  # history, and at once whether there is more of it
        asked = len(platformos.requests)
        with started.stream(STREAM, {"env": "staging", "interval": 60000}) as second:
            second.wait_entries(10)
            assert second.entry_ids == first.entry_ids
            assert len(platformos.requests) == asked


def test_a_slow_reader_does_not_hold_up_the_others(server: Start, platformos: PlatformOS) -> None:
    """One reader stops reading amid megabytes. Another gets everything meanwhile, and the first when it reads on."""
    started = server()
    with (
        Reader(
            started.url, {"tool": STREAM, "input": {"env": "staging", "interval": 250}}, receive_buffer=4096
        ) as slow,
        started.stream(STREAM, {"env": "staging", "interval": 250}) as quick,
    ):
        quick.wait_frame(lambda frame: frame.comment == "open")
        slow.wait_frame(lambda frame: frame.comment == "open")
        slow.pause()
        for _ in range(5):
            platformos.add_many(400, message="x" * 3000)
        quick.wait_entries(2000, timeout=30)
        assert len(slow.entries) < 2000
        slow.resume()
        slow.wait_entries(2000, timeout=30)
        assert slow.entry_ids == quick.entry_ids == platformos.ids
