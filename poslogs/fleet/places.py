"""The places of clients for streams, counted over all processes: a lease for each open stream."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import count
from typing import Final, TypeVar

from poslogs.access.client import Client
from poslogs.fleet.ask import Away, Word
from poslogs.fleet.engine import Engine
from poslogs.fleet.members import BEAT_SECONDS, Members
from poslogs.per_process import PerProcess
from poslogs.supervisor import IDLE_SECONDS, SUPERVISOR, Loop, Supervisor

T = TypeVar("T")

TTL_MS: Final = 30_000  # after which the places of a process that was killed are free
RENEW_SECONDS: Final = 10.0
AGAIN_SECONDS: Final = 0.5  # after Redis was lost meanwhile
MOST_AT_ONCE: Final = 500  # leases in a command, commands in a batch

# Each place is a member of its client's sorted set, and its score is when it expires, by the clock of Redis.
_TAKE: Final = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""
# A plain ZADD: after a restart Redis knows none of them, and they count again.
_RENEW: Final = """
local t = redis.call('TIME')
local expires = t[1] * 1000 + math.floor(t[2] / 1000) + tonumber(ARGV[1])
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], expires, ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
"""


class _Held:
    """One process's own leases."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.open: dict[str, str] = {}  # by lease: the client's key
        self.left: dict[str, tuple[str, float]] = {}  # that Redis is to be told of: the client's key, monotonic time
        self.numbers = count(1)
        self.wake = threading.Event()
        self.term = 0  # in which all were renewed


class Places:
    """Places that processes take from one number for each client. One loop a process renews them and gives them back.

    While Redis is away every place is given, as the process counts for itself what it may give. When it is back, all
    that is open is counted again at once, even beyond a client's number.
    """

    def __init__(self, engine: Engine, members: Members, supervisor: Supervisor = SUPERVISOR) -> None:
        self._engine = engine
        self._members = members
        self._supervisor = supervisor
        self._take = engine.script(_TAKE)
        self._renew = engine.script(_RENEW)
        self._held = PerProcess(_Held)
        engine.when_joined(self._wake)

    def begin(self) -> None:
        """Renew leases from now on in this process, and count it among the members. May be called again."""
        self._supervisor.ensure("leases", self._run)

    def take(self, client: Client) -> str | None:
        """A lease on one of the client's places; None when all are taken. Waits for Redis, at most as `Engine.ask`."""
        self.begin()
        held = self._held()
        lease = f"{self._engine.member}:{next(held.numbers)}"
        args: list[Word] = [lease, client.streams, TTL_MS]
        try:
            if not self._engine.run(self._take, [self._key(client.key)], args):
                return None
        except Away:
            pass  # perhaps Redis has it nevertheless: then its name is the same when it is renewed
        with held.lock:
            held.open[lease] = client.key
        return lease

    def give_back(self, lease: str) -> None:
        """Give a place back. May be called again; does not wait."""
        held = self._held()
        with held.lock:
            key = held.open.pop(lease, None)
            if key is not None:
                held.left[lease] = key, time.monotonic()
        if key is not None:
            held.wake.set()

    def call_out(self, client: Client) -> None:
        """Have the other processes write to the client's streams there. Does not wait."""
        self._engine.tell("PUBLISH", self._engine.key("poke"), f"{self._engine.member} {client.key}")

    def _wake(self) -> None:
        self._held().wake.set()

    def _key(self, client: str) -> str:
        return self._engine.key("streams", client)

    def _run(self, loop: Loop) -> None:
        held = self._held()
        beat_due = renewal_due = 0.0
        while True:
            loop.turn()
            seconds = min(IDLE_SECONDS, min(beat_due, renewal_due) - time.monotonic())
            if seconds > 0:
                held.wake.wait(seconds)
            held.wake.clear()
            self._forget(held)
            state = self._engine.state
            if not state.ok:
                beat_due = renewal_due = time.monotonic() + IDLE_SECONDS
                continue
            try:
                self._tell_of_left(held)
                if state.term != held.term:
                    beat_due = renewal_due = 0.0
                if time.monotonic() >= renewal_due:
                    self._renew_all(held)
                    held.term, renewal_due = state.term, time.monotonic() + RENEW_SECONDS
                if time.monotonic() >= beat_due:
                    self._members.beat()
                    beat_due = time.monotonic() + BEAT_SECONDS
            except Away:
                beat_due = renewal_due = time.monotonic() + AGAIN_SECONDS

    def _forget(self, held: _Held) -> None:
        """Forget what has expired by itself."""
        old = time.monotonic() - TTL_MS / 1000
        with held.lock:
            for lease in [lease for lease, (_, left) in held.left.items() if left < old]:
                del held.left[lease]

    def _tell_of_left(self, held: _Held) -> None:
        with held.lock:
            left = {lease: key for lease, (key, _) in held.left.items()}
        by_client: dict[str, list[str]] = defaultdict(list)
        for lease, key in left.items():
            by_client[key].append(lease)
        self._ask_all([["ZREM", self._key(key), *some] for key, all_ in by_client.items() for some in _parts(all_)])
        with held.lock:
            for lease in left:
                held.left.pop(lease, None)

    def _renew_all(self, held: _Held) -> None:
        by_client: dict[str, list[str]] = defaultdict(list)
        with held.lock:
            for lease, key in held.open.items():
                by_client[key].append(lease)
        commands: list[list[Word]] = [
            ["EVAL", self._renew.text, 1, self._key(key), TTL_MS, *some]
            for key, all_ in by_client.items()
            for some in _parts(all_)
        ]
        self._ask_all(commands)
        with held.lock:  # those that were closed meanwhile, and were told of before they were renewed
            closed = {lease: key for key, all_ in by_client.items() for lease in all_ if lease not in held.open}
            for lease, key in closed.items():
                held.left.setdefault(lease, (key, time.monotonic()))
        if closed:
            held.wake.set()

    def _ask_all(self, commands: Sequence[Sequence[Word]]) -> None:
        for some in _parts(commands):
            self._engine.ask_all(some)


def _parts(items: Sequence[T]) -> list[Sequence[T]]:
    return [items[at : at + MOST_AT_ONCE] for at in range(0, len(items), MOST_AT_ONCE)]
