"""One server of each kind of worker serves all clients, with an environment for each client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.clients.table import CLIENTS
from tests.conftest import GUNICORN_KINDS
from tests.support.platformos import PlatformOS
from tests.support.server import Server

HEARTBEAT_S = 60  # longer than any wait of these tests: what a client holds back is not pushed out by a heartbeat


@dataclass(frozen=True, slots=True)
class House:
    """A server and the stand-ins behind it, by the names of their environments."""

    server: Server
    stand_ins: dict[str, PlatformOS]


@pytest.fixture(scope="session", params=GUNICORN_KINDS)
def house(request: pytest.FixtureRequest, started: Callable[..., Server]) -> Iterator[House]:
    """The server; each client has the environment of its name for itself."""
    with ExitStack() as stack:
        stand_ins = {name: stack.enter_context(PlatformOS()) for name in CLIENTS}
        heartbeat = {"POSLOGS_HEARTBEAT_SECONDS": str(HEARTBEAT_S)}
        server = stack.enter_context(started(request.param, environments=stand_ins, env=heartbeat))
        yield House(server, stand_ins)
