"""The bus of one poller: its environment's keys in Redis, and what comes of the stream of outcomes there."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote

from poslogs.fleet.ask import Away
from poslogs.fleet.stand import Stand
from poslogs.platformos.environments import Environment
from poslogs.streaming.bus import Note

if TYPE_CHECKING:
    from poslogs.fleet.polls import Polls
    from poslogs.fleet.script import Script

CLAIM_SECONDS: Final = 3.0  # after which a claim that is not renewed lapses
HELD_SECONDS: Final = 30.0  # for which it is renewed without a sign of the poller
GRACE_SECONDS: Final = 0.5  # more than the interval, for others than the one that asked last
LATE_SECONDS: Final = 5.0  # more than the interval, for which a wish for late rows counts
KEPT_SECONDS: Final = 120.0  # after which what stands in Redis is forgotten, at the least
KEPT_INTERVALS: Final = 3
STREAM_BYTES: Final = 4 * 1024 * 1024  # of outcomes that stay in Redis, packed; the newest stays whatever its size
MOST_WAITING: Final = 32  # outcomes that wait for the poller; the others stay in Redis meanwhile
DIGITS: Final = 20  # of a position, so that texts compare as numbers


class Came(NamedTuple):
    """An outcome in the stream."""

    id: str
    before: str
    data: bytes


class PollBus:
    """One poller's bus. The poller calls it, and the listener's loop puts what comes."""

    def __init__(self, polls: Polls, environment: Environment, wake: threading.Event) -> None:
        """`wake` is set when something has come."""
        name = f"{{{quote(environment.name, safe='')}@{quote(environment.url, safe='')}}}"
        self._keys = [polls.engine.key(name, part) for part in ("poll", "log", "lengths")]
        self.stream = self._keys[1]
        self._environment = environment.name
        self._polls = polls
        self._wake = wake
        self._token = ""
        self._tokens = itertools.count()
        self._kept = KEPT_SECONDS
        self._held: tuple[float, float] | None = None  # monotonic: renewed last, and seen to go on
        self._lock = threading.Lock()
        self._cursor: str | None = None  # what comes after it is wanted; None: nothing
        self._inbox: list[Came] = []

    # What its poller does

    def claim(
        self, cursor: str, high: int, interval: float, *, late: float | None, whole: bool, joins: bool
    ) -> Stand | None:
        """Claim the next question; as the others, see `poslogs.streaming.bus.Bus`."""
        member = self._polls.engine.member
        self._token = f"{member}-{next(self._tokens)}"
        self._kept = max(KEPT_SECONDS, KEPT_INTERVALS * interval)
        wish = "" if late is None else _ms(late + LATE_SECONDS)
        stand = self._run(
            self._polls.claim, self._token, member, cursor, _digits(high), _ms(interval),
            _ms(min(GRACE_SECONDS, interval)), wish, int(whole), int(joins), _ms(CLAIM_SECONDS), _ms(self._kept),
        )  # fmt: skip
        now = time.monotonic()
        self._held = (now, now) if stand is not None and stand.granted else None
        return stand

    def look(self) -> Stand | None:
        """How all stands."""
        return self._run(self._polls.look)

    def publish(self, cursor: str, data: bytes, high: int, note: Note) -> Stand | None:
        """Publish what an answered question brought."""
        if not note.goes_on:
            self._held = None
        back = "" if note.back is None else note.back
        facts = int(note.ends), int(note.syncs), int(note.rests), int(note.goes_on), "", back
        return self._publish(cursor, data, _digits(high), *facts)

    def failed(self, cursor: str, data: bytes, wait: float) -> Stand | None:
        """Publish that a question failed."""
        self._held = None
        return self._publish(cursor, data, "", 0, 0, 0, 0, _ms(wait), "")

    def hold(self) -> None:
        """Keep the claim: the poller goes on."""
        if self._held is not None:
            self._held = self._held[0], time.monotonic()

    def done(self) -> None:
        """Give the claim back."""
        self._held = None
        self._quietly(self._polls.done)

    def follow(self, cursor: str) -> None:
        """Have what was published after an id come; "" for all that is there."""
        with self._lock:
            self._inbox = []
            self._cursor = cursor or "0-0"
        self._polls.listener().add(self)

    def came(self) -> Sequence[Came]:
        """What has come since the last call, in order."""
        with self._lock:
            came, self._inbox = self._inbox, []
        return came

    def end(self) -> None:
        """Nothing is to come any more."""
        with self._lock:
            self._cursor = None
        self._polls.listener().discard(self)

    # What the listener does

    @property
    def wanted(self) -> str | None:
        """The id after which outcomes are wanted now."""
        with self._lock:
            return None if len(self._inbox) >= MOST_WAITING else self._cursor

    def put(self, after: str, came: Sequence[Came]) -> None:
        """Take what came after an id, unless something else is wanted by now."""
        with self._lock:
            if not came or self._cursor != after:
                return
            self._inbox += came
            self._cursor = came[-1].id
        self._wake.set()

    def renew(self, now: float, after: float) -> None:
        """Renew the claim, if it was not for `after` seconds, and its poller has given a sign lately."""
        held = self._held
        if held is not None and now >= held[0] + after and now < held[1] + HELD_SECONDS:
            self._held = now, held[1]
            self._quietly(self._polls.hold)

    def _publish(self, cursor: str, data: bytes, high: str, *rest: int | str) -> Stand | None:
        return self._run(
            self._polls.publish, self._token, cursor, data, high, *rest,
            _ms(CLAIM_SECONDS), _ms(self._kept), STREAM_BYTES,
        )  # fmt: skip

    def _quietly(self, script: Script) -> None:
        try:
            self._polls.engine.run(script, self._keys, (self._token, _ms(CLAIM_SECONDS)))
        except Away:
            pass  # then the claim lapses

    def _run(self, script: Script, *args: str | bytes | int) -> Stand | None:
        try:
            stand = Stand.of(self._polls.engine.run(script, self._keys, args))
        except Away:
            return None
        self._polls.members.asked(self._environment, stand.who)
        return stand


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _digits(position: int) -> str:
    return f"{position:0{DIGITS}d}"
