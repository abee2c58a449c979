"""The server that the guide's blocks ask: at the port and with the tokens that they have written in."""

from __future__ import annotations

import fcntl
import socket
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.guide import guide_text
from tests.support.need import missing
from tests.support.platformos import PlatformOS
from tests.support.server import Server

PORT = 3030
LOCK_TIMEOUT_S = 240.0


@dataclass(frozen=True)
class Scene:
    """One test's view of the shared server. Its rows carry `mark`, since earlier tests have left theirs."""

    server: Server
    staging: PlatformOS
    production: PlatformOS
    mark: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def add(self, *types: str, to: str = "staging") -> list[str]:
        """List one row for each of `types`; returns their messages."""
        messages = [f"{self.mark} {uuid.uuid4().hex[:6]} {each}" for each in types]
        rows = [{"error_type": each, "message": text} for each, text in zip(types, messages, strict=True)]
        getattr(self, to).add(*rows)
        return messages

    def timestamp(self, message: str, of: str = "staging") -> str:
        """The time in the entry of the row with this message."""
        row = next(row for row in getattr(self, of).rows.values() if row["message"] == message)
        moment = datetime.strptime(row["created_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


@pytest.fixture(scope="session")
def shared_scene(started: Callable[..., Server]) -> Iterator[Scene]:
    """The server on the guide's port with a client of our own, over two stand-ins."""
    guide_text()
    with _alone_on_the_port(), PlatformOS() as staging, PlatformOS() as production:
        environments = {"staging": staging, "production": production}
        with started("gevent", environments=environments, port=PORT) as server:
            yield Scene(server, staging, production)


@pytest.fixture
def scene(shared_scene: Scene) -> Iterator[Scene]:
    """The shared server under a mark of its own, healthy before and after."""
    yield Scene(shared_scene.server, shared_scene.staging, shared_scene.production)
    shared_scene.staging.heal()
    shared_scene.production.heal()


@contextmanager
def _alone_on_the_port() -> Iterator[None]:
    """Only one run of these tests at a time has the port; a foreign process there ends the test."""
    with (Path(tempfile.gettempdir()) / f"poslogs-port-{PORT}.lock").open("w") as file:
        end = time.monotonic() + LOCK_TIMEOUT_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    missing(f"other tests hold port {PORT}: run them one after the other")
                time.sleep(0.2)
        for *_, address in socket.getaddrinfo("localhost", PORT, type=socket.SOCK_STREAM):
            with socket.socket(socket.AF_INET6 if ":" in str(address[0]) else socket.AF_INET) as sock:
                if sock.connect_ex(address) == 0:
                    missing(f"port {PORT} is taken, and the guide's blocks name it: stop what listens there")
        yield
