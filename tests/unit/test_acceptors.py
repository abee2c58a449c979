"""What accepting under gevent promises as a worker stops: whoever was accepted is served, and nobody else is."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from gevent import pool
from gevent import socket as cooperative

from poslogs.servers.acceptors import Acceptors

PATIENCE_S = 10.0


def test_a_connection_that_was_accepted_is_served_though_its_listener_is_closed() -> None:
    """gunicorn asks for the listener's name as it begins with a connection, and resets the connection if that fails."""
    names: list[Any] = []

    def handle(listener: Any, client: Any, _: Any) -> None:
        acceptors.close()
        names.append(listener.getsockname())
        client.sendall(b"served")
        client.close()

    listener = cooperative.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(5)
    name = listener.getsockname()
    acceptors = Acceptors(handle, alone=True)
    acceptors.accept_at(listener, pool.Pool(5)).start()
    with cooperative.create_connection(name, timeout=PATIENCE_S) as client:
        assert client.recv(10) == b"served"
    assert names == [name]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(name, timeout=PATIENCE_S)
