"""The engine: Redis, as the processes of a fleet share it, while it is well; and the knowledge that it is away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from redis.exceptions import NoScriptError, RedisError

from poslogs.fleet.address import Address
from poslogs.fleet.ask import Ask, Away, Word
from poslogs.fleet.line import Line, sentence
from poslogs.fleet.script import Script
from poslogs.fleet.standing import UNASKED, Standing, State
from poslogs.per_process import PerProcess
from poslogs.supervisor import SUPERVISOR, Loop, Supervisor

log = logging.getLogger("poslogs.fleet")

FORMAT: Final = 1  # of what stands in Redis; another one when processes of two versions would misread each other
PROVE_SECONDS: Final = 1.0  # how often it is proved that Redis answers and takes writes
FIRST_SECONDS: Final = 0.4  # at most, that the first questions of a process wait until Redis was tried
AGAIN_SECONDS: Final = 0.5  # from one try to reach Redis to the next
MOST_AGAIN_SECONDS: Final = 4.0  # the same, where Redis is lost again and again as soon as it was reached
STEADY_SECONDS: Final = 10.0  # Redis that was not lost for so long is steady
CONNECT_SECONDS: Final = 30.0  # for a try, with names that are looked up
PROOF_MS: Final = 60_000  # until what proves a write is gone again
FAILED: Final = "The engine's own loop failed; the log says why."


class Engine:
    """Redis, asked by one loop a process over one connection; what is asked at the same time travels together.

    Any thread or greenlet may ask. While Redis is away every question fails at once, and only the loop tries whether
    it is back. Everything here is made by each process for itself, so that the app may be made before a fork.
    """

    def __init__(self, address: Address, prefix: str = "poslogs", supervisor: Supervisor = SUPERVISOR) -> None:
        self.address = address
        self._prefix = f"{prefix}:{FORMAT}"
        self._supervisor = supervisor
        self._standing = PerProcess(Standing)
        self._scripts: dict[str, Script] = {}
        self._joined: list[Callable[[], None]] = []
        self._lost: list[Callable[[], None]] = []

    @property
    def state(self) -> State:
        """Whether Redis can be used now in this process, since when, and why not."""
        return self._standing().state

    @property
    def member(self) -> str:
        """The random name of this process among those that share Redis."""
        return self._standing().member

    def key(self, *names: str) -> str:
        """The name of a key or a channel in Redis; each name must be free of secrets."""
        return ":".join((self._prefix, *names))

    def begin(self) -> None:
        """Reach for Redis from now on in this process, which serves. May be called again."""
        self._supervisor.ensure("engine", self._run)

    def reach(self) -> State:
        """Begin, and give the state once Redis was tried; or after FIRST_SECONDS, as it is then."""
        self.begin()
        self._wait_tried()
        return self.state

    def when_joined(self, call: Callable[[], None]) -> None:
        """Have this called each time Redis can be used again, and the first time too.

        The engine's loop calls it, in each process: it must not wait, nor ask.
        """
        self._joined.append(call)

    def when_lost(self, call: Callable[[], None]) -> None:
        """Have this called each time Redis was lost; as `when_joined`."""
        self._lost.append(call)

    def script(self, text: str) -> Script:
        """A script for `run`; Redis is given its text each time it is joined."""
        made = Script(text)
        return self._scripts.setdefault(made.digest, made)

    def ask(self, *command: Word) -> Any:
        """What Redis answers to a command: bytes, a number, None, or a list of these.

        It takes ANSWER_SECONDS of line.py and little more at most. Raises Away, at once while Redis is away; the
        command may have been carried out if Redis was lost meanwhile.
        """
        return self.ask_all([command])[0]

    def ask_all(self, commands: Sequence[Sequence[Word]]) -> list[Any]:
        """What Redis answers to commands that travel together, in one round trip. Raises Away as `ask`, for all."""
        standing = self._standing()
        try:
            self.begin()
        except RuntimeError as error:
            raise Away("No thread can be started that asks Redis.") from error
        self._wait_tried()
        asks = [Ask(*command) for command in commands]
        standing.put(asks)
        return [ask.result() for ask in asks]

    def tell(self, *command: Word) -> None:
        """Have a command carried out soon, if Redis is not away. Does not wait, and nobody learns what came of it."""
        with suppress(Away):
            self._standing().put([Ask(*command)])

    def run(self, script: Script, keys: Sequence[str], args: Sequence[Word] = ()) -> Any:
        """What a script gives. Raises Away as `ask`. One round trip, two where Redis has forgotten its scripts."""
        try:
            return self.ask("EVALSHA", script.digest, len(keys), *keys, *args)
        except NoScriptError:
            return self.ask("EVAL", script.text, len(keys), *keys, *args)

    def _wait_tried(self) -> None:
        """Wait until this process has tried to reach Redis once; FIRST_SECONDS at most, and not again."""
        tried = self._standing().tried
        if not tried.is_set() and not tried.wait(FIRST_SECONDS):
            tried.set()

    def _run(self, loop: Loop) -> None:
        standing, pause = self._standing(), AGAIN_SECONDS
        while True:
            loop.turn()
            loop.asks(CONNECT_SECONDS)
            joined = self._use(loop, standing)
            if joined > STEADY_SECONDS:
                pause = AGAIN_SECONDS
                continue  # perhaps only the connection was lost
            time.sleep(pause if joined else AGAIN_SECONDS)
            if joined:
                pause = min(pause * 2, MOST_AGAIN_SECONDS)

    def _use(self, loop: Loop, standing: Standing) -> float:
        """Serve questions by a connection until that is lost. Returns the seconds that it was of use; 0: never."""
        line = Line(self.address.connection(name=f"poslogs-{standing.member}"))
        joined, asks, why = 0.0, list[Ask](), ""
        try:
            line.open()
            why = line.prove(lambda: self._proof(standing))
            why = why or line.exchange([Ask("SCRIPT", "LOAD", it.text) for it in self._scripts.values()])
            if not why:
                joined = time.monotonic()
                self._join(standing)
            while not why:
                asks = self._next(standing)
                loop.turn()  # after the wait: a fork may have copied this loop, but the connection is the parent's
                why = line.exchange(asks) if asks else ""
        except (RedisError, OSError) as error:
            why = sentence(error)
        finally:
            line.close()
            if standing is self._standing():  # else a fork has copied the loop
                self._lose(standing, why or FAILED, asks)
        return time.monotonic() - joined if joined else 0.0

    def _proof(self, standing: Standing) -> Ask:
        return Ask("SET", self.key("proof"), standing.member, "PX", PROOF_MS)

    def _next(self, standing: Standing) -> list[Ask]:
        """What is to be asked now, a proof among it each PROVE_SECONDS."""
        asks = standing.take(standing.proof_due - time.monotonic())
        if time.monotonic() >= standing.proof_due:
            standing.proof_due = time.monotonic() + PROVE_SECONDS
            asks.append(self._proof(standing))
        return asks

    def _join(self, standing: Standing) -> None:
        standing.join()
        log.info("Redis at %s is joined.", self.address.shown)
        for call in self._joined:
            call()

    def _lose(self, standing: Standing, why: str, asks: Sequence[Ask]) -> None:
        before = standing.lose(why)
        for ask in asks:
            ask.give_up(why)
        if before.ok or before.why == UNASKED:
            log.warning(
                "Redis at %s is away: %s Until it is back, each process polls and counts limits for itself.",
                self.address.shown,
                why,
            )
        if before.ok:
            for call in self._lost:
                call()
