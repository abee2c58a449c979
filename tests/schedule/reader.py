"""A reader: the client's end, that reads fast or slowly, stalls, leaves by FIN or RST or is lost, and comes back."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from random import Random

from tests.schedule.house import Wish
from tests.schedule.scheduler import Scheduler
from tests.schedule.sockets import Lent, Peer, pair
from tests.schedule.transcript import Transcript
from tests.schedule.turns import Failure

Serve = Callable[[Lent, Wish], None]
State = Callable[[], tuple[int, int]]  # of a log: how often ids were reset, and its newest serial number
AGAIN_SECONDS = 0.5  # after a refusal
CALM_PAUSE = 0.5  # seconds between two reads, once nothing is there and all is calm
LOST_SECONDS = 20.0  # at most
WAYS = ("fin", "rst", "lost")


class Habits:
    """How a reader reads, and how often it leaves, by chance."""

    def __init__(self, random: Random, *, storm: bool) -> None:
        self.pause = random.choice((0.02, 0.05, 0.2))  # seconds between two reads
        self.bite = random.choice((200, 2000, 65536, 65536))  # bytes of a read
        self.stalls = random.choice((0.0, 0.0, 0.02, 0.1))  # how often a read is followed by a stall
        self.stall = random.choice((1.0, 5.0, 20.0))  # seconds, at most
        self.visit = random.choice((0.05, 0.3, 2.0, 8.0))  # seconds, at most, until it leaves
        self.visits = random.choice((1, 2, 5, 12))  # until it stays or is gone for good
        self.away = random.choice((0.0, 0.2, 3.0))  # seconds between two, at most
        self.herd = 0.0  # seconds between the moments at which it leaves, together with others; 0: at any time
        self.reads = True  # on connections that it leaves
        if storm:
            self.visit, self.visits, self.away = random.choice((0.02, 0.1, 0.5)), 30, 0.0
            self.herd = random.choice((0.0, 0.1))
            self.reads = random.random() < 0.5
        self.ways = random.choice((("fin",), ("rst",), ("fin", "rst"), WAYS))


class Reader:
    """One reader; `stays`: it is there at the end. Before `calm` it keeps its habits, then it reads what comes."""

    def __init__(
        self,
        name: str,
        scheduler: Scheduler,
        random: Random,
        serve: Serve,
        state: State,
        wish: Wish,
        *,
        stays: bool,
        restless: bool,
        storm: bool,
    ) -> None:
        self.name = name
        self.first = self.wish = wish
        self.stays = stays
        self.calm = False
        self.leaving = False
        self.gone = False
        self.settled = False  # on the connection that it stays on
        self.now: Transcript | None = None  # of the connection that is open
        self.rows: list[tuple[str, int]] = []  # of the connections before
        self.began = 0.0  # when the first connection was answered
        self.connections = 0
        self.states: list[tuple[int, int, int]] = []  # of the log, and the newest row had, as each connection began
        self._scheduler = scheduler
        self._random = random
        self._habits = Habits(random, storm=storm)
        self._restless = restless
        self._serve = serve
        self._state = state

    @property
    def serials(self) -> list[int]:
        """The serial numbers of all rows, as they came."""
        rows = self.rows + (self.now.rows if self.now else [])
        for env, serial in rows:
            if env != self.wish.env:
                raise Failure(f"{self.name} follows {self.wish.env} and got row {serial} of {env}")
        return [serial for _, serial in rows]

    def run(self) -> None:
        """Connect, read, leave, come back."""
        visits = self._habits.visits
        while not self.leaving:
            visits -= 1
            if not self._visit(goes=self._restless and not self.calm and (visits > 0 or not self.stays)):
                self._scheduler.sleep(AGAIN_SECONDS)  # refused
                visits += 1
            if not self.stays and (visits <= 0 or self.calm):
                break
            if not self.leaving:
                self._scheduler.sleep(self._random.random() * self._habits.away)
        self.gone = True

    def _visit(self, *, goes: bool) -> bool:
        """One connection; False when it was refused."""
        peer = self._connect()
        now = self.now = Transcript()
        end = self._scheduler.now + self._random.random() * self._habits.visit
        habits = self._habits
        if habits.herd:
            end = math.ceil(end / habits.herd) * habits.herd
        while goes and not habits.reads and not self.calm and not self.leaving and self._scheduler.now < end:
            self._scheduler.sleep(min(0.5, end - self._scheduler.now), "stall")
        while not self.leaving and not (goes and (self._scheduler.now >= end or (self.calm and not self.stays))):
            data = peer.read(65536 if self.calm else habits.bite)
            if data == b"":
                if now.status == 429:
                    break
                raise self._ended(now)
            try:
                now.feed(data or b"")
            except Failure as failure:
                raise Failure(f"{self.name}: {failure}") from None
            if now.status == 200 and not self.began:
                self.began = self._scheduler.now
            self.settled = self.calm and not goes and now.status == 200
            if not self.calm and self._random.random() < habits.stalls:
                self._stall(self._random.random() * habits.stall, end if goes else math.inf)
            elif data is None or not self.calm:
                self._scheduler.sleep(CALM_PAUSE if self.calm else habits.pause, "read")
        if peer.ended():
            while data := peer.read(65536):
                now.feed(data)
            if now.status != 429:
                raise self._ended(now)
        self._part(peer)
        self._keep(now)
        return now.status != 429

    def _ended(self, now: Transcript) -> Failure:
        how = "properly" if now.ended else "without an end"
        return Failure(
            f"{self.name} ({self.wish}) was ended {how} in connection {self.connections}, which it had not left; "
            f"told: {now.told[-2:]}"
        )

    def _stall(self, seconds: float, end: float) -> None:
        """Read nothing for `seconds`, but no longer than until the reader leaves or all is calm."""
        until = min(end, self._scheduler.now + seconds)
        while self._scheduler.now < until and not self.calm:
            self._scheduler.sleep(min(0.5, until - self._scheduler.now), "stall")

    def _connect(self) -> Peer:
        self.connections += 1
        self.states.append((*self._state(), self.rows[-1][1] if self.rows else 0))
        lent, peer = pair(self._random.getrandbits(60))
        wish = self.wish
        name = f"{self.name}/{self.connections}"
        self._scheduler.spawn(f"request of {name}", lambda: self._serve(lent, wish))
        return peer

    def _part(self, peer: Peer) -> None:
        way = self._random.choice(self._habits.ways)
        if way == "lost" and not self.calm and not self.leaving:
            peer.lose()
            self._scheduler.sleep(self._random.random() * LOST_SECONDS)
            way = "rst"
        peer.leave(reset=way == "rst")

    def _keep(self, now: Transcript) -> None:
        self.rows += now.rows
        self.now = None
        if now.last_id is not None:
            self.wish = replace(self.wish, position=now.last_id, tail=None, since=None)
