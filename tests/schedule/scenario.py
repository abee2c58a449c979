"""The scenario of one seed: feeds, readers and faults, and what must hold at its end."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Collection
from random import Random

from tests.schedule import judge, sockets
from tests.schedule.house import House, Wish, failure, forget
from tests.schedule.reader import Reader
from tests.schedule.scheduler import Scheduler, activate
from tests.schedule.turns import Failure, told
from tests.schedule.upstream import KINDS, Gateway, Log, timestamp

CALM_SECONDS = 40.0  # after the last fault, at most, until the longest back-off of an outage is over
PATIENCE = 150.0  # seconds of the clock that what must come may take
MOST_BYTES = 60_000  # that are listed in one environment, about


class Scenario:
    """The scenario of one seed."""

    def __init__(self, seed: int, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._random = Random(f"scenario {seed}")
        self._logs: dict[str, Log] = {}
        self._readers: list[Reader] = []
        self._producing = True
        self._house: House

    def __call__(self) -> None:
        """Play the scenario. Raises Failure."""
        chance = self._random
        self._storm = chance.random() < 0.25
        self._heartbeat = chance.choice((2.0, 5.0, 15.0))
        for env in ("a", "b")[: chance.choice((1, 2))]:
            log = self._logs[env] = Log(env, self._scheduler, chance, self._failure)
            log.add(chance.choice((0, 5, 60, 200)), chance.choice((50, 200)), ago=100.0)
        count = chance.randint(3, 12)
        self._house = House(
            Random(chance.getrandbits(60)),
            lambda env: Gateway(self._logs[env], self._scheduler),
            heartbeat=self._heartbeat,
            window_bytes=chance.choice((2_000, 8_000, 40_000)),
            streams=count + chance.choice((1, 2, 5)),  # with the guest
            level=chance.choice(("DEBUG", "WARNING")),
        )
        for env, log in self._logs.items():
            self._scheduler.spawn(f"producer of {env}", lambda log=log: self._produce(log))
        for number in range(count):
            self._come(f"reader {number}", stays=chance.random() < 0.6, restless=chance.random() < 0.7)
        self._scheduler.sleep(chance.choice((2.0, 6.0, 15.0)))
        self._calm_down()
        self._see_all_arrive()
        self._see_heartbeats()
        self._see_a_guest()
        self._see_all_leave()

    def _come(self, name: str, *, stays: bool, restless: bool) -> Reader:
        chance = self._random
        env = chance.choice(list(self._logs))
        since = timestamp(self._scheduler.now - chance.choice((99.0, 10.0, 1.0)))
        position, tail, since = chance.choice(
            (
                (0, None, None),
                (None, None, None),
                (None, 5, None),
                (None, None, since),
                (-1, None, None),
                (-1, None, None),
            )
        )
        wish = Wish(
            env,
            chance.randint(0, self._logs[env].top) if position == -1 else position,
            tail,
            since,
            filter=chance.choice((None, None, *KINDS)),
            live=chance.random() < 0.4,
            gzip=chance.random() < 0.4,
            chunked=chance.random() < 0.9,
            direct=chance.random() < 0.75,
            interval=chance.choice((0.25, 1.0, 2.0)),
        )
        own = Random(chance.getrandbits(60))
        reader = Reader(
            name,
            self._scheduler,
            own,
            self._house.serve,
            self._logs[env].state,
            wish,
            stays=stays,
            restless=restless,
            storm=self._storm,
        )
        self._readers.append(reader)
        self._scheduler.spawn(name, reader.run)
        return reader

    # What goes on

    def _failure(self) -> Exception:
        sentence = "Connection failed: the environment could not be reached."
        return failure(sentence, self._random.choice((None, None, None, 2.0)))

    def _produce(self, log: Log) -> None:
        chance = self._random
        falls = chance.random() < 0.25
        pause, burst, size = chance.choice((0.05, 0.3, 1.5)), chance.choice((1, 5, 40)), chance.choice((50, 200, 1500))
        left = MOST_BYTES
        while self._producing and left > 0:
            self._scheduler.sleep(chance.random() * pause, "produce")
            if not self._producing:
                break
            # A reader may have asked for itself what the feed has not seen yet: only what it has seen can be missed.
            if falls and self._house.high(log.env) == log.top and chance.random() < 0.1:
                self._reset_ids(log)
            count = chance.randint(1, burst)
            left -= count * (size + 150)
            log.add(count, size)

    def _reset_ids(self, log: Log) -> None:
        """Reset the ids, and add no rows until that is noticed. A reset that is not noticed leaves the log unclear."""
        before = self._house.resets(log.env)
        log.reset_ids()
        end = self._scheduler.now + CALM_SECONDS
        while self._house.resets(log.env) == before:
            if self._scheduler.now > end or not self._producing:
                log.unclear = True
                return
            self._scheduler.sleep(0.2, "produce")

    def _calm_down(self) -> None:
        self._producing = False
        for log in self._logs.values():
            log.faults = False
        for reader in self._readers:
            reader.calm = True
        self._scheduler.sleep(2.0)
        if self._until(self._house.outages, CALM_SECONDS):
            raise Failure("an outage does not end although all is answered")
        for log in self._logs.values():
            if log.unclear:  # who has not noticed that ids were reset must not be expected to now
                log.grow_past()
            log.add_last()

    # What must hold

    @property
    def _staying(self) -> list[Reader]:
        return [reader for reader in self._readers if reader.stays]

    def _until(self, wrong: Callable[[], object], seconds: float = PATIENCE) -> str:
        """Wait until nothing is wrong any more; returns what still is when time is up."""
        end = self._scheduler.now + seconds
        while found := wrong():
            if self._scheduler.now > end:
                return str(found)
            self._scheduler.sleep(0.25, "judge")
        return ""

    def _see_all_arrive(self) -> None:
        for reader in self._staying:
            self._see_arrive(reader)
        for reader in self._readers:
            if wrong := judge.disorder(reader, self._logs[reader.wish.env]):
                raise Failure(wrong)
        self._see_no_trouble()

    def _see_arrive(self, reader: Reader) -> None:
        if wrong := self._until(lambda: judge.missing(reader, self._logs[reader.wish.env])):
            raise Failure(wrong)

    def _see_heartbeats(self) -> None:
        if wrong := self._until(lambda: [reader.name for reader in self._staying if not reader.settled]):
            raise Failure(f"some are not answered: {wrong}")
        before = {reader: reader.now.heartbeats for reader in self._staying if reader.now is not None}

        def silent() -> list[str]:
            return [r.name for r, had in before.items() if r.now is None or r.now.heartbeats <= had]

        # What is still under way to a reader that is slow holds the next one back.
        if wrong := self._until(silent, self._heartbeat * 3 + 15.0):
            raise Failure(f"no heartbeat comes any more: {wrong}")

    def _see_a_guest(self) -> None:
        """See that a reader that comes now is served as well."""
        guest = self._come("guest", stays=True, restless=False)
        guest.calm = True
        self._scheduler.sleep(2.0)
        self._logs[guest.wish.env].add(2, 50)
        self._see_arrive(guest)

    def _see_all_leave(self) -> None:
        for reader in self._readers:
            reader.leaving = True
        if wrong := self._until(lambda: [reader.name for reader in self._readers if not reader.gone]):
            raise Failure(f"some do not come to their end: {wrong}")
        if self._until(lambda: self._house.open, 40.0):
            raise Failure(f"{self._house.open} slots are held although all have left")
        self._scheduler.sleep(15.0)
        stuck = [task for task in self._scheduler.tasks if task.waits == "acquire"]
        if stuck:
            raise Failure(f"they wait for a lock for ever: {[f'{task.name} at {task.where}' for task in stuck]}")
        passing = ("request", "spawned")
        if late := [task for task in self._scheduler.tasks if task.name.startswith(passing) and not task.done]:
            raise Failure(f"not over, though all have left: {[f'{t.name} ({t.waits}) at {t.where}' for t in late]}")
        if left := sockets.left_open():
            raise Failure(f"{left} connections are still open although all have left")
        self._see_no_trouble()

    def _see_no_trouble(self) -> None:
        for record in self._house.errors():
            assert record.exc_info is not None
            error = record.exc_info[1]
            assert error is not None
            raise Failure(f"logged: {record.getMessage()} {type(error).__name__}: {error}\n{told(error)}")


def play(seed: int, *, strict: bool = False, without: Collection[str] = ()) -> Scheduler:
    """Play a seed; returns its run. A failure is kept in the scheduler's `failure`."""
    random.seed(seed)
    scheduler = Scheduler(seed, strict=strict, without=without)
    activate(scheduler)
    gc.disable()
    try:
        scheduler.run(Scenario(seed, scheduler))
    except Failure as failure:
        failure.__traceback__ = failure.__context__ = None  # they hold all that was there
    finally:
        forget()
        gc.collect()  # generators end here, while what they give back to is still there
        activate(None)
        sockets.close_all()
        gc.enable()
    return scheduler
