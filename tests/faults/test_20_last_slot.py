"""Fault 20: the 11th stream is refused, and of twenty that want the last slot at one instant exactly one gets it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.support.platformos import PlatformOS
from tests.support.reader import Reader
from tests.support.server import Server
from tests.wire.exchange import (
    OTHER,
    PLENTY,
    STREAM,
    asking,
    at_once,
    clients,
    close_all,
    open_streams,
    post,
    request,
    unharmed,
)

TEN = clients(other={"token": OTHER, "limits": {"requests": PLENTY["requests"]}})  # ten streams are the default

pytestmark = pytest.mark.parametrize("kind", ["gevent", "gthread"])


def stream(server: Server) -> Reader:
    """One more stream of the client that may have ten."""
    reader = server.stream(STREAM, {"env": "staging", "interval": 250}, token=OTHER)
    assert reader.status == 200
    return reader


def test_the_11th_stream_is_refused_and_the_ten_go_on(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """It gets 429 with a sentence and Retry-After each time. A row still reaches all ten, and a place left is free."""
    running = server(kind, clients=TEN)
    with ExitStack() as stack:
        ten = [stack.enter_context(stream(running)) for _ in range(10)]
        for _ in range(5):
            refused = post(running, asking(), token=OTHER)
            assert refused.status == 429
            assert refused.sentence.startswith(
                "Streams open for this client: 10, as many as it may have; close one of "
            )
            assert 1 <= int(refused.headers["retry-after"]) <= 60
            assert "x-ratelimit-limit" in refused.headers
        assert open_streams(running) == 10
        platformos.add({})
        for reader in ten:
            reader.wait_entries(1)
        ten[0].close()
        stack.enter_context(stream(running)).wait_entries(1)
        assert post(running, asking(), token=OTHER).status == 429
    unharmed(running)


def test_of_twenty_at_the_same_instant_exactly_one_gets_the_last_slot(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """Nine are open. Twenty requests are completed together, three times: each time one gets 200, nineteen 429."""
    running = server(kind, clients=TEN)
    with ExitStack() as stack:
        nine = [stack.enter_context(stream(running)) for _ in range(9)]
        for _ in range(3):
            answers, socks = at_once(running, 20, request("/call-stream", asking(), token=OTHER))
            assert sorted(each.status for each in answers) == [200] + [429] * 19
            assert {each.sentence[:12] for each in answers if each.status == 429} == {"Streams open"}
            assert open_streams(running) == 10
            close_all(socks)
            unharmed(running, streams=9)
        assert not any(reader.ended for reader in nine)
    unharmed(running)


def test_of_twenty_at_the_same_instant_on_an_empty_server_exactly_ten_get_in(
    server: Callable[..., Server], platformos: PlatformOS, kind: str
) -> None:
    """A page that opens twenty at once gets ten, and ten again as soon as it has left."""
    running = server(kind, clients=TEN)
    for _ in range(3):
        answers, socks = at_once(running, 20, request("/call-stream", asking(), token=OTHER))
        assert sorted(each.status for each in answers) == [200] * 10 + [429] * 10
        close_all(socks)
    unharmed(running)
