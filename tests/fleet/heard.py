"""What a Redis is told, by all its clients."""

from __future__ import annotations

import socket

from tests.fleet.redis_server import COMMAND_S, RedisServer


class Heard:
    """All commands that a Redis is given inside the `with`, with their arguments, as MONITOR shows them."""

    def __init__(self, redis: RedisServer) -> None:
        self._port = redis.port

    def __enter__(self) -> Heard:
        self._socket = socket.create_connection(("127.0.0.1", self._port), COMMAND_S)
        self._socket.sendall(b"MONITOR\r\n")
        assert self._socket.recv(5) == b"+OK\r\n"
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.close()

    def lines(self, last: bytes) -> list[bytes]:
        """The lines so far, up to the first that holds `last`: a word that the caller has just said to it."""
        found = b""
        while last not in found or not found.endswith(b"\r\n"):
            more = self._socket.recv(1 << 20)
            assert more, "it has closed the connection"
            found += more
        return found.split(b"\r\n")
