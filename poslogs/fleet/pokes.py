"""Pokes: what another process asks for when a client has no place left there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout

from poslogs.fleet.engine import Engine
from poslogs.supervisor import SUPERVISOR, Loop, Supervisor

LISTEN_SECONDS: Final = 2.0  # between two turns of the loop
AGAIN_SECONDS: Final = 0.5  # until the next try while Redis is away


class Pokes:
    """Listens in each process, over a connection of its own, and has a client's streams here looked after when asked.

    `look_after` is given the client's key. It must not wait.
    """

    def __init__(self, engine: Engine, look_after: Callable[[str], None], supervisor: Supervisor = SUPERVISOR) -> None:
        self._engine = engine
        self._look_after = look_after
        self._supervisor = supervisor

    def begin(self) -> None:
        """Listen from now on in this process. May be called again."""
        self._supervisor.ensure("pokes", self._run)

    def _run(self, loop: Loop) -> None:
        while True:
            loop.turn()
            if not self._engine.state.ok:
                time.sleep(AGAIN_SECONDS)
                continue
            try:
                self._listen(loop, self._engine.state.term)
            except (RedisError, OSError):
                time.sleep(AGAIN_SECONDS)  # the engine finds out by itself whether Redis is away

    def _listen(self, loop: Loop, term: int) -> None:
        """Listen while Redis is not lost. Raises RedisError or OSError."""
        name = f"poslogs-{self._engine.member}-pokes"
        connection = self._engine.address.connection(LISTEN_SECONDS, name)
        try:
            connection.connect()
            connection.send_command("SUBSCRIBE", self._engine.key("poke"))
            while self._engine.state.ok and self._engine.state.term == term:
                loop.turn()
                try:
                    kind, _, text = connection.read_response(disable_decoding=True, disconnect_on_error=False)
                except RedisTimeout:
                    continue
                if kind == b"message":
                    self._hear(text.decode("utf-8", "replace"))
        finally:
            connection.disconnect()

    def _hear(self, text: str) -> None:
        sender, _, key = text.partition(" ")
        if sender != self._engine.member:
            self._look_after(key)
