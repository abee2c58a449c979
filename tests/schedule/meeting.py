"""The meeting place of a fleet in memory: what Redis and its scripts do, with its faults, on the scheduler's clock."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from random import Random

from poslogs.fleet.poll_bus import CLAIM_SECONDS, GRACE_SECONDS, LATE_SECONDS, Came
from poslogs.fleet.stand import Stand
from poslogs.streaming.bus import Note
from tests.schedule.scheduler import Scheduler


class Place:
    """One environment's keys."""

    def __init__(self) -> None:
        self.stream: list[Came] = []
        self.token: object = None
        self.till = self.asked = self.late = self.until = float("-inf")
        self.who = ""
        self.tip = ""
        self.high: int | None = None
        self.whole = self.rests = self.failing = False
        self.answered = self.rounds = 0
        self.resets: tuple[tuple[str, int], ...] = ()


class Meeting:
    """All places; what is published comes to those that follow after a moment."""

    def __init__(self, scheduler: Scheduler, random: Random, most: int, read: int) -> None:
        """`most` outcomes stay in a stream; `read`: how many come at once."""
        self.scheduler = scheduler
        self.random = random
        self.away = False  # nobody is answered
        self.slow = 0.0  # seconds, at most, that an answer takes
        self.cut: set[str] = set()  # processes that do not reach it
        self.places: dict[str, Place] = {}
        self.followers: list[Bus] = []
        self.read = read
        self._most = most
        self._count = 0

    def flush(self) -> None:
        """Forget everything."""
        self.places.clear()

    def place(self, env: str) -> Place:
        """The place of an environment."""
        return self.places.setdefault(env, Place())

    def add(self, env: str, before: str, data: bytes) -> str:
        """Add to a stream."""
        place = self.place(env)
        self._count += 1
        place.tip = f"{int(self.scheduler.now * 1000)}-{self._count}"
        place.stream.append(Came(place.tip, before, data))
        del place.stream[: -self._most]
        for bus in self.followers:
            if bus.env == env:
                self.scheduler.spawn(f"{bus.member}'s listener", bus.listen)
        return place.tip

    def reached(self, member: str) -> bool:
        """Whether a process is answered; it takes a moment."""
        self.scheduler.sleep(self.random.random() * max(self.slow, 0.001), "gateway")
        return not self.away and member not in self.cut


class Bus:
    """One poller's way to the meeting place."""

    def __init__(self, meeting: Meeting, member: str, env: str, wake: threading.Event) -> None:
        self.member, self.env = member, env
        self._meeting = meeting
        self._wake = wake
        self._token: object = None
        self._inbox: list[Came] = []
        self._cursor: tuple[int, ...] | None = None

    @property
    def _now(self) -> float:
        return self._meeting.scheduler.now

    def claim(
        self, cursor: str, high: int, interval: float, *, late: float | None, whole: bool, joins: bool
    ) -> Stand | None:
        """As poslogs/streaming/bus.py says; so with those below."""
        if not self._meeting.reached(self.member):
            return None
        place, now = self._meeting.place(self.env), self._now
        if late is not None:
            place.late = max(place.late, now + late + LATE_SECONDS)
        place.whole = place.whole or whole
        wait, age = 0.0, now - place.asked
        if place.token is not None and now < place.till:
            wait = min(place.till - now, max(interval, 0.25))
        elif now < place.until:
            wait = place.until - now
        elif cursor != place.tip and not (joins and (place.high is None or high >= place.high)):
            wait = max(interval, 0.25)
        else:
            due = place.asked + interval * 0.95 + (GRACE_SECONDS if interval and place.who != self.member else 0.0)
            wait = max(0.0, due - now)
        if not wait:
            self._token = place.token = object()
            place.till, place.asked, place.who = now + CLAIM_SECONDS, now, self.member
        reply = self._reply(place, granted=not wait, wait=wait, age=age if age < 1e9 else None)
        return reply if self._meeting.reached(self.member) else None

    def look(self) -> Stand | None:
        """How all stands."""
        if not self._meeting.reached(self.member):
            return None
        reply = self._reply(self._meeting.place(self.env), granted=False)
        return reply if self._meeting.reached(self.member) else None

    def _reply(self, place: Place, *, granted: bool, wait: float = 0.0, age: float | None = None) -> Stand:
        late = place.late > self._now
        return Stand(
            granted, wait, place.tip, place.high, age, late, place.whole, place.rests, place.failing,
            place.answered, place.rounds, place.who, place.resets,
        )  # fmt: skip

    def publish(self, cursor: str, data: bytes, high: int, note: Note) -> Stand | None:
        """Publish, if the claim holds."""
        if not self._meeting.reached(self.member):
            return None
        place = self._meeting.place(self.env)
        if not self._holds(place) or cursor != place.tip:
            reply = self._reply(place, granted=False)
        else:
            if data:
                self._meeting.add(self.env, cursor, data)
                if note.back is not None:
                    place.resets = (*place.resets, (place.tip, note.back))[-16:]
            place.high, place.rests, place.failing, place.until = high, note.rests, False, 0.0
            place.answered += 1
            place.rounds += note.ends
            place.whole = place.whole and not note.syncs
            place.till = self._now + CLAIM_SECONDS
            if not note.goes_on:
                place.token = None
            reply = self._reply(place, granted=True)
        return reply if self._meeting.reached(self.member) else None

    def failed(self, cursor: str, data: bytes, wait: float) -> Stand | None:
        """Publish that a question failed, if the claim holds."""
        if not self._meeting.reached(self.member):
            return None
        place = self._meeting.place(self.env)
        granted = self._holds(place) and cursor == place.tip
        if granted:
            self._meeting.add(self.env, cursor, data)
            place.failing, place.until, place.token = True, self._now + wait, None
        return self._reply(place, granted=granted) if self._meeting.reached(self.member) else None

    def _holds(self, place: Place) -> bool:
        return place.token is self._token is not None and self._now < place.till

    def hold(self) -> None:
        """Keep the claim."""
        if self._meeting.reached(self.member) and self._holds(place := self._meeting.place(self.env)):
            place.till = self._now + CLAIM_SECONDS

    def done(self) -> None:
        """Give the claim back."""
        if self._meeting.reached(self.member) and self._holds(place := self._meeting.place(self.env)):
            place.token = None

    def follow(self, cursor: str) -> None:
        """Have what was published after an id come."""
        self._inbox = []
        self._cursor = _order(cursor)
        if self not in self._meeting.followers:
            self._meeting.followers.append(self)
        self._meeting.scheduler.spawn(f"{self.member}'s listener", self.listen)

    def listen(self) -> None:
        """Take what is there, some at a time."""
        meeting = self._meeting
        meeting.scheduler.sleep(meeting.random.random() * 0.01, "gateway")
        found = meeting.read
        while found == meeting.read:
            while not meeting.reached(self.member):
                if self not in meeting.followers:
                    return
                meeting.scheduler.sleep(0.5, "gateway")
            if self._cursor is None:
                return
            found = 0
            for published in meeting.place(self.env).stream:
                if _order(published.id) > self._cursor and found < meeting.read:
                    self._cursor = _order(published.id)
                    self._inbox.append(published)
                    found += 1
            if self._inbox:
                self._wake.set()

    def came(self) -> Sequence[Came]:
        """What has come."""
        came, self._inbox = self._inbox, []
        return came

    def end(self) -> None:
        """Nothing is to come any more."""
        self._cursor = None
        if self in self._meeting.followers:
            self._meeting.followers.remove(self)


def _order(id_: str) -> tuple[int, ...]:
    return tuple(map(int, id_.split("-"))) if id_ else ()
