"""A storm at one instant: requests to all servers whose last bytes leave together."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Sequence
from contextlib import ExitStack

from tests.support.server import Server
from tests.wire.exchange import ANSWER_S, Answer, answer


def at_once(
    stack: ExitStack, servers: Sequence[Server], count: int, data: bytes, source: str = "127.0.0.1"
) -> list[Answer]:
    """The answers to `count` requests, given to the servers in turn; their connections are open until `stack` ends."""
    turns = itertools.islice(itertools.cycle(servers), count)
    socks = [
        stack.enter_context(socket.create_connection(("127.0.0.1", server.port), ANSWER_S, (source, 0)))
        for server in turns
    ]
    for sock in socks:
        sock.sendall(data[:-1])
    for sock in socks:
        sock.sendall(data[-1:])
    return [answer(sock) for sock in socks]
