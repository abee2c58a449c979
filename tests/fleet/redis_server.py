"""A Redis of a test's own: a process in a folder of its own, and what can go wrong with it."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from tests.support.need import need
from tests.support.program import Program
from tests.support.server import free_port
from tests.wire.exchange import wait_for

START_S = 30.0
COMMAND_S = 10.0


class RedisServer:
    """Starts empty and keeps nothing on disk. A context manager; each fault is undone by the method beside it."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._program: Program | None = None
        self._client = Redis("127.0.0.1", self.port, socket_timeout=COMMAND_S, socket_connect_timeout=COMMAND_S)

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._client.close()
        self.kill()

    @property
    def pid(self) -> int:
        """The process that runs now."""
        assert self._program is not None, "not started"
        return self._program.process.pid

    def start(self) -> None:
        """Start it, empty, on the same port each time; nothing where it runs."""
        if self._program is not None:
            return
        need("redis-server")
        options = {"port": self.port, "bind": "127.0.0.1", "dir": self._folder, "save": "", "appendonly": "no"}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self._program = Program([need("redis-server"), *words], self._folder)
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
        """Forget all."""
        self.do("FLUSHALL")

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
        return self._client.execute_command(*words)

    def all_keys(self) -> list[bytes]:
        """All keys."""
        return sorted(self._client.scan_iter(count=1000))

    def dump(self) -> bytes:
        """All that it holds: keys, and values as text where there is one, one after the other."""
        return b"\n".join(part for key in self.all_keys() for part in (key, *self._parts(key)))

    def _parts(self, key: bytes) -> list[bytes]:
        reads: dict[bytes, Callable[[], Any]] = {
            b"string": lambda: [self._client.get(key)],
            b"hash": lambda: self._client.hgetall(key),
            b"set": lambda: self._client.smembers(key),
            b"zset": lambda: self._client.zrange(key, 0, -1),
            b"list": lambda: self._client.lrange(key, 0, -1),
            b"stream": lambda: [fields for _, fields in self._client.xrange(key)],
        }
        kind = self._client.type(key)
        return [] if kind == b"none" else _flat(reads[kind]())

    def _answers(self) -> bool:
        try:
            return bool(self._client.ping())
        except RedisError:
            return False


def _flat(value: Any) -> list[bytes]:
    if isinstance(value, dict):
        return [part for pair in value.items() for part in _flat(list(pair))]
    if isinstance(value, list | set | tuple):
        return [part for one in value for part in _flat(one)]
    return [value] if isinstance(value, bytes) else []


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
