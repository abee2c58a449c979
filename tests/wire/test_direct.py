"""Direct streams: under gunicorn's gevent worker no greenlet waits for a stream, and readers get the same."""

from __future__ import annotations

import itertools
import json
import re
import socket
import time
from collections.abc import Callable

import pytest

from tests.support.platformos import PlatformOS
from tests.support.reader import Reader
from tests.support.server import CLIENTS, TOKEN, Server

Start = Callable[..., Server]
STREAM, LIVE = "platformos.logs.stream", "platformos.logs.live"
INPUT = {"env": "staging", "interval": 250}
OFF = {"POSLOGS_DIRECT": "off"}
OF_THE_MOMENT = {"date", "connection"}  # a direct stream ends its connection with it, and says so


def whole(server: Server, gzip: bool) -> Reader:
    return server.stream(LIVE, {**INPUT, "lastId": "0"}, gzip=gzip)


@pytest.mark.parametrize("gzip", [False, True])
def test_the_same_bytes_leave_a_direct_stream_as_on_the_way_of_every_server(
    server: Start, platformos: PlatformOS, gzip: bool
) -> None:
    """Chunks and headers agree for two earlier rows, two that come in one poll, an outage, and done."""
    platformos.add_many(2, message="é\u2028\x7f")
    direct, plain = server(), server(env=OFF)
    with whole(direct, gzip) as one, whole(plain, gzip) as other:
        for reader in (one, other):
            reader.wait_entries(2)
        platformos.add_many(2)
        for reader in (one, other):
            reader.wait_entries(4)
        platformos.fail("status", status=503)
        for reader in (one, other):
            reader.wait_until(lambda reader=reader: bool(reader.errors))  # type: ignore[misc]
        platformos.fail("status", status=401)
        for reader in (one, other):
            reader.wait_end()
            assert reader.done
            assert reader.ended_clean
            assert reader.gzip_ended_right is gzip
        assert frames(one) == frames(other)
        assert gzip or sizes(one) == sizes(other)
        assert headers(one) == headers(other)
        assert (one.headers["connection"], other.headers["connection"]) == ("close", "keep-alive")


def frames(reader: Reader) -> list[bytes]:
    """The reader's frames, without the times of errors, which differ from server to server."""
    return [
        re.sub(rb'timestamp\\":\\"[^"]+"', b"", frame.raw) if frame.event == "error" else frame.raw
        for frame in reader.frames
    ]


def sizes(reader: Reader) -> list[int]:
    return [len(chunk.data) for chunk in reader.chunks if b"error" not in chunk.data]


def headers(reader: Reader) -> list[tuple[str, str]]:
    return [pair for pair in reader.header_list if pair[0].lower() not in OF_THE_MOMENT and "RateLimit" not in pair[0]]


@pytest.mark.parametrize("env", [{}, OFF], ids=["direct", "plain"])
def test_a_client_of_http_1_0_gets_frames_as_they_are_until_the_connection_closes(
    server: Start, platformos: PlatformOS, env: dict[str, str]
) -> None:
    """nginx asks so by default."""
    platformos.add_many(2)
    running = server(env=env)
    body = json.dumps({"tool": LIVE, "input": {**INPUT, "lastId": "0", "maxDuration": 1000}}).encode()
    with (
        running.stream(LIVE, INPUT) as other,
        socket.create_connection(("127.0.0.1", running.port), timeout=10) as client,
    ):
        other.wait_entries(2)  # from here on they are in memory
        client.sendall(
            f"POST /call-stream HTTP/1.0\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        got = b""
        while piece := client.recv(65536):
            got += piece
    head, _, text = got.partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert text.startswith(b": open\n\nid: ")
    assert text.endswith(b"\n\nevent: done\ndata: [DONE]\n\n")
    assert [line for line in text.split(b"\n") if line.startswith(b"id: ")] == [b"id: 1", b"id: 2"]


@pytest.mark.slow
def test_direct_streams_wait_for_no_reader_that_does_not_read(server: Start, platformos: PlatformOS) -> None:
    """Beside a hundred that read nothing one reader gets everything at once. They get it later."""
    running = server()
    stalled = [running.stream(STREAM, INPUT, receive_buffer=4096) for _ in range(100)]
    try:
        for reader in stalled:
            reader.wait_until(lambda reader=reader: bool(reader.comments))  # type: ignore[misc]
            reader.pause()
        with running.stream(STREAM, INPUT) as quick:
            for _ in range(4):
                platformos.add_many(500, message="x" * 1000)
                quick.wait_entries(len(platformos.ids), timeout=20)
            assert quick.entry_ids == platformos.ids
            assert running.get("/livez", token=None).status_code == 200
        for reader in stalled:
            reader.resume()
        for reader in stalled:
            reader.wait_entries(2000, timeout=60)
            assert reader.entry_ids == platformos.ids
    finally:
        for reader in stalled:
            reader.close()


def test_heartbeats_come_to_streams_that_rest_to_those_that_wait_and_amid_an_outage(
    server: Start, platformos: PlatformOS
) -> None:
    """Silence is never longer: while it follows, while an answer hangs, and after an outage was reported."""
    running = server(env={"POSLOGS_HEARTBEAT_SECONDS": "0.3"})

    def beats(reader: Reader) -> None:
        count = reader.comments.count("heartbeat")
        reader.wait_until(lambda: reader.comments.count("heartbeat") >= count + 4, timeout=10)

    platformos.add_many(3)
    with running.stream(STREAM, INPUT) as follows:
        follows.wait_entries(3)
        beats(follows)
        platformos.fail("hang")
        with running.stream(STREAM, {**INPUT, "tail": 2}) as waits:
            beats(waits)
            beats(follows)
        platformos.fail("status", status=500)
        follows.wait_until(lambda: bool(follows.errors))
        beats(follows)
        times = [frame.at for frame in follows.frames]
        assert max(after - before for before, after in itertools.pairwise(times)) < 5.0
        platformos.heal()
        platformos.add_many(1)
        follows.wait_entries(4)


def test_an_access_log_names_each_stream_once_as_it_begins(server: Start, platformos: PlatformOS) -> None:
    """gunicorn does not see the stream end."""
    running = server(args=["--access-logfile", "-"])
    with running.stream(STREAM, INPUT) as reader:
        reader.wait_until(lambda: bool(reader.comments))
        running.wait_output('"POST /call-stream HTTP/1.1" 200')
    running.stop()
    assert running.output.count("POST /call-stream") == 1


def test_what_a_client_sends_after_its_request_is_no_second_request(server: Start, platformos: PlatformOS) -> None:
    """Pipelined bytes are ignored, and the stream goes on."""
    running = server(clients=CLIENTS)
    with running.stream(STREAM, INPUT) as reader:
        reader.wait_until(lambda: bool(reader.comments))
        reader._socket.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        platformos.add_many(1)
        reader.wait_entries(1)
        assert running.streams_open() == 1


def test_a_deadline_is_kept_to_the_moment(server: Start, platformos: PlatformOS) -> None:
    """Streams of one second end after one, however many have later deadlines."""
    running = server()
    long = [running.stream(LIVE, {**INPUT, "maxDuration": 60_000}) for _ in range(3)]
    lasted: list[float] = []
    while not lasted or (min(lasted) >= 2 and len(lasted) < 3):  # a machine that stands still makes one late, not all
        began = time.monotonic()
        with running.stream(LIVE, {**INPUT, "maxDuration": 1000}) as short:
            short.wait_end()
            assert short.done
            lasted.append(short.frames[-1].at - began)
    assert 1 <= min(lasted) < 2, lasted
    assert not any(reader.ended for reader in long)
    for reader in long:
        reader.close()
