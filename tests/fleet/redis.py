"""A real Redis in a process of its own, for a test to break: killed, frozen, flushed, without room, a replica."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.need import need
from tests.support.server import free_port

START_SECONDS = 20.0


class RedisServer:
    """`redis-server` on a port of its own, without any file of its data. It ends when the `with` block does."""

    def __init__(self, *options: str, port: int | None = None, start: bool = True, file: Path | None = None) -> None:
        """`options` as on its command line, such as `--requirepass`, `secret`. `file` makes it a sentinel."""
        self._file = file
        self.port = port or free_port()
        self.options = list(options)
        self._folder = Path(tempfile.mkdtemp(prefix="poslogs-redis-"))
        self.socket = self._folder / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None
        if start:
            self.start()

    def __enter__(self) -> RedisServer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def url(self) -> str:
        """Its address, as POSLOGS_REDIS_URL takes it."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> None:
        """Start it, empty, at the same port as before, and wait until it answers."""
        binary = need("redis-server")
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [binary, str(self._file), "--sentinel"] if self._file else [binary, *self._as_told()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            assert self._process.poll() is None, (self._folder / "redis.log").read_text()
            with contextlib.suppress(redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError):
                with self.client() as client:
                    client.ping()
                return
            time.sleep(0.02)
        raise AssertionError("Redis did not answer in time")

    def _as_told(self) -> list[str]:
        return [
            *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)),
            *("--save", "", "--appendonly", "no", "--unixsocket", str(self.socket)),
            *self.options,
        ]

    def client(self) -> redis.Redis:
        """A client of it, for the test's own questions; with the password that `--requirepass` set."""
        options = self.options
        password = options[options.index("--requirepass") + 1] if "--requirepass" in options else None
        return redis.Redis(port=self.port, password=password, socket_timeout=5, retry=Retry(NoBackoff(), 0), protocol=2)

    def ask(self, *command: Any) -> Any:
        """What it answers to one command."""
        with self.client() as client:
            return client.execute_command(*command)

    def kill(self) -> None:
        """End it at once, with all that it holds."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()  # also where it is frozen
            self._process.wait(10)

    def restart(self) -> None:
        """Kill it, and start it empty."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Let it hang: its socket takes connections, and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def flush(self) -> None:
        """Forget all data and scripts."""
        self.ask("FLUSHALL")
        self.ask("SCRIPT", "FLUSH")

    def refuse_writes(self) -> None:
        """Make it a replica of a master that is not there."""
        self.ask("REPLICAOF", "127.0.0.1", "1")

    def fill(self) -> None:
        """Leave it no memory for writes."""
        self.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
        self.ask("CONFIG", "SET", "maxmemory", "1")

    def take_writes(self) -> None:
        """Undo `refuse_writes` and `fill`."""
        self.ask("REPLICAOF", "NO", "ONE")
        self.ask("CONFIG", "SET", "maxmemory", "0")

    def calls(self, command: str) -> int:
        """How often a command was called since its start."""
        found = self.ask("INFO", "commandstats").get(f"cmdstat_{command.lower()}")
        return int(found["calls"]) if found else 0

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
