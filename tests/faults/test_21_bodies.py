"""Fault 21: whatever body comes, the answer is 400, 408, 413 or 415 in the one shape, or what was asked for."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire.exchange import (
    FETCH,
    LIVE,
    PAGE,
    READER,
    STREAM,
    Answer,
    answer,
    ask,
    asking,
    clients,
    connected,
    get,
    is_readable,
    post,
    request,
    reset,
    unharmed,
)

KINDS = ["gevent", "gthread"]
BODY_S = 10.0  # the whole body must have come by then (doors/body.py)
CHUNKED = "Transfer-Encoding: chunked"

NOT_AN_OBJECT = [
    b"", b" ", b"x", b"[]", b'[{"tool":"platformos.logs.stream"}]', b"1", b"null", b"true", b'"text"', b"{", b"{}x",
    b"{'tool':1}", b'{"tool":}', b"{,}", b'{"tool":"\xff"}', b"\x00", b"\xff\xfe\xff", b"[" * 60_000,
    b'{"a":' * 10_000, b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":1e309}', b'{"a":-1e400}',
    b'{"a":' + b"1" * 5000 + b"}", b"tool=platformos.logs.stream&env=staging",
]  # fmt: skip
NOT_A_CALL = [
    ('{"tool":"platformos.env.list","tool":"platformos.env.list"}', "names a key twice"),
    ('{"tool":"platformos.logs.stream","input":{"env":"staging","env":"staging"}}', "names a key twice"),
    ('{"tool":"platformos.logs.stream","input":{"env":"staging"},"more":{"a":1,"a":1}}', "names a key twice"),
    ('{"tool":"platformos.logs.stream","input":{"env":"staging"},"env":"staging"}', "`env` is not known here"),
    ('{"tool":"platformos.logs.stream","input":{"env":"staging","since":"1"}}', "since"),
    ('{"tool":"platformos.logs.stream","input":{"env":"staging","maxDuration":1000}}', "maxDuration"),
    ('{"tool":"platformos.logs.stream","input":{"env":"staging","lastId":"1","tail":1}}', "leave one out"),
    ('{"tool":"platformos.logs.stream","input":{"env":"\\ud800"}}', "surrogate"),
    ('{"tool":"platformos.logs.stream","input":{"\\ud800":"staging"}}', "surrogate"),
    ('{"tool":"platformos.logs.stream","input":{"env":"nowhere"}}', 'Unknown environment "nowhere"; known: staging.'),
    ('{"tool":"platformos.logs.stream","input":{"env":"staging\\u0000"}}', "Unknown environment"),
    ('{"tool":"platformos.logs.stream","input":{"env":"stag\\ning"}}', "Unknown environment"),
    ('{"tool":"platformos.logs.stream","input":{"env":[["staging"]]}}', "a list of names"),
    ('{"tool":"platformos.logs.stream","input":{"env":1}}', "`env` must be a string"),
    ('{"tool":"platformos.logs.stream","input":{"env":""}}', "`env` must be a string"),
    ('{"tool":"platformos.logs.stream","input":{}}', "`env` is missing"),
    ('{"tool":"platformos.logs.stream"}', "`env` is missing"),
    ('{"tool":"platformos.logs.stream","input":null}', "`input` must be a JSON object"),
    ('{"tool":"platformos.logs.stream","input":[]}', "`input` must be a JSON object"),
    ('{"tool":"platformos.logs.stream","input":"staging"}', "`input` must be a JSON object"),
    ('{"input":{"env":"staging"}}', "`tool` is missing"),
    ('{"tool":null}', "`tool` must be the name of a tool"),
    ('{"tool":["platformos.logs.stream"]}', "`tool` must be the name of a tool"),
    ('{"tool":{"name":"platformos.logs.stream"}}', "`tool` must be the name of a tool"),
    ('{"tool":true}', "`tool` must be the name of a tool"),
    ('{"tool":"platformos.logs.fetch","input":{"env":"staging"}}', "POST it to /call."),
]
NO_OBJECT = ("The body is not valid JSON", "The body must be a JSON object such as", "`tool` is missing")
NO_NUMBERS: list[Any] = ["3000", "", True, False, [], [3000], {}, -1, 0.1, 1e300, 10**18, 2**63]
BOUNDS = [
    (STREAM, "interval", [0, 249, 3_600_001]),
    (LIVE, "interval", [0, 249, 3_600_001]),
    (LIVE, "maxDuration", [0, 86_400_001]),
    (STREAM, "tail", [1.5, 3000.5, 10_001]),
    (FETCH, "tail", [1.5, 3000.5, 10_001]),
    (FETCH, "limit", [0, 1.5, 10_001]),
]


def path_of(tool: str) -> str:
    return "/call" if tool == FETCH else "/call-stream"


def test_a_body_that_is_no_json_object_is_refused_in_one_shape(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Text, an array, a scalar, NaN, 1e309 and endless nesting get the same 400 at both doors."""
    running = server(clients=clients())
    for body in NOT_AN_OBJECT:
        for path in ("/call-stream", "/call"):
            refused = post(running, body, path=path)
            told = (body[:40], refused)
            assert refused.status == 400, told
            assert refused.sentence.startswith(NO_OBJECT), told
    unharmed(running)


def test_an_object_that_is_no_call_is_refused_with_a_sentence_that_names_what_is_wrong(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """This holds for duplicate keys, unknown and missing fields, wrong types, half characters and the wrong door."""
    running = server(clients=clients())
    for body, sign in NOT_A_CALL:
        refused = post(running, body.encode())
        assert refused.status == 400, (body, refused)
        assert sign in refused.sentence, (body, refused)
    refused = post(running, b'{"tool":"platformos.logs.tail","input":{}}')
    assert (refused.status, "platformos.logs.stream" in refused.sentence) == (404, True)
    assert platformos.requests == []
    unharmed(running)


def test_a_number_that_is_none_or_out_of_bounds_is_refused_with_its_bounds(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """For every number of every tool, text, true, -1, fractions of entries and one past either bound are refused."""
    running = server(clients=clients())
    for tool, name, outside in BOUNDS:
        for value in NO_NUMBERS + outside:
            refused = post(running, asking(tool, **{name: value}), path=path_of(tool))
            assert refused.status == 400, (tool, name, value, refused)
            assert refused.sentence.startswith(f"`{name}` is "), (tool, name, value)
    assert platformos.requests == []
    unharmed(running)


def test_a_whole_number_is_one_however_it_is_written(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """`2.0`, `2e0` and `-0.0` are whole numbers to JSON Schema: they are taken, and mean what they say."""
    platformos.add_many(5)
    running = server(clients=clients())
    for name, text, count in (("limit", "2.0", 2), ("limit", "2e0", 2), ("tail", "2.0", 2), ("tail", "-0.0", 0)):
        got = post(running, b'{"tool":"platformos.logs.fetch","input":{"env":"staging","%s":%s}}'
                   % (name.encode(), text.encode()), path="/call")  # fmt: skip
        assert got.status == 200, (name, text, got)
        assert len(json.loads(json.loads(got.body)["content"][0]["text"])["logs"]) == count, (name, text)
    for more in ('"interval":2.5e2', '"tail":2.0,"interval":250.0', '"tail":0.0'):
        body = f'{{"tool":"{STREAM}","input":{{"env":"staging",{more}}}}}'.encode()
        got = post(running, body)
        assert got.is_stream, (more, got)
    unharmed(running)


def test_a_body_that_is_declared_as_something_else_is_refused_unread(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Text, forms and other JSON dialects get 415; JSON with a charset, or without any type, is taken."""
    running = server(clients=clients())
    for kind in (
        "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp",
        "application/vnd.api+json", "text/json", "*/*", "application",
    ):  # fmt: skip
        refused = post(running, asking(), f"Content-Type: {kind}")
        assert refused.status == 415, (kind, refused)
        assert refused.sentence == "The body must be JSON: send Content-Type: application/json."
    for kind in ("application/json; charset=utf-8", "APPLICATION/JSON", ""):
        assert post(running, asking(), f"Content-Type: {kind}").is_stream, kind
    unharmed(running)


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_that_is_too_large_is_refused_whole_and_soon(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """One byte past 64 KiB, 10 MB, 10 MB in chunks, and more than anyone would read get 413 each time."""
    running = server(kind, clients=clients())
    assert post(running, asking().ljust(65536)).is_stream
    for body in (asking().ljust(65537), b'{"a":"' + b"a" * 10_000_000 + b'"}', b" " * 30_000_000):
        refused = post(running, body)
        assert (refused.status, refused.sentence[:32]) == (413, "The body is larger than 64 KiB; "), len(body)
    chunks = (b"10000\r\n" + b" " * 65536 + b"\r\n") * 160 + b"0\r\n\r\n"
    refused = ask(running, request("/call-stream", chunks, CHUNKED, length=False))
    assert (refused.status, refused.sentence[:32]) == (413, "The body is larger than 64 KiB; ")
    unharmed(running)


@pytest.mark.parametrize("kind", KINDS)
def test_chunks_without_an_end_are_refused_soon_and_cost_no_memory(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """A client that never stops sending still gets 413, and its bytes are not read any more."""
    running = server(kind, clients=clients(), own=True)
    get(running, "/health")
    before = memory_mb(running)
    block = b"10000\r\n" + b" " * 65536 + b"\r\n"
    with connected(running) as sock:
        sock.sendall(request("/call-stream", b"", CHUNKED, length=False))
        sent = 0
        with contextlib.suppress(ConnectionError):
            while not is_readable(sock):
                sock.sendall(block)
                sent += len(block)
                assert sent < 1_000_000_000
        refused = answer(sock)
    assert (refused.status, refused.sentence[:32]) == (413, "The body is larger than 64 KiB; ")
    assert memory_mb(running) - before < 30
    unharmed(running)


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_that_breaks_off_is_refused(server: Callable[..., Server], platformos: PlatformOS, kind: str) -> None:
    """Half a body and then the client's FIN, by length or in chunks, gets 400 and takes no slot."""
    running = server(kind, clients=clients())
    whole = request("/call-stream", asking())
    chunked = request("/call-stream", b"40\r\n" + asking()[:30], CHUNKED, length=False)
    for part in (whole[:-30], chunked):
        with connected(running) as sock:
            sock.sendall(part)
            sock.shutdown(socket.SHUT_WR)
            refused = answer(sock)
        assert refused.status == 400, refused
        assert refused.sentence
    unharmed(running)


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_leaves_amid_a_body_that_nobody_wants_is_no_error(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """It is refused for its token, type or path, and gone before its body was whole: nothing is logged."""
    running = server(kind, clients=clients(), own=True)
    running.wait_output("}}'\n")  # the end of the start-up lines
    before = running.output
    for head in (
        request("/call", b"", "Content-Length: 1000", length=False, token=None),
        request("/call", b"", "Content-Length: 1000", "Content-Type: text/plain", length=False),
        request("/nowhere", b"", CHUNKED, length=False),
    ):
        with connected(running) as sock:
            sock.sendall(head + b"400\r\n" + b"x" * 100)
            get(running, "/livez", token=None)  # by now the other request has been taken up
            reset(sock)
    with connected(running) as sock:
        sock.sendall(request("/call", b"400\r\nx", CHUNKED, length=False, token=None))
        sock.shutdown(socket.SHUT_WR)
        assert answer(sock).status == 401
    unharmed(running)
    assert running.output == before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("token", [READER, None])
def test_chunks_that_are_none_are_refused(
    server: Callable[..., Server], platformos: PlatformOS, kind: str, token: str | None
) -> None:
    """A chunk whose size is not a number gets 400 if the body is read, 401 if it is discarded; nothing is logged."""
    running = server(kind, clients=clients())
    for chunk in (b"zz\r\n{}\r\n0\r\n\r\n", b"-1\r\n{}\r\n0\r\n\r\n", b"2\r\n{}}}}\r\n0\r\n\r\n"):
        refused = ask(running, request("/call-stream", chunk, CHUNKED, length=False, token=token))
        assert refused.status == (400 if token else 401), (chunk, refused)
        assert refused.sentence
    unharmed(running)


def test_lengths_that_contradict_each_other_are_refused_in_the_one_shape(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Two lengths, a length and chunks, a negative length: anything that could hide a second request is refused."""
    running = server(clients=clients())
    for lines in (("Content-Length: 2", "Content-Length: 3"), ("Content-Length: 2", CHUNKED), ("Content-Length: -2",)):
        refused = ask(running, request("/call-stream", b"{}", *lines, length=False))
        assert refused.status == 400, lines
        assert refused.sentence, lines


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_refused_unread_is_never_taken_for_a_request(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """A request hidden in a body that nobody parses (415, 404, 401) gets no answer."""
    running = server(kind, clients=clients())
    hidden = request("/livez", method="GET", token=None)
    for first in (
        request("/call-stream", hidden, "Content-Type: text/plain"),
        request("/nowhere", hidden),
        request("/call", hidden, token=None),
        request("/health", hidden, method="GET"),
    ):
        with connected(running) as sock:
            sock.sendall(first)
            assert answer(sock).status in (200, 401, 404, 415)
            with contextlib.suppress(ConnectionError):  # closing is as good
                if is_readable(sock):
                    assert sock.recv(1) == b""
                sock.sendall(request("/tools", method="GET"))
                assert b'"inputSchema"' in answer(sock).body
    unharmed(running)


@pytest.mark.slow
def test_slow_bodies_are_cut_off_after_ten_seconds_and_delay_nobody(
    tmp_path: Path, platformos: PlatformOS, server: Callable[..., Server]
) -> None:
    """One byte a second, none at all, and dripping chunks come with and without a token, on both kinds of worker."""
    running = [server(kind, clients=clients()) for kind in KINDS]
    stop = threading.Event()
    drips = [
        (408, request("/call-stream", b"", "Content-Length: 400", length=False), b" "),
        (408, request("/call", b"{", "Content-Length: 400", length=False), b""),
        (408, request("/call-stream", b"", CHUNKED, length=False), b"1\r\n \r\n"),
        (401, request("/call", b"", "Content-Length: 400", length=False, token=None), b" "),
        (415, request("/call", b"", "Content-Length: 400", "Content-Type: text/plain", length=False), b" "),
    ]

    def drip(at: Server, head: bytes, piece: bytes) -> tuple[Answer, float]:
        with connected(at) as sock:
            began = time.monotonic()
            sock.sendall(head)
            while not is_readable(sock):
                assert time.monotonic() - began < 2 * BODY_S, head
                with contextlib.suppress(ConnectionError):
                    sock.sendall(piece)
                stop.wait(1.0)  # the pace of the client; nothing waits for it
            return answer(sock), time.monotonic() - began

    with ThreadPoolExecutor(16) as pool, stopping(stop):
        futures = [(code, at, pool.submit(drip, at, head, piece)) for at in running for code, head, piece in drips]
        awaited = [future for code, _, future in futures if code == 408]
        answered = 0  # while all of those were
        while not all(future.done() for _, _, future in futures):
            for at in running:
                assert get(at, "/health", f"Origin: {PAGE}").status == 200
            answered += not any(future.done() for future in awaited)
            stop.wait(0.2)
        assert answered >= 3
        for code, at, future in futures:
            refused, seconds = future.result()
            assert refused.status == code, (at.kind, refused)
            assert refused.sentence
            assert seconds < BODY_S + 7, (at.kind, code, seconds)
            if code == 408 or at.kind == "gevent":  # no thread waits for a body that nobody wants
                assert seconds >= BODY_S - 0.5, (at.kind, code, seconds)
            if code == 408:
                assert refused.sentence == "The body did not come within 10 s; send it at once."
    for at in running:
        unharmed(at)


@contextlib.contextmanager
def stopping(stop: threading.Event) -> Iterator[None]:
    """End the threads that look at `stop`, whatever happens inside."""
    try:
        yield
    finally:
        stop.set()


def memory_mb(server: Server) -> float:
    """The resident memory of the worker."""
    status = Path(f"/proc/{server.worker_pid()}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024
