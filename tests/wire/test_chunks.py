"""Streams with and without HTTP's chunked coding."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.support.platformos import PlatformOS
from tests.support.server import TOKEN, Server
from tests.wire.exchange import LIVE, asking, connected, request

INPUT = {"interval": 250, "lastId": "0", "maxDuration": 1000}
DONE = b"\n\nevent: done\ndata: [DONE]\n\n"
LAST_CHUNK = b"0\r\n\r\n"


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_who_asks_for_a_close_gets_a_stream_without_chunks(
    kind: str, server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """PHP's streams ask so, since they hold chunks back. They get plain frames, or gzip, until the close."""
    platformos.add_many(2)
    running = server(kind)
    with _warm(running):
        for value in ("close", "Close"):
            head, body = _whole(running, asking(LIVE, **INPUT), f"Connection: {value}")
            assert b"transfer-encoding" not in head
            assert b"connection: close" in head
            assert body.startswith(b": open\n\nid: 1\n")
            assert body.endswith(DONE)
        head, body = _whole(running, asking(LIVE, **INPUT), "Connection: close", "Accept-Encoding: gzip")
    assert b"transfer-encoding" not in head
    assert zlib.decompress(body, 31).endswith(DONE)


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
@pytest.mark.parametrize("value", ["keep-alive", "TE, close"])
def test_all_others_get_chunks(kind: str, value: str, server: Callable[..., Server], platformos: PlatformOS) -> None:
    """With chunks a client can tell a cut from an end. Perl's LWP says that it knows more codings, and closes."""
    platformos.add_many(2)
    running = server(kind)
    with _warm(running):
        head, body = _whole(running, asking(LIVE, **INPUT), f"Connection: {value}", "TE: deflate,gzip;q=0.3")
    assert b"transfer-encoding: chunked" in head
    assert body.endswith(LAST_CHUNK)


@contextmanager
def _warm(server: Server) -> Iterator[None]:
    """While another reader has both rows, they are in memory: a stream has them as soon as it begins."""
    with server.stream(LIVE, {"env": "staging", "interval": 250}) as other:
        other.wait_entries(2)
        yield


def _whole(server: Server, body: bytes, *headers: str) -> tuple[bytes, bytes]:
    """The head of an answer, in lower case, and all that comes behind it until the server closes."""
    with connected(server) as sock:
        sock.sendall(request("/call-stream", body, *headers, token=TOKEN))
        got = b""
        while not _is_whole(got) and (piece := sock.recv(65536)):
            got += piece
    head, _, rest = got.partition(b"\r\n\r\n")
    return head.lower(), rest


def _is_whole(got: bytes) -> bool:
    """Whether the last chunk has come. A head alone may end alike, as after `X-RateLimit-Reset: …0`."""
    return got.partition(b"\r\n\r\n")[2].endswith(LAST_CHUNK)
