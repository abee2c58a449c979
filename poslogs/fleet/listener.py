"""The listener of a process: waits for outcomes of all its environments at once, and keeps their claims."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis.connection import ConnectionInterface
from redis.exceptions import RedisError

from poslogs.fleet.engine import Engine
from poslogs.fleet.poll_bus import Came, PollBus
from poslogs.supervisor import IDLE_SECONDS, Loop, Supervisor

BLOCK_SECONDS: Final = 0.2  # that Redis waits for something to come; then new environments are asked for too
ANSWER_SECONDS: Final = 2.0  # more, for what comes
AGAIN_SECONDS: Final = 0.5  # after a failure
RENEW_SECONDS: Final = 1.0  # how often a claim is renewed while its question is under way
MOST_OUTCOMES: Final = 16  # of one environment that are taken at once


class Listener:
    """One loop and one connection of its own, since a question that waits would keep the engine's from others."""

    def __init__(self, engine: Engine, supervisor: Supervisor) -> None:
        self._engine = engine
        self._supervisor = supervisor
        self._lock = threading.Lock()
        self._buses: dict[PollBus, None] = {}
        self._some = threading.Event()

    def add(self, bus: PollBus) -> None:
        """Listen for a bus."""
        with self._lock:
            self._buses[bus] = None
        self._some.set()
        self._supervisor.ensure("listener", self._run)

    def discard(self, bus: PollBus) -> None:
        """Listen for it no longer."""
        with self._lock:
            self._buses.pop(bus, None)

    def _run(self, loop: Loop) -> None:
        connection: ConnectionInterface | None = None
        try:
            while True:
                loop.turn()
                self._some.clear()
                with self._lock:
                    buses = list(self._buses)
                now = time.monotonic()
                for bus in buses:
                    bus.renew(now, RENEW_SECONDS)
                wanted = {bus: cursor for bus in buses if (cursor := bus.wanted) is not None}
                if not wanted or not self._engine.state.ok:
                    self._some.wait(IDLE_SECONDS if not buses else BLOCK_SECONDS)
                    continue
                try:
                    if connection is None:
                        connection = self._engine.address.connection(
                            BLOCK_SECONDS + ANSWER_SECONDS, f"poslogs-{self._engine.member}-listener"
                        )
                    self._listen(connection, wanted)
                except (RedisError, OSError):
                    if connection is not None:
                        connection.disconnect()
                    connection = None
                    self._some.wait(AGAIN_SECONDS)
        finally:
            if connection is not None:
                connection.disconnect()

    def _listen(self, connection: ConnectionInterface, wanted: Mapping[PollBus, str]) -> None:
        connection.connect()  # unless it is connected
        command = ("XREAD", "COUNT", MOST_OUTCOMES, "BLOCK", round(BLOCK_SECONDS * 1000), "STREAMS")
        connection.send_command(*command, *(bus.stream for bus in wanted), *wanted.values())
        reply = connection.read_response(disable_decoding=True)
        found = {stream.decode(): outcomes for stream, outcomes in reply or ()}
        for bus, cursor in wanted.items():
            bus.put(cursor, [_came(outcome) for outcome in found.get(bus.stream, ())])


def _came(outcome: Sequence[Any]) -> Came:
    id_, fields = outcome
    return Came(id_.decode(), fields[1].decode(), fields[3])
