"""A place for a stream is free as soon as its client has left, in any way and under any server."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import pytest

from tests.support.platformos import PlatformOS
from tests.support.quickest import WAIT_S, quickest
from tests.support.server import Server
from tests.wire.exchange import (
    OPERATOR,
    OTHER,
    PLENTY,
    READER,
    STREAM,
    answer,
    asking,
    at_once,
    clients,
    close_all,
    connected,
    get,
    is_readable,
    open_streams,
    post,
    request,
    reset,
    unharmed,
    wait_for,
)

KINDS = ["gevent", "gthread"]
ALL_KINDS = [*KINDS, "waitress", "flask"]
LEFT_S = 1.0  # until a place is free after its client has left (contract, "Limits")
TEN = {"token": OTHER, "limits": {"requests": PLENTY["requests"], "streams": 10}}
SLOW_BEAT = {"POSLOGS_HEARTBEAT_SECONDS": "60"}  # no heartbeat comes in time to notice


def leave(sock: socket.socket, how: str) -> None:
    """Leave with a FIN or a RST."""
    if how == "rst":
        return reset(sock)
    sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):  # a close with bytes left to read would send a RST
        while sock.recv(65536):
            pass
    sock.close()


def opened(server: Server, token: str = OTHER) -> socket.socket:
    """A connection with a stream that has begun."""
    sock = socket.create_connection(("127.0.0.1", server.port), 15)
    sock.sendall(request("/call-stream", asking(), token=token))
    got = answer(sock)
    assert got.is_stream, got
    return sock


def freed(server: Server) -> float:
    """Seconds until no place is taken any more."""
    return wait_for(lambda: open_streams(server) == 0, WAIT_S)


@pytest.mark.parametrize("kind", KINDS)
def test_a_place_is_free_within_a_second_of_its_clients_leaving(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """It leaves by FIN, RST or half-close, or amid a torrent of frames. The next heartbeat would be a minute away."""
    running = server(kind, clients=clients(other=TEN), env=SLOW_BEAT)

    def idle(how: str) -> float:
        """Seconds until the places of three that leave are free."""
        socks = [opened(running) for _ in range(3)]
        assert open_streams(running) == 3
        for sock in socks:
            leave(sock, how)
        return freed(running)

    def half() -> float:
        """The same of one that closes its sending side."""
        with contextlib.closing(opened(running)) as sock:
            sock.shutdown(socket.SHUT_WR)
            return freed(running)

    def stuck(how: str) -> float:
        """The same of one that reads nothing of 16 MB."""
        sock = opened(running)
        wait_for(lambda: is_readable(sock))
        assert open_streams(running) == 1
        leave(sock, how)
        return freed(running)

    for how in ("fin", "rst"):
        assert quickest(partial(idle, how), LEFT_S) < LEFT_S, how
    assert quickest(half, LEFT_S) < LEFT_S
    platformos.add_many(40, message="x" * 400_000)
    for how in ("fin", "rst"):
        assert quickest(partial(stuck, how), LEFT_S) < LEFT_S, how
    unharmed(running)


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_leaves_before_its_stream_begins_leaves_nothing_behind(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """Forty times a RST or FIN follows the request at once, or after the first byte. No place is ever lost."""
    running = server(kind, clients=clients(other=TEN), env=SLOW_BEAT)
    data = request("/call-stream", asking(), token=OTHER)
    for number in range(40):
        sock = socket.create_connection(("127.0.0.1", running.port), 15)
        sock.sendall(data)
        if number % 4 == 0:
            wait_for(lambda sock=sock: is_readable(sock))  # type: ignore[misc]
        reset(sock) if number % 2 else sock.close()
    wait_for(lambda: open_streams(running) == 0)
    answers, socks = at_once(running, 10, data)
    assert [each.status for each in answers] == [200] * 10
    close_all(socks)
    unharmed(running)


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_page_that_is_reloaded_again_and_again_does_not_lock_itself_out(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """With ten streams and the default rate a page opens a stream and leaves it, fifteen times without a pause."""
    running = server(kind, clients=clients(other={"token": OTHER}), env=SLOW_BEAT)
    for number in range(15):
        leave(opened(running), "rst" if number % 2 else "fin")
    with connected(running) as last:
        last.sendall(request("/call-stream", asking(), token=OTHER))
        assert answer(last).is_stream
        assert 1 <= open_streams(running) <= 10


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_ten_places_that_were_left_are_ten_places_again(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """All ten leave at one moment and ten more come at once, three times. Only an 11th is refused."""
    running = server(kind, clients=clients(other=TEN), env=SLOW_BEAT)
    for number in range(3):
        socks = [opened(running) for _ in range(10)]
        assert post(running, asking(), token=OTHER).status == 429
        assert open_streams(running) == 10
        for sock in socks:
            leave(sock, "rst" if number % 2 else "fin")


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_server_says_so_and_answers_everything_else(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """With POSLOGS_MAX_STREAMS=3 any fourth stream gets 503 with Retry-After. /health and a fetch still work."""
    running = server(kind, clients=clients(other=TEN), env={**SLOW_BEAT, "POSLOGS_MAX_STREAMS": "3"})
    with ExitStack() as stack:
        three = [
            stack.enter_context(running.stream(STREAM, {"env": "staging", "interval": 250}, token=token))
            for token in (READER, OTHER, OTHER)
        ]
        assert [reader.status for reader in three] == [200] * 3
        for token in (READER, OTHER, OPERATOR) * 2:
            refused = post(running, asking(), token=token)
            assert refused.status == 503
            assert refused.sentence.startswith("This server has as many streams as it can hold")
            assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert get(running, "/health").status == 200
        assert get(running, "/readyz", token=None).status == 200
        assert open_streams(running) == 3
        platformos.add({})
        for reader in three:
            reader.wait_entries(1)
        three[0].reset()
        wait_for(lambda: open_streams(running) == 2)
        stack.enter_context(running.stream(STREAM, {"env": "staging"}, token=READER)).wait_entries(1)
    unharmed(running)


@pytest.mark.parametrize("kind", KINDS)
def test_of_twenty_at_the_same_instant_exactly_one_gets_the_servers_last_place(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """Two of three places are taken. Of twenty requests completed together one gets 200, nineteen 503."""
    running = server(kind, clients=clients(), env={**SLOW_BEAT, "POSLOGS_MAX_STREAMS": "3"})
    two = [opened(running, READER) for _ in range(2)]
    for _ in range(3):
        answers, socks = at_once(running, 20, request("/call-stream", asking()))
        assert sorted(each.status for each in answers) == [200] + [503] * 19
        assert open_streams(running) == 3
        close_all(socks)
        unharmed(running, streams=2)
    close_all(two)
    unharmed(running)


def test_a_full_server_finds_the_places_that_were_left(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """waitress does not report clients that leave, so at POSLOGS_MAX_STREAMS the server looks for itself."""
    running = server("waitress", clients=clients(other=TEN), env={**SLOW_BEAT, "POSLOGS_MAX_STREAMS": "3"})
    for _ in range(2):
        for sock in [opened(running) for _ in range(3)]:
            leave(sock, "fin")


def test_places_are_counted_for_each_client_apart(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """Clients may have one stream, none, or ten. What one holds takes nothing from another."""
    one = {"token": "token-of-one", "limits": {"streams": 1}}
    none = {"token": "token-of-none", "limits": {"streams": 0}}
    running = server(clients=clients(one=one, none=none, other=TEN))
    with ExitStack() as stack:
        stack.enter_context(contextlib.closing(opened(running, "token-of-one")))
        for token in ("token-of-one", "token-of-none"):
            refused = post(running, asking(), token=token)
            assert refused.status == 429, token
            assert "for this client" in refused.sentence
            assert get(running, "/tools", token=token).status == 200
        for _ in range(10):
            stack.enter_context(contextlib.closing(opened(running)))
        assert post(running, asking(), token=OTHER).status == 429
        stack.enter_context(contextlib.closing(opened(running, READER)))
        assert open_streams(running) == 12
    unharmed(running)
