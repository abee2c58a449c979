"""What the adapter promises of its connections: one that is closed is closed at once, whatever happened on it."""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator

import pytest
from urllib3.connectionpool import HTTPConnectionPool

from poslogs.platformos.environments import Environment
from poslogs.platformos.gateway import GatewayError, HttpGateway
from tests.support.platformos import PlatformOS


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Python's collector does not look meanwhile, as it hardly ever does in a server at rest."""
    gc.disable()
    yield
    gc.enable()


def connections_to(port: int) -> int:
    """How many sockets of this process are connected to a port of its own host as clients."""
    count = 0
    for it in gc.get_objects():
        if isinstance(it, socket.socket) and it.fileno() != -1 and it.family == socket.AF_INET:
            try:
                count += it.getpeername()[1] == port
            except OSError:
                pass  # a listener, or gone already
    return count


def pools_to(port: int) -> int:
    """How many pools of connections to a port are held, be it by a circle that waits for the collector."""
    return sum(isinstance(it, HTTPConnectionPool) and it.port == port for it in gc.get_objects())


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("kind", ["reset", "drip_headers", "raw", "status"])
def test_a_gateway_that_is_closed_keeps_no_connection_also_after_questions_that_failed(kind: str) -> None:
    """After two failed answers and a good one it is closed: no connection is left, and it may be asked again.

    Nor is a pool left for the collector: it would close that wherever it runs, be it deep inside another parser.
    """
    options = {
        "raw": {"raw": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"},
        "status": {"status": 503},
        "drip_headers": {},
        "reset": {},
    }[kind]
    with PlatformOS() as platformos:
        platformos.add_many(2)
        there = Environment("staging", platformos.url, platformos.email, platformos.token)
        gateway = HttpGateway(there, seconds=1.0, max_bytes=1 << 20)
        platformos.fail(kind, times=2, **options)
        for _ in range(2):
            with pytest.raises(GatewayError):
                gateway.after(0)
        assert gateway.after(0).rows == 2
        assert connections_to(platformos.port) == 2  # the connection, and the wire's own way to cut it
        gateway.close()
        assert (connections_to(platformos.port), pools_to(platformos.port)) == (0, 0)
        assert gateway.after(0).rows == 2
        gateway.close()
        assert (connections_to(platformos.port), pools_to(platformos.port)) == (0, 0)
