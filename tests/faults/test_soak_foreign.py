"""The soak's readers find what is not for them: a row of another environment, or any byte of one."""

from __future__ import annotations

import json
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.soak.clients import NAMES, filler
from tests.soak.environment import Environment
from tests.soak.manner import Manner
from tests.soak.readers import Subscriber
from tests.support.listener import Listener
from tests.support.platformos import PlatformOS

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n: open\n\n"
MANNER = Manner(
    "reader 1", "reads", NAMES[0], "platformos.logs.stream", {"env": NAMES[0]}, False, 0.0, (1e9, 1e9), None, None
)


def frame(environment: str, serial: int) -> bytes:
    """An entry of a row of this environment."""
    message = f"{environment} row {serial}: {filler(environment) * 50}"
    entry = {
        "id": str(serial),
        "message": message,
        "data": {"env": environment, "serial": serial, "as": "text", "length": len(message)},
    }
    data = json.dumps({"type": "text", "text": json.dumps(entry)})
    return f"id: {serial}\nevent: data\ndata: {data}\n\n".encode()


@contextmanager
def given(body: bytes) -> Iterator[Subscriber]:
    """A reader of the first environment that was given `body` on its first connection, and has come back."""
    came: list[socket.socket] = []
    came_back = threading.Event()

    def serve(conn: socket.socket) -> None:
        came.append(conn)
        if len(came) > 1:
            came_back.set()
            return
        conn.recv(65536)
        conn.sendall(HEAD + body)

    listener = Listener(serve)
    with PlatformOS() as platformos:
        environment = Environment(NAMES[0], platformos, 1)
        subscriber = Subscriber([f"http://127.0.0.1:{listener.port}"], MANNER, random.Random(1), environment)
        subscriber.start()
        try:
            assert came_back.wait(10), "it did not come back"
            yield subscriber
        finally:
            subscriber.stop()
            subscriber.join(20)
            listener.close()


def test_a_row_of_the_readers_own_environment_is_not_foreign() -> None:
    with given(frame(NAMES[0], 1) + frame(NAMES[0], 2)) as subscriber:
        assert list(subscriber.journal.serials) == [1, 2]
        assert subscriber.journal.foreign == []
        assert subscriber.journal.spoiled == []


def test_a_row_of_another_environment_is_foreign() -> None:
    """It is not taken for the row of the reader's own environment with the same number."""
    with given(frame(NAMES[0], 1) + frame(NAMES[1], 2)) as subscriber:
        assert list(subscriber.journal.serials) == [1]
        assert any(NAMES[1] in what for what in subscriber.journal.foreign)


@pytest.mark.parametrize(
    "stray",
    [
        pytest.param(frame(NAMES[1], 2)[60:], id="the end of an entry"),
        pytest.param(frame(NAMES[1], 2)[:-60], id="the beginning of an entry"),
        pytest.param(frame(NAMES[0], 2)[:-60] + filler(NAMES[1]).encode() * 8 + b"\n\n", id="letters in an entry"),
        pytest.param(b": heartbeat of " + NAMES[1].encode() + b"\n\n", id="a comment"),
    ],
)
def test_any_bytes_of_another_environment_are_foreign(stray: bytes) -> None:
    """The bytes are found even in a frame that is not an entry, or that cannot be read."""
    with given(frame(NAMES[0], 1) + stray) as subscriber:
        assert subscriber.journal.foreign
