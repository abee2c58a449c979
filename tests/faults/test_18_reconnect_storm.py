"""Fault 18: a hundred reconnects a second: limits hold, and platformOS hears no more than one poll an interval."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import quiet
from tests.support.platformos import PlatformOS
from tests.support.quickest import TRIES, WAIT_S, quickest
from tests.support.server import Server
from tests.wire.exchange import (
    OPERATOR,
    OTHER,
    READER,
    STREAM,
    Answer,
    answer,
    asking,
    clients,
    connected,
    get,
    open_streams,
    request,
    reset,
    wait_for,
)

Start = Callable[..., Server]
A_SECOND = 100
SECONDS = 2
PLACE_S = 1.0  # until a place is free after its client has left
RETURN_S = 0.25  # the shortest pause between two polls that readers cause by coming back

pytestmark = pytest.mark.parametrize("kind", GUNICORN_KINDS)


def storm(server: Server, token: str, position: int | None = None) -> list[Answer]:
    """Reconnect A_SECOND times a second for SECONDS, leaving by FIN and RST in turn. Returns the answers."""
    headers = [] if position is None else [f"Last-Event-ID: {position}"]
    data = request("/call-stream", asking(interval=1000), *headers, token=token)
    answers = []
    begun = time.monotonic()
    for index in range(A_SECOND * SECONDS):
        with connected(server) as sock:
            sock.sendall(data)
            answers.append(answer(sock))
            if index % 2:
                reset(sock)
        with contextlib.suppress(ValueError):  # behind time
            time.sleep(begun + (index + 1) / A_SECOND - time.monotonic())
    return answers


def leaving(server: Server) -> float:
    """Seconds until no place is taken any more, as one more reader has left."""
    with server.stream(STREAM, {"env": "staging"}, token=READER) as reader:
        reader.wait_frame(lambda frame: frame.comment == "open")
    return wait_for(lambda: open_streams(server) == 0, WAIT_S)


def test_a_storm_meets_the_limits_and_the_server_is_well_afterwards(
    server: Start, platformos: PlatformOS, kind: str
) -> None:
    """Of 200 in two seconds 20 get in. The answers to the others say how long to wait. Another client is unharmed."""
    tokens = [OTHER, *(f"storm-token-{number}" for number in range(1, TRIES))]
    running = server(kind, clients=clients(**{token: {"token": token} for token in tokens}))
    turns = iter(tokens)
    platformos.add_many(3)
    with running.stream(STREAM, {"env": "staging", "interval": 250}, token=READER) as bystander:
        bystander.wait_entries(3)

        def stormed() -> float:
            """Seconds after a storm until the places that it took are free."""
            begun = time.monotonic()
            answers = storm(running, next(turns))
            told = Counter(each.status for each in answers)
            assert set(told) == {200, 429}
            assert 20 <= told[200] <= 20 + 20 * ((time.monotonic() - begun) // 10)  # a slow machine takes its time
            for refused in (each for each in answers if each.status == 429):
                assert refused.sentence.startswith("20 requests in 10 s reached")
                assert 1 <= int(refused.headers["retry-after"]) <= 60
            platformos.add_many(1)
            bystander.wait_entries(len(platformos.ids))
            return wait_for(lambda: open_streams(running) == 1, WAIT_S)

        assert quickest(stormed, PLACE_S) < PLACE_S
        health = json.loads(get(running, "/health", token=OPERATOR).body)
        assert health["status"] == "ok"
    wait_for(lambda: open_streams(running) == 0, WAIT_S)
    assert quickest(lambda: leaving(running), PLACE_S) < PLACE_S
    quiet(running)


def questions_of_a_storm(running: Server, platformos: PlatformOS) -> tuple[int, float]:
    """How many questions came amid a storm that opens no connection to platformOS, and within how many seconds."""
    begun = time.monotonic()
    connections, asked = platformos.connections, len(platformos.requests)
    answers = storm(running, READER, 3)
    more = len(platformos.requests) - asked
    took = time.monotonic() - begun
    assert {each.status for each in answers} == {200}
    assert platformos.connections == connections
    return more, took


def test_a_storm_does_not_restart_the_poller(server: Start, platformos: PlatformOS, kind: str) -> None:
    """One client without limits causes one connection to platformOS and one poll an interval, and one to spare."""
    running = server(kind, clients=clients())
    platformos.add_many(3)

    def stormed() -> float:
        """Seconds after a storm until all places are free."""
        with running.stream(STREAM, {"env": "staging", "interval": 1000}, token=READER) as first:
            first.wait_entries(3)
            more, took = questions_of_a_storm(running, platformos)
            assert more <= took + 2
            assert not first.ended
        return wait_for(lambda: open_streams(running) == 0, WAIT_S)

    assert quickest(stormed, PLACE_S) < PLACE_S
    quiet(running)


def test_a_storm_that_comes_and_goes_alone_finds_the_poller_still_there(
    server: Start, platformos: PlatformOS, kind: str
) -> None:
    """Nobody else reads, yet there is one connection, and a few polls a second at most."""
    running = server(kind, clients=clients())
    platformos.add_many(3)
    with running.stream(STREAM, {"env": "staging", "interval": 1000}, token=READER) as first:
        first.wait_entries(3)
    more, took = questions_of_a_storm(running, platformos)
    assert more <= took / RETURN_S + 2
    assert platformos.max_in_flight == 1
    with running.stream(STREAM, {"env": "staging"}, token=READER, headers={"Last-Event-ID": "3"}) as last:
        platformos.add_many(1)
        assert [entry["id"] for entry in last.wait_entries(1)] == ["4"]
    wait_for(lambda: open_streams(running) == 0, WAIT_S)
    assert quickest(lambda: leaving(running), PLACE_S) < PLACE_S
    quiet(running)
