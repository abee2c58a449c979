"""Clients that ask and do not read, for the tests of what they can make the server hold."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.support.server import Server
from tests.wire.exchange import PLENTY, clients, request


@contextmanager
def unread(server: Server, path: str, body: bytes, tokens: Sequence[str]) -> Iterator[list[socket.socket]]:
    """Send one request for each token, and read nothing of the answers; small buffers hold little of them."""
    with ExitStack() as stack:
        socks = []
        for token in tokens:
            sock = stack.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", server.port))
            sock.sendall(request(path, body, token=token))
            socks.append(sock)
        yield socks


def begun(socks: Sequence[socket.socket], sign: bytes = b"HTTP/1.1 200") -> bool:
    """Whether all have got something that shows the sign; it stays unread."""
    return all(select.select([sock], [], [], 0)[0] and sign in sock.recv(65536, socket.MSG_PEEK) for sock in socks)


def peak(pid: int) -> float:
    """The most MiB that a process has had in memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024


def of_clients(count: int, limits: Mapping[str, Any] = PLENTY) -> dict[str, Any]:
    """A clients.json with `count` more clients and their tokens."""
    return clients(**{f"client{n}": {"token": f"token-of-client-{n:04}", "limits": limits} for n in range(count)})
