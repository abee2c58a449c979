"""The Redis of a peer with the engine: a process of its own that keeps nothing, and what it has done."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from pathlib import Path

from bench.errors import RunFailed
from bench.machine import sample
from bench.places import redis_server
from bench.server import Server, free_port

ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Calls:
    """How often a command was called, and what that took."""

    count: int
    seconds: float  # of its CPU

    def each(self, before: Calls) -> float:
        """Microseconds of one call since an earlier moment; 0 without any."""
        return (self.seconds - before.seconds) * 1e6 / max(1, self.count - before.count)


@dataclass(frozen=True, slots=True)
class RedisFigures:
    """What a Redis has done since its start."""

    cpu: float  # seconds
    commands: int
    received: int  # bytes
    sent: int  # bytes
    memory: int  # bytes that its data take now
    scripts: Calls
    reads: Calls  # of streams


class Redis(Server):
    """redis-server or valkey-server. A context manager."""

    def __init__(self, folder: Path) -> None:
        """Raises RunFailed when it does not start, or is not installed."""
        program = redis_server()
        if program is None:
            raise RunFailed("No redis-server is installed.")
        port = free_port()
        options = {"port": port, "bind": "127.0.0.1", "dir": folder, "save": "", "appendonly": "no"}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        super().__init__([program, *words], port, folder, {})

    def figures(self) -> RedisFigures:
        """What it has done by now. Raises RunFailed when it does not say."""
        text = self._info()
        told = {name.decode(): int(value) for name, value in re.findall(rb"^(\w+):(\d+)\r$", text, re.MULTILINE)}
        try:
            return RedisFigures(
                cpu=sample(self.pid).cpu,
                commands=told["total_commands_processed"],
                received=told["total_net_input_bytes"],
                sent=told["total_net_output_bytes"],
                memory=told["used_memory"],
                scripts=_calls(text, b"evalsha"),
                reads=_calls(text, b"xread"),
            )
        except KeyError as missing:
            raise RunFailed(f"Redis does not say {missing}.") from missing

    def _info(self) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), ANSWER_SECONDS) as sock:
            sock.sendall(b"INFO all\r\n")
            text = b""
            while (found := re.match(rb"\$(\d+)\r\n", text)) is None or len(text) < found.end() + int(found[1]) + 2:
                more = sock.recv(1 << 16)
                if not more:
                    raise RunFailed("Redis has closed the connection.")
                text += more
        return text


def _calls(info: bytes, command: bytes) -> Calls:
    found = re.search(rb"^cmdstat_" + command + rb":calls=(\d+),usec=(\d+),", info, re.MULTILINE)
    return Calls(int(found[1]), int(found[2]) / 1e6) if found else Calls(0, 0.0)
