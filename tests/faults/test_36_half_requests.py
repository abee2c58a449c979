"""Fault 36: strangers who hold connections, send half a request or read no answer: nobody else notices."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import INPUT, Steady, bound, lossless
from tests.support.platformos import PlatformOS
from tests.support.reader import Reader
from tests.support.server import Server
from tests.wire.exchange import (
    FETCH,
    READER,
    STREAM,
    answer,
    ask,
    asking,
    clients,
    connected,
    get,
    request,
    unharmed,
    wait_for,
)

Start = Callable[..., Server]

CONNECTIONS, THREADS = 120, 24  # that the worker has
STRANGERS = 180
PROBES = 20
PROBE_S = 1.0  # /livez is answered within
HEAD_S = 10.0  # a head must have come by then (servers/visit.py)
NOT_A_PROXY = {"POSLOGS_PROXIES": "192.0.2.1"}  # so that loopback is counted like any address
LIVEZ = request("/livez", method="GET", token=None)
HEAD = LIVEZ[:-10]
FIELD = b"X-Long: " + b"a" * 8000 + b"\r\n"
ATTACKS = {
    "half a head": HEAD,
    "a head without an end": HEAD.rsplit(b"\r\n", 1)[0] + b"\r\n" + FIELD * 97,
    "no byte": b"",
    "a kept connection": LIVEZ,
    "half a body": request("/call", b"", "Content-Length: 400", length=False, token=None) + b"{",
    "an answer that is not read": request("/", method="GET", token=None) * 60,
    "a close that is not answered": request("/livez", b"", "Connection: close", method="GET", token=None),
}

kinds = pytest.mark.parametrize("kind", GUNICORN_KINDS)


def small(server: Start, kind: str, **kw: Any) -> Server:
    """A server with few connections and threads."""
    few = ["--worker-connections", str(CONNECTIONS), "--threads", str(THREADS if kind == "gthread" else 1)]
    return server(kind, clients=clients(), args=few, **kw)


@contextmanager
def strangers(server: Server, data: bytes, count: int = STRANGERS) -> Iterator[list[socket.socket]]:
    """Connections that have sent `data`, as far as the server took it without being read from."""
    with ExitStack() as stack:
        socks = []
        for _ in range(count):
            sock = stack.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            with contextlib.suppress(OSError):
                sock.settimeout(2)
                sock.connect(("127.0.0.1", server.port))
                sock.setblocking(False)
                sock.send(data)
            socks.append(sock)
        yield socks


def closed(sock: socket.socket) -> bool:
    """Whether the server has closed or reset the connection; reads what came before."""
    try:
        while select.select([sock], [], [], 0)[0]:
            if not sock.recv(65536):
                return True
    except OSError:
        return True
    return False


@pytest.mark.slow
@kinds
@pytest.mark.parametrize("attack", ATTACKS)
def test_strangers_who_hold_connections_shut_nobody_out(
    server: Start, platformos: PlatformOS, kind: str, attack: str
) -> None:
    """They are half as many again as the worker allows. Probes are answered within a second, and a stream goes on."""
    running = small(server, kind)
    with Steady(running.url, token=READER) as steady:
        platformos.add({})
        steady.wait(1)
        with strangers(running, ATTACKS[attack]) as socks:
            for count in range(PROBES):
                begun = time.monotonic()
                assert get(running, "/livez", token=None).status == 200
                assert time.monotonic() - begun < 2 * bound(PROBE_S), count
                for sock in socks:  # who is cut comes again
                    if attack == "a kept connection" and not count % 5:
                        with contextlib.suppress(OSError):
                            sock.send(LIVEZ)
                if not count % 10:
                    platformos.add({})
            assert post_fetch(running) == 200
        steady.wait(3)
        assert len(steady.answers) == 1
        lossless([steady], platformos)
    unharmed(running)


def post_fetch(server: Server) -> int:
    """The answer to a client with a token that sends its request slowly."""
    data = request("/call", asking(FETCH))
    with connected(server) as sock:
        sock.sendall(data[:20])
        sock.sendall(data[20:])
        return answer(sock).status


@kinds
def test_connections_of_one_address_are_bounded(server: Start, platformos: PlatformOS, kind: str) -> None:
    """The ninth of eight gets 503 at once. Streams do not count, an idle one gives way, other addresses go on."""
    running = server(kind, clients=clients(), env={**NOT_A_PROXY, "POSLOGS_ADDRESS_CONNECTIONS": "8"}, own=True)
    with ExitStack() as stack:
        readers: list[Reader] = []
        for _ in range(12):  # at once they would be more than eight connections
            readers.append(stack.enter_context(running.stream(STREAM, INPUT, token=READER)))
            readers[-1].wait_until(lambda: bool(readers[-1].comments))
        assert get(running, "/livez").status == 200
        with ExitStack() as waiting:
            socks: list[socket.socket] = []
            wait_for(lambda: eight_stand(running, waiting, socks), 15)
            refused = get(running, "/livez")
            assert refused.sentence == "Too many connections from this address; close some, or try again in a moment."
            assert refused.headers["retry-after"] == "1"
            assert get(running, "/livez", source="127.0.0.2").status == 200
            assert not any(closed(sock) for sock in socks)
        wait_for(lambda: get(running, "/livez").status == 200)
        kept: list[socket.socket] = []
        wait_for(lambda: kept_one_more(running, stack, kept), 15)
        assert any(closed(sock) for sock in kept)
        assert [reader.dump() for reader in readers if reader.ended] == []
    wait_for(lambda: all(get(running, "/livez").status == 200 for _ in range(5)), 15)  # all are known to have left
    unharmed(running)


def eight_stand(server: Server, stack: ExitStack, socks: list[socket.socket]) -> bool:
    """Whether eight connections wait with half a head, all of them let in, and one more is not.

    The test's own closed connections may count a moment longer; one that was refused for them tries again.
    """
    socks[:] = [sock for sock in socks if not closed(sock)]
    while len(socks) < 8:
        socks.append(stack.enter_context(connected(server)))
        socks[-1].sendall(HEAD)
    return get(server, "/livez").status == 503 and not any(closed(sock) for sock in socks)


def kept_one_more(server: Server, stack: ExitStack, kept: list[socket.socket]) -> bool:
    """Whether ten connections that their client keeps were let in, one after the other."""
    sock = stack.enter_context(connected(server))
    sock.sendall(LIVEZ)
    if answer(sock).status == 200:
        kept.append(sock)
    return len(kept) == 10


@kinds
def test_proxies_are_not_counted(server: Start, platformos: PlatformOS, kind: str) -> None:
    """Loopback is a proxy by default, since all that nginx passes on comes from there."""
    running = server(kind, clients=clients(), env={"POSLOGS_ADDRESS_CONNECTIONS": "4"}, own=True)
    with strangers(running, HEAD, 20):
        assert get(running, "/livez").status == 200
    unharmed(running)


@pytest.mark.slow
def test_a_head_that_does_not_come_and_an_answer_that_is_not_taken_have_their_time(
    server: Start, platformos: PlatformOS
) -> None:
    """A head has ten seconds, even if it drips; an answer has POSLOGS_ANSWER_SECONDS; a stream has no such bound."""
    platformos.add_many(3, message="x" * 1_500_000)
    env = {"POSLOGS_ANSWER_SECONDS": "2"}
    for running in [server(kind, clients=clients(), env=env, own=True) for kind in GUNICORN_KINDS]:
        fetch, stream = request("/call", asking(FETCH)), request("/call-stream", asking(STREAM))
        with (
            strangers(running, HEAD, 3) as heads,
            strangers(running, b"", 3) as silent,
            strangers(running, fetch, 3) as unread,
            strangers(running, stream, 1) as streams,
        ):
            begun = time.monotonic()
            wait_for(lambda: running_calls_are_over(unread), 30)
            while not all(closed(sock) for sock in (*heads, *silent)):
                assert time.monotonic() - begun < 2 * bound(HEAD_S)
                for sock in heads:
                    with contextlib.suppress(OSError):
                        sock.send(b"a")
                time.sleep(0.2)
            assert not closed(streams[0])
        unharmed(running)


def running_calls_are_over(socks: list[socket.socket]) -> bool:
    """Whether all clients that do not take their answers were reset."""
    waiter = select.poll()
    for sock in socks:
        waiter.register(sock, select.POLLHUP)
    return len(waiter.poll(0)) == len(socks)


@kinds
def test_a_head_is_bounded_at_64_kib_in_all(server: Start, platformos: PlatformOS, kind: str) -> None:
    """Fields that are each allowed but too large together get 431 before the rest has come; 56 kB are taken."""
    running = server(kind, clients=clients(), own=True)
    begin = LIVEZ[:-2]
    assert ask(running, begin + FIELD * 7 + b"\r\n").status == 200
    for rest in (FIELD, b"X: y\r\n" * 10_000, b"X: " + b"a" * 70_000):
        refused = ask(running, begin + FIELD * 8 + rest[:8000])
        assert refused.status == 431, rest[:20]
        assert refused.sentence == "Request header fields too large: the request could not be understood."
        assert refused.headers["connection"] == "close"
    unharmed(running)


@kinds
def test_requests_that_are_sent_all_at_once_are_answered_one_a_connection(
    server: Start, platformos: PlatformOS, kind: str
) -> None:
    """A packet of many requests gets one answer, which says so. A body does not count as a second request."""
    running = server(kind, clients=clients(), own=True)
    with connected(running) as sock:
        sock.sendall(LIVEZ * 50)
        first = answer(sock)
        assert (first.status, first.headers["connection"]) == (200, "close")
        wait_for(lambda: closed(sock))
    with connected(running) as sock:
        for _ in range(3):
            sock.sendall(request("/call", asking(FETCH)))
            told = answer(sock)
            assert (told.status, told.headers["connection"]) == (200, "keep-alive")
            assert json.loads(told.body)["content"]
    unharmed(running)
