"""The fleet of one seed: several processes that share the poll, faults of theirs and of Redis, and what must hold."""

from __future__ import annotations

import gc
import random
import re
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from poslogs.platformos.environments import Environment
from poslogs.platformos.gateway import GatewayError
from poslogs.streaming.contents import Entries
from poslogs.streaming.feed import Feed
from poslogs.streaming.feeds import Feeds
from poslogs.streaming.frames import Chunk
from poslogs.streaming.selection import Selection
from poslogs.streaming.shared import Shared
from poslogs.streaming.sharing import Share
from poslogs.streaming.stream import Start, Stream
from poslogs.supervisor import Supervisor
from tests.schedule.house import LOG, forget
from tests.schedule.meeting import Bus, Meeting
from tests.schedule.scheduler import Scheduler, activate
from tests.schedule.turns import Failure, Task, told
from tests.schedule.upstream import Gateway, Log

PATIENCE = 60.0
LATE_SECONDS = 3.0  # by which a row becomes visible late, at most
CALM_SECONDS = 40.0  # for a reset to be noticed
OLD_SECONDS = 20.0  # until a reader whose position no process knows any more goes on where the log ends
AROUND = 25.0  # seconds that a live reader must have followed before and after a late row, so that it must have it
AGAIN_SECONDS = 8.0  # after the first poll since it came back, in which a live reader may have a late row again
FAULTS = ("kill", "freeze", "flush", "away", "slow", "cut", "reset")  # unless others are named
ROW = re.compile(rb"row=a:(\d+);")


class Homes(Scheduler):
    """A scheduler whose tasks belong to processes, which can be frozen."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, most=3_000_000)
        self.frozen: set[Process] = set()
        self._held: list[Task] = []
        self.homes: dict[Task, Process] = {}
        self.home: Process | None = None  # of tasks that are made outside of one

    def spawn(self, name: str, work: Callable[[], object]) -> Task:
        """Make a task, of the process that makes it."""
        task = super().spawn(name, work)
        home = self.home or (self.homes.get(self.current) if self.current else None)
        if home is not None:
            self.homes[task] = home
        return task

    def freeze(self, process: Process) -> None:
        """Let a process stand still."""
        self.frozen.add(process)

    def thaw(self, process: Process) -> None:
        """Let it go on."""
        self.frozen.discard(process)
        self._ready += [task for task in self._held if self.homes[task] is process]
        self._held = [task for task in self._held if self.homes[task] is not process]

    def _fire(self) -> None:
        super()._fire()
        if self.frozen:
            self._held += [task for task in self._ready if self.homes.get(task) in self.frozen]
            self._ready = [task for task in self._ready if self.homes.get(task) not in self.frozen]


class LateLog(Log):
    """A log in which some rows become visible late: below rows that are listed already."""

    late: float = 0.0  # how many rows are late
    questions = 0

    def __init__(self, env: str, scheduler: Homes, random: Random, fail: Callable[[], Exception]) -> None:
        super().__init__(env, scheduler, random, fail)
        self.polled: dict[str, list[float]] = {}  # when the polls of each process were answered
        self._homes = scheduler

    def add(self, count: int, size: int, *, ago: float = 0.0) -> None:
        """List rows, some of them later."""
        before = len(self.rows)
        super().add(count, size, ago=ago)
        for row in self.rows[before:]:
            if not ago and self._random.random() < self.late:
                row.at += self._random.random() * LATE_SECONDS

    def answer(self, last_id: int) -> list[object]:
        """Count questions, and note when a poll of each process is answered."""
        self.questions += 1
        rows = super().answer(last_id)
        task = self._homes.current
        if task is not None and task.name.startswith("poller"):
            self.polled.setdefault(self._homes.homes[task].name, []).append(self._homes.now)
        return rows

    def late_rows(self) -> set[int]:
        """The serial numbers of rows that became visible after one with a higher id."""
        found, first = set(), float("inf")
        for row in reversed(self.rows):
            if first < row.at:
                found.add(row.serial)
            first = min(first, row.at)
        return found


class Process:
    """One process of the fleet."""

    def __init__(self, name: str, fleet: Fleet) -> None:
        self.name = name
        self.dead = False
        self.shared: Shared | None = None  # of its last poller
        self.supervisor = Supervisor()
        self.feeds = Feeds(
            lambda _: Gateway(fleet.log, fleet.scheduler),
            window_bytes=fleet.window_bytes,
            lookback=30.0,
            patience=30.0,
            supervisor=self.supervisor,
            share=self._share,
        )
        self._fleet = fleet
        self._environment = Environment("a", "https://example.com")

    def _share(self, environment: Environment) -> Share:
        clock = lambda: self._fleet.scheduler.now  # noqa: E731
        return lambda wake: self._shared(Bus(self._fleet.meeting, self.name, environment.name, wake), clock)

    def _shared(self, bus: Bus, clock: Callable[[], float]) -> Shared:
        self.shared = Shared(bus, clock)
        return self.shared

    def serve(self, visit: Visit) -> None:
        """Serve one reader."""
        wish = visit.reader
        stream = Stream(
            self.feeds.of(self._environment),
            selection=Selection(None, wish.live),
            start=Start(position=wish.position),
            interval=wish.interval,
            heartbeat=5.0,
            client=wish.name,
            clock=lambda: self._fleet.scheduler.now,
        )
        visit.stream = stream
        for chunk in stream.chunks():
            visit.chunks.append(chunk)
            self._fleet.scheduler.point("send")
        visit.over = True


class Visit:
    """One connection: what was sent on it."""

    def __init__(self, reader: FleetReader, process: Process) -> None:
        self.reader = reader
        self.process = process
        self.chunks: list[Chunk] = []
        self.stream: Stream | None = None
        self.over = False
        self.gone = False


class FleetReader:
    """A reader that goes from process to process."""

    def __init__(self, name: str, fleet: Fleet, *, live: bool, interval: float, position: int) -> None:
        self.name, self.live, self.interval = name, live, interval
        self.position = self.first = position
        self.rows: list[int] = []
        self.came: list[tuple[float, str]] = []  # when each row came, and from which process
        self.states: list[tuple[int, float, int]] = []  # resets, the time, and the row had last, at each connection
        self.visits: list[tuple[float, float]] = []  # when each was served from, and until when
        self.began = 0.0
        self.calm = self.leaving = self.done = False
        self._fleet = fleet
        self._random = Random(fleet.random.getrandbits(60))
        self.restless = self._random.random() < 0.6

    def run(self) -> None:
        """Connect, read, leave, come back elsewhere."""
        scheduler = self._fleet.scheduler
        while not self.leaving:
            process = self._random.choice([it for it in self._fleet.processes if not it.dead])
            self.states.append((self._fleet.log.resets, scheduler.now, self.rows[-1] if self.rows else 0))
            visit = Visit(self, process)
            scheduler.home = process
            scheduler.spawn(f"stream of {self.name}", lambda visit=visit: visit.process.serve(visit))
            scheduler.home = None
            began = self.began = scheduler.now
            end = began + self._random.random() * 20.0
            while not self.leaving and not process.dead and (self.calm or not self.restless or scheduler.now < end):
                self._read(visit)
                if visit.over:
                    raise Failure(f"{self.name} was ended, which it had not left")
                scheduler.sleep(0.2, "read")
            if not process.dead:
                while visit.stream is None and not process.dead:
                    scheduler.sleep(0.05, "read")
                if visit.stream is not None:
                    visit.stream.disconnected()
                while not visit.over and not process.dead and process not in scheduler.frozen:
                    scheduler.sleep(0.05, "read")
                self._read(visit)
            self.visits.append((began, scheduler.now))
            if not self.leaving:
                scheduler.sleep(self._random.random() * 1.0)
        self.done = True

    def _read(self, visit: Visit) -> None:
        chunks, visit.chunks = visit.chunks, []
        for chunk in chunks:
            for content in chunk.contents:
                if isinstance(content, Entries):
                    for position, json in content:
                        self.position = position
                        found = ROW.search(json)
                        assert found
                        self.rows.append(int(found[1]))
                        self.came.append((self._fleet.scheduler.now, visit.process.name))


class Fleet:
    """The scenario of one seed."""

    def __init__(self, seed: int, scheduler: Homes, faults: set[str] | None = None) -> None:
        self.scheduler = scheduler
        self.random = chance = Random(f"fleet {seed}")
        self.window_bytes = chance.choice((8_000, 40_000, 1_000_000))
        self.log = LateLog("a", scheduler, chance, lambda: GatewayError("Connection failed."))
        self.log.late = chance.choice((0.0, 0.05, 0.3))
        self.log.lagging = self.log._resizing = 0.0
        self.log.page = 1000
        most = chance.choice((3, 30, 300))
        self._faults = set(FAULTS) if faults is None else faults
        read = chance.choice((1, 3, 10)) if "restart" in self._faults else most + 1
        self.meeting = Meeting(scheduler, chance, most, read)
        self.processes: list[Process] = []
        self.readers: list[FleetReader] = []
        self._count = 0
        self._producing = True

    def __call__(self) -> None:
        """Play it. Raises Failure."""
        chance = self.random
        self.log.add(chance.choice((5, 60)), 50, ago=100.0)
        for _ in range(3):
            self._begin()
        for number in range(chance.randint(3, 8)):
            position = chance.choice((0, self.log.top, max(0, self.log.top - 3)))
            interval = chance.choice((0.25, 1.0, 2.0))
            reader = FleetReader(
                f"reader {number}", self, live=chance.random() < 0.5, interval=interval, position=position
            )
            self.readers.append(reader)
            self.scheduler.spawn(reader.name, reader.run)
        self.scheduler.spawn("producer", self._produce)
        end = self.scheduler.now + chance.choice((10.0, 25.0, 50.0))
        while self.scheduler.now < end:
            self.scheduler.sleep(chance.random() * 6.0, "judge")
            self._fault()
        self._calm_down()
        self._judge()

    def _begin(self) -> None:
        self._count += 1
        self.processes.append(Process(f"process {self._count}", self))

    def _produce(self) -> None:
        chance = self.random
        pause, burst = chance.choice(((0.05, 1), (0.3, 8), (1.5, 1), (1.5, 30)))
        # A window without late rows cannot tell them from what is new since a reset: those two come apart here.
        resets = "reset" in self._faults and not self.log.late and chance.random() < 0.8
        anytime = "restart" in self._faults and chance.random() < 0.3
        for _ in range(300):
            self.scheduler.sleep(chance.random() * pause, "produce")
            if not self._producing:
                return
            if resets and (anytime or self._has_been_seen()) and chance.random() < 0.03:
                self._reset_ids()
            self.log.add(chance.randint(1, burst), 50)

    def _has_been_seen(self) -> bool:
        """Whether all processes have seen the newest row: what a process has not seen it cannot miss."""
        return all(feed.high == self.log.top for feed in self._feeds())

    def _reset_ids(self) -> None:
        """Reset the ids, and add no rows until all processes have noticed that."""
        before = {feed: feed.history.generation for feed in self._feeds()}
        self.log.reset_ids()
        end = self.scheduler.now + CALM_SECONDS
        while not self._all_noticed(before):
            if self.scheduler.now > end or not self._producing:
                self.log.unclear = True
                return
            self.scheduler.sleep(0.2, "produce")

    def _all_noticed(self, before: dict[Feed, int]) -> bool:
        """Whether all processes that go on have noticed a reset, and one at least that was there before it.

        One that has begun since, with a reader's position from before, has a window past the log's end.
        """
        missing = [
            feed for feed in self._feeds() if before.get(feed) == feed.history.generation or feed.high > self.log.top
        ]
        return not missing and any(feed.history.generation > before.get(feed, 1 << 30) for feed in self._feeds())

    def _feeds(self) -> list[Feed]:
        """The feeds that run in processes that are not dead."""
        return [feed for it in self.processes if not it.dead for feed in it.feeds.all() if feed.high]

    def _fault(self) -> None:
        chance, meeting = self.random, self.meeting
        if not (kinds := sorted(self._faults - {"reset"})):
            return
        kind = chance.choice(kinds)
        seconds = chance.choice((0.3, 2.0, 6.0, 15.0))
        alive = [it for it in self.processes if not it.dead and it not in self.scheduler.frozen]
        if kind in ("kill", "restart") and len(alive) > 1:
            victim = chance.choice(alive)
            victim.dead = True
            self.scheduler.freeze(victim)  # for ever
            self._begin()
            if kind == "restart":  # what the new one loads may not all come
                soon = chance.random() * 2.0
                self.scheduler.spawn("away", lambda: self._after(soon, lambda: self._go_away(seconds)))
        elif kind == "freeze" and len(alive) > 1:
            victim = chance.choice(alive)
            self.scheduler.freeze(victim)
            self.scheduler.spawn("thaw", lambda: self._after(seconds, lambda: self._thaw(victim)))
        elif kind == "flush":
            meeting.flush()
        elif kind == "away":
            if chance.random() < 0.5:
                meeting.flush()
            self._go_away(seconds)
        elif kind == "slow":
            meeting.slow = 0.3
            self.scheduler.spawn("quick", lambda: self._after(seconds, lambda: setattr(meeting, "slow", 0.0)))
        elif kind == "cut":
            victim = chance.choice(self.processes)
            meeting.cut.add(victim.name)
            self.scheduler.spawn("join", lambda: self._after(seconds, lambda: meeting.cut.discard(victim.name)))

    def _go_away(self, seconds: float) -> None:
        self.meeting.away = True
        self.scheduler.spawn("back", lambda: self._after(seconds, lambda: setattr(self.meeting, "away", False)))

    def _after(self, seconds: float, then: Callable[[], object]) -> None:
        self.scheduler.sleep(seconds, "fault")
        then()

    def _thaw(self, victim: Process) -> None:
        if not victim.dead:
            self.scheduler.thaw(victim)

    def _calm_down(self) -> None:
        self._producing = False
        self.log.faults = False
        for reader in self.readers:
            reader.calm = True
        self.scheduler.sleep(45.0, "judge")
        self.log.late = 0.0
        if self.log.unclear:  # who has not noticed that ids were reset must not be expected to now
            self.log.grow_past()
        self.log.add_last()

    def _judge(self) -> None:
        end = self.scheduler.now + PATIENCE
        while wrong := next((wrong for it in self.readers if (wrong := self._missing(it))), ""):
            if self.scheduler.now > end:
                raise Failure(f"{wrong}; {self._states()}")
            self.scheduler.sleep(0.5, "judge")
        self._see_one_poll()
        late = self.log.late_rows()
        for reader in self.readers:
            if self.log.unclear:
                continue
            if twice := [
                serial
                for serial, count in Counter(reader.rows).items()
                if count > 1 and not (serial in late and self._came_back(reader, serial))
            ]:
                when = [came for serial, came in zip(reader.rows, reader.came, strict=True) if serial == twice[0]]
                row = [(row.number, row.at) for row in self.log.rows if row.serial == twice[0]]
                raise Failure(
                    f"{reader.name} (live: {reader.live}) got rows twice: {twice[:10]}; the first, {row}, "
                    f"came at {when}; visits {reader.visits}, {reader.began}"
                )
            prompt = [serial for serial in reader.rows if serial not in late]
            if not self.log.resets and prompt != sorted(prompt):
                raise Failure(f"{reader.name} got rows in disorder")
        for record in LOG.errors:
            if record.exc_info:
                error = record.exc_info[1]
                assert error is not None
                raise Failure(f"logged: {record.getMessage()} {type(error).__name__}: {error}\n{told(error)}")

    def _missing(self, reader: FleetReader) -> str:
        got, late = set(reader.rows), self.log.late_rows()
        since = self.log.last_from if self.log.unclear else 0
        old = float("-inf")
        for resets, at, had in reader.states[1:]:
            if resets and had < self.log.resets_at[resets - 1]:
                # It came back with an id from before ids were reset, and may lack what was listed.
                old = at + OLD_SECONDS
        for row in self.log.rows:
            if row.serial in got or (row.number <= reader.first and not self.log.resets):
                continue
            if (
                row.serial < since
                or row.at < old
                or (self.log.resets and row.serial < reader.rows[:1][0] if reader.rows else False)
            ):
                continue
            if row.serial in late:
                if self.log.resets:
                    continue
                must = reader.live and any(
                    began + AROUND < row.at and (end > row.at + AROUND) for began, end in self._visits(reader)
                )
                if not must:
                    continue
            return (
                f"{reader.name} (live: {reader.live}) lacks row {row.serial} (id {row.number}, late: "
                f"{row.serial in late}, visible at {row.at:.1f}); it is at {reader.position} of {self.log.top}, "
                f"visits {reader.visits[-3:]}"
            )
        return ""

    def _came_back(self, reader: FleetReader, serial: int) -> bool:
        """Whether a live reader was given a row twice only, the second time right after it had come back.

        Nothing shows that it has a late row that its process sees in a poll only now, as docs/promises.md says.
        """
        came = [came for given, came in zip(reader.rows, reader.came, strict=True) if given == serial]
        at, process = came[-1]
        opened = max((began for began, _ in self._visits(reader) if began < at), default=0.0)
        polled = next((when for when in self.log.polled.get(process, ()) if when >= opened), at)
        return reader.live and len(came) == 2 and came[0][0] < opened and at < max(opened, polled) + AGAIN_SECONDS

    def _visits(self, reader: FleetReader) -> list[tuple[float, float]]:
        return [*reader.visits, (reader.began, float("inf"))]

    def _see_one_poll(self) -> None:
        """See that all have joined: as many questions as one process would ask."""
        self.scheduler.sleep(5.0, "judge")
        before = self.log.questions
        self.scheduler.sleep(20.0, "judge")
        interval = min(reader.interval for reader in self.readers)
        count = self.log.questions - before
        if count > 20.0 / interval * 1.1 + 3:
            raise Failure(f"{count} questions in 20 s with an interval of {interval}: {self._states()}")

    def _states(self) -> list[str]:
        return [
            f"{it.name} {it.shared.membership.state.name}"
            for it in self.processes
            if not it.dead and it.shared is not None
        ]


def play(seed: int, faults: set[str] | None = None, **_: Any) -> Scheduler:
    """Play a seed; returns its run."""
    random.seed(seed)
    scheduler = Homes(seed)
    activate(scheduler)
    gc.disable()
    try:
        scheduler.run(Fleet(seed, scheduler, faults))
    except Failure as failure:
        failure.__traceback__ = failure.__context__ = None
    finally:
        forget()
        gc.collect()
        activate(None)
        gc.enable()
    return scheduler
