"""The server that is measured: a process of its own, in a folder of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.errors import RunFailed

START_SECONDS = 60.0  # a machine may be busy with much else
STOP_SECONDS = 3.0  # after TERM; then KILL
GONE_SECONDS = 1.0  # after KILL; the system reaps processes that are not our children
HEALTH_SECONDS = 10.0
LOG_BYTES = 2000  # of a server that has failed, shown from the end
PORTS = range(30_000, 32_700)  # the tests have those below for themselves
OURS = ("POSLOGS_", "MPKIT_", "GUNICORN_", "FLASK_", "PYTHONDEVMODE")
ALSO_OURS = ("CONFIG_FILE_PATH", "HOST", "PORT", "WEB_CONCURRENCY")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, below those that systems give to outgoing connections.

    One of these could be taken before the server that is started listens on it. Raises RunFailed when all are.
    """
    for port in random.SystemRandom().sample(PORTS, 100):
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port
    raise RunFailed(f"No port from {PORTS[0]} to {PORTS[-1]} is free.")


class Server:
    """A process that listens on `port`. A context manager: TERM at its end, then KILL for the whole of its session."""

    def __init__(self, command: Sequence[str], port: int, folder: Path, env: Mapping[str, str]) -> None:
        """Start it and wait until it listens. Raises RunFailed, with the end of its log, when it does not."""
        self.port = port
        self._log = folder / "server.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**_clean(), **env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """The process that was started; it may have children."""
        return self.process.pid

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def health(self, token: str) -> dict[str, Any]:
        """What poslogs says of itself. Raises OSError or ValueError when it does not."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=HEALTH_SECONDS)
        try:
            connection.request("GET", "/health", headers={"Authorization": f"Bearer {token}"})
            found: dict[str, Any] = json.loads(connection.getresponse().read())
            return found
        finally:
            connection.close()

    def tail(self) -> str:
        """The end of its log."""
        return self._log.read_bytes()[-LOG_BYTES:].decode(errors="replace")

    def stop(self) -> None:
        """End it and all that it has started."""
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            self.process.terminate()
            self.process.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)  # its session is its own: nothing else is hit
        self.process.wait(STOP_SECONDS)
        end = time.monotonic() + GONE_SECONDS
        while self._has_members() and time.monotonic() < end:
            time.sleep(0.01)

    def _has_members(self) -> bool:
        try:
            os.killpg(self.process.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def _wait(self) -> None:
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.5).close()
                return
            except OSError as error:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise RunFailed(f"The server did not start:\n{self.tail()}") from error
            time.sleep(0.05)


def _clean() -> dict[str, str]:
    # Neither what a person has set for a server of theirs, nor a proxy: all goes over loopback.
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(OURS) and name not in ALSO_OURS and not name.lower().endswith("_proxy")
    }
