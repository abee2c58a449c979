"""A Redis of a test's own: a process in a folder of its own, and what can go wrong with it."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from tests.support.need import need
from tests.support.program import Program
from tests.support.server import free_port
from tests.wire.exchange import wait_for

START_S = 30.0
COMMAND_S = 10.0


class RedisServer:
    """Starts empty and keeps nothing on disk. A context manager; each fault is undone by the method beside it."""

    def __init__(self, *options: str, port: int | None = None, sentinel: str = "") -> None:
        """`options` as on its command line, such as `--requirepass`, `secret`. `sentinel`: the file of one."""
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = Path(tempfile.mkdtemp(prefix="poslogs-redis-"))
        self.socket = self._folder / "redis.sock"
        self._options = options
        self._sentinel = sentinel
        self._program: Program | None = None

    def __enter__(self) -> RedisServer:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """The process that runs now."""
        assert self._program is not None, "not started"
        return self._program.process.pid

    def start(self) -> None:
        """Start it, empty, on the same port each time; nothing where it runs."""
        if self._program is not None:
            return
        self._program = Program([need("redis-server"), *self._words()], self._folder)
        wait_for(self._answers, START_S)

    def kill(self) -> None:
        """End it without a word."""
        if self._program is not None:
            self._program.__exit__()
            self._program = None

    def freeze(self) -> None:
        """Have it hang: connects succeed, and nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def flush(self) -> None:
        """Forget all data and scripts."""
        self.do("FLUSHALL")
        self.do("SCRIPT", "FLUSH")

    def restart(self) -> None:
        """End it, and start it empty."""
        self.kill()
        self.start()

    def follow_nobody(self) -> None:
        """Become the replica of a server that is not there: reads are answered, writes refused with READONLY."""
        self.do("REPLICAOF", "127.0.0.1", free_port())

    def lead(self) -> None:
        """Be no replica any more."""
        self.do("REPLICAOF", "NO", "ONE")

    def want_replicas(self, count: int) -> None:
        """Refuse writes (NOREPLICAS) while fewer replicas than `count` are there; 0 ends it."""
        self.do("CONFIG", "SET", "min-replicas-to-write", count)

    def fill(self) -> None:
        """Have no memory left: writes are refused with OOM."""
        self.do("CONFIG", "SET", "maxmemory", 1)

    def drain(self) -> None:
        """Have memory again."""
        self.do("CONFIG", "SET", "maxmemory", 0)

    def do(self, *words: Any) -> Any:
        """What it answers to a command."""
        with self._client() as client:
            return client.execute_command(*words)

    def calls(self, command: str) -> int:
        """How often a command was called since its start."""
        found = self.do("INFO", "commandstats").get(f"cmdstat_{command}")
        return int(found["calls"]) if found else 0

    def all_keys(self) -> list[bytes]:
        """All keys."""
        with self._client() as client:
            return sorted(client.scan_iter(count=1000))

    def dump(self) -> bytes:
        """All that it holds: keys, and values as text where there is one, one after the other."""
        keys = self.all_keys()
        with self._client() as client:
            return b"\n".join(part for key in keys for part in (key, *_parts(client, key)))

    def _words(self) -> list[str]:
        if self._sentinel:
            (self._folder / "sentinel.conf").write_text(f"port {self.port}\n{self._sentinel}")
            return [str(self._folder / "sentinel.conf"), "--sentinel"]
        options = {"port": self.port, "bind": "127.0.0.1", "dir": self._folder, "save": "", "appendonly": "no"}
        options["unixsocket"] = self.socket
        return [*(word for name, value in options.items() for word in (f"--{name}", str(value))), *self._options]

    def _client(self) -> Redis:
        """A client that tries once, with the password that `--requirepass` sets."""
        words = [*self._options, "--requirepass", None]
        password = words[words.index("--requirepass") + 1]
        bounds = {"socket_timeout": COMMAND_S, "socket_connect_timeout": COMMAND_S}
        return Redis("127.0.0.1", self.port, password=password, retry=Retry(NoBackoff(), 0), protocol=2, **bounds)

    def _answers(self) -> bool:
        assert self._program is not None
        assert self._program.process.poll() is None, self._program.out.text
        try:
            with self._client() as client:
                return bool(client.ping())
        except RedisError:
            return False


def _parts(client: Redis, key: bytes) -> list[bytes]:
    reads: dict[bytes, Callable[[], Any]] = {
        b"string": lambda: [client.get(key)],
        b"hash": lambda: client.hgetall(key),
        b"set": lambda: client.smembers(key),
        b"zset": lambda: client.zrange(key, 0, -1),
        b"list": lambda: client.lrange(key, 0, -1),
        b"stream": lambda: [fields for _, fields in client.xrange(key)],
    }
    kind = client.type(key)
    return [] if kind == b"none" else _flat(reads[kind]())


def _flat(value: Any) -> list[bytes]:
    if isinstance(value, dict):
        return [part for pair in value.items() for part in _flat(list(pair))]
    if isinstance(value, list | set | tuple):
        return [part for one in value for part in _flat(one)]
    return [value] if isinstance(value, bytes) else []
