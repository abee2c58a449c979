"""Fault 38: all of them at once, under the default settings: the memory of the process has a ceiling."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import Crowd, quiet
from tests.faults.unread import begun, of_clients, peak, unread
from tests.faults.upstream import FETCH, STREAM, stand_ins
from tests.support.server import Server
from tests.wire.exchange import READER, asking, open_streams, wait_for

CEILING_MIB = 600  # docs/security.md, "Memory"
CLIENTS = 20  # hostile ones
STREAMS = 10  # of each: as many as it may have
CALLS = 8  # of each, and as many
HALVES = 200  # heads of strangers that are never whole
ROW = "x" * 3000
PATIENCE_S = 90.0
MIB = 1 << 20


def answers() -> Iterator[bytes]:
    """What takes the most memory of what an environment may answer (fault 35): as large as it may be, and packed."""
    yield b'{"logs":[' + b",".join(b'{"id":%d,"message":"%b"}' % (n, b"\x7f" * MIB) for n in range(1, 31)) + b"]}"
    yield b'{"logs":[' + b",".join(b'{"id":%d}' % number for number in range(1, 500_001)) + b"]}"


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_one_hostile_environment_and_twenty_hostile_clients_stay_below_the_ceiling(
    server: Callable[..., Server], kind: str
) -> None:
    """Each client has all its streams and calls and reads nothing; strangers send half heads, platformOS its worst."""
    tokens = [f"token-of-client-{number:04}" for number in range(CLIENTS)]
    with stand_ins("staging", "production") as instances, ExitStack() as stack:
        hostile, good = instances["staging"], instances["production"]
        good.add_many(10_000, message=ROW)
        running = server(kind, environments=instances, clients=of_clients(CLIENTS, limits={}), forked=False)
        crowd = stack.enter_context(Crowd(running, 8, READER))
        crowd.open()
        wait_for(lambda: bool(hostile.requests), PATIENCE_S)
        half = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Much: " + b"x" * 7000
        for _ in range(HALVES):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", running.port)))
            sock.sendall(half)
        streams: list[socket.socket] = []
        for number in range(STREAMS):  # each of a client's has a bound of its own for messages, which are longer
            body = asking(STREAM, env="production", tail=10_000, maxMessage=300 + 250 * number)
            streams += stack.enter_context(unread(running, "/call-stream", body, tokens))
        wait_for(lambda: begun(streams), PATIENCE_S)
        calls = asking(FETCH, env="production", lastId="0", limit=10_000)
        called = stack.enter_context(unread(running, "/call", calls, tokens * CALLS))
        wait_for(lambda: begun(called, b"HTTP/1.1 "), PATIENCE_S)
        for answer in answers():
            asked = len(hostile.requests)
            hostile.fail("raw", body=gzip.compress(answer, 1), headers={"Content-Encoding": "gzip"})
            wait_for(lambda asked=asked: len(hostile.requests) >= asked + 4, PATIENCE_S)
            hostile.heal()
        assert peak(running.worker_pid()) < CEILING_MIB
        worker = running.worker_pid()
    wait_for(lambda: open_streams(running) == 0, PATIENCE_S)
    assert running.worker_pid() == worker
    quiet(running)
