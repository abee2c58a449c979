"""The scheduler: greenlets that change places where a seed says, on a clock of their own.

A greenlet that runs calls `point` wherever real threads or gevent's greenlets could change places, and the seed decides
whether another goes on. Time passes by a little with every turn, and leaps when nobody can go on.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable, Collection
from typing import Any, Final

import greenlet

from tests.schedule.turns import Failure, Held, Task, Turn, origin, told, where

START = 1000.0  # what the clock shows first, in seconds
EPOCH = 1_700_000_000.0  # what the wall's clock shows then
TURN_SECONDS = 1e-4  # that pass with every turn
LAST_TURNS = 60  # that a failure shows
LOCKS: Final = ("acquire", "release")  # the points of a lock itself
MAY_WAIT: Final = ("wait", "sleep", "poll", "send", "log", "start", "gateway")  # no lock may be held here


class Scheduler:
    """Runs tasks one at a time; the same seed gives the same order.

    `most` bounds the turns and points of a run. With `strict`, a lock that is held at a point where its holder may wait
    is a failure; else it is only noted in `held`. Points of the kinds `without` change no turn.
    """

    def __init__(self, seed: int, *, most: int = 400_000, strict: bool = False, without: Collection[str] = ()) -> None:
        self.random = random.Random(seed)
        self.strict = strict
        self._without = frozenset(without)
        self.now = START
        self.current: Task | None = None
        self.dying = False
        self.failure: Failure | None = None
        self.turns: deque[Turn] = deque(maxlen=LAST_TURNS)
        self.held: dict[Held, int] = {}
        self.steps = 0  # turns and points so far
        self.tasks: list[Task] = []
        self.on_death: Callable[[Task, BaseException], None] = self._died
        self._most = most
        self._eager = self.random.choice((0.02, 0.1, 0.3, 0.6, 1.0))  # how often a point changes the turn
        self._by_priority = self.random.random() < 0.4
        self._look_every = self.random.choice((1, 3, 10, 30))  # turns between two looks at the kernel
        self._turn = 0
        self._ready: list[Task] = []
        self._timers: list[tuple[float, int, Task, int]] = []
        self._kernel: list[tuple[Task, int, Callable[[], object]]] = []
        self._count = itertools.count()
        self._hub: Any = None

    # For those that run

    def point(self, kind: str) -> None:
        """Mark a point where another task may go on."""
        task = self.current
        if task is None or self.dying:
            return
        self.steps += 1
        if task.held and kind in MAY_WAIT:
            self._note_held(task, kind)
        if self.random.random() < self._eager and kind not in self._without:
            self._ready.append(task)
            self._leave(task, kind)

    def give_way(self, kind: str) -> None:
        """Let another task go on, if one can."""
        task = self.current
        if task is None or self.dying:
            return
        if task.held and kind in MAY_WAIT:
            self._note_held(task, kind)
        task.priority = -self.random.random()
        self._ready.append(task)
        self._leave(task, kind)

    def wait(self, kind: str, queue: list[Task] | None = None, seconds: float | None = None) -> bool:
        """Wait until `wake`, or until `seconds` have passed; returns whether the task was woken."""
        task = self.current
        if task is None:
            raise RuntimeError("Nothing outside of the scheduler can wait.")
        if self.dying:
            raise greenlet.GreenletExit
        if task.held and kind in MAY_WAIT:
            self._note_held(task, kind)
        task.waits, task.woken = kind, False
        if queue is not None:
            queue.append(task)
        if seconds is not None:
            self._at(self.now + max(0.0, seconds), task)
        try:
            self._leave(task, kind)
        finally:
            if queue is not None and task in queue:
                queue.remove(task)
        return task.woken

    def wait_for_kernel(self, kind: str, ask: Callable[[], object], seconds: float | None = None) -> bool:
        """Wait until `ask` returns something true, or until `seconds` have passed; returns whether it did."""
        if (task := self.current) is not None:
            self._kernel.append((task, task.epoch, ask))
        return self.wait(kind, None, seconds)

    def wake(self, task: Task) -> None:
        """Let a task that waits go on."""
        if task.waits:
            task.waits, task.woken = "", True
            self._ready.append(task)

    def spawn(self, name: str, work: Callable[[], object]) -> Task:
        """Make a new task, which is ready."""
        task = Task(name, work, next(self._count))
        task.priority, task.sluggish = self.random.random(), self.random.random() < 0.2
        task.greenlet = greenlet.greenlet(lambda: self._run(task), self._hub)
        self.tasks.append(task)
        self._ready.append(task)
        return task

    def sleep(self, seconds: float, kind: str = "sleep") -> None:
        """Let `seconds` pass."""
        if self.dying:
            raise greenlet.GreenletExit
        if seconds <= 0:
            self.give_way(kind)
        elif self.current is not None:
            self.wait(kind, None, seconds)
        else:
            self.now += seconds

    # For who runs it all

    def run(self, main: Callable[[], object]) -> None:
        """Run `main` and all that it starts until `main` is done; end what is left. Raises Failure."""
        self._hub = greenlet.getcurrent()
        first = self.spawn("main", main)
        try:
            while not first.done and self.failure is None:
                self._one_turn()
        finally:
            self._end_all()
        if self.failure is not None:
            raise self.failure

    def fail(self, reason: str) -> None:
        """Let the run end with a failure, at the next turn."""
        if self.failure is None:
            self.failure = Failure(reason)

    def _one_turn(self) -> None:
        self._turn += 1
        self.steps += 1
        self.now += TURN_SECONDS
        if self.steps > self._most:
            self.fail(f"after {self._most} steps it is still under way")
            return
        if self._kernel and (not self._ready or self._turn % self._look_every == 0):
            self._look_at_kernel()
        self._fire()
        while not self._ready:
            if not self._timers:
                waiting = ", ".join(f"{task.name} ({task.waits} at {task.where})" for task in self.tasks if task.waits)
                self.fail(f"nobody can go on: {waiting}")
                return
            self.now = max(self.now, self._timers[0][0])
            self._fire()
        task = self._choose()
        self.current = task
        task.greenlet.switch()
        self.current = None

    def _choose(self) -> Task:
        ready = self._ready
        if self._by_priority:
            if self.random.random() < 0.02:
                self.random.choice(ready).priority = self.random.random()
            index = max(range(len(ready)), key=lambda i: (ready[i].priority, ready[i].number))
        else:
            index = self.random.randrange(len(ready))
            if ready[index].sluggish and self.random.random() < 0.8:
                index = self.random.randrange(len(ready))
        ready[index], ready[-1] = ready[-1], ready[index]
        return ready.pop()

    def _fire(self) -> None:
        timers = self._timers
        while timers and timers[0][0] <= self.now:
            _, _, task, epoch = heapq.heappop(timers)
            if task.epoch == epoch and task.waits:
                task.waits = ""
                self._ready.append(task)

    def _look_at_kernel(self) -> None:
        kept = []
        for task, epoch, ask in self._kernel:
            if task.epoch != epoch or not task.waits:
                continue
            if ask():
                self.wake(task)
            else:
                kept.append((task, epoch, ask))
        self._kernel = kept

    def _at(self, due: float, task: Task) -> None:
        heapq.heappush(self._timers, (due, next(self._count), task, task.epoch))

    def _leave(self, task: Task, kind: str) -> None:
        task.where = where()
        self.turns.append(Turn(self._turn, self.now, task.name, kind, task.where))
        self._hub.switch()
        task.epoch += 1
        if self.dying:
            raise greenlet.GreenletExit

    def _run(self, task: Task) -> None:
        task.begun = True
        try:
            task.work()
        except greenlet.GreenletExit:
            pass
        except BaseException as error:
            if not self.dying:
                self.on_death(task, error)
        finally:
            task.done = True
            if task.held and not self.dying:
                self.fail(f"{task.name} ended and holds what it acquired at {task.held[0][1]}")

    def _died(self, task: Task, error: BaseException) -> None:
        self.turns.append(Turn(self._turn, self.now, task.name, "died", origin(error)))
        if isinstance(error, Failure):
            self.fail(str(error))
        else:
            self.fail(f"{task.name} died: {type(error).__name__}: {error}\n{told(error)}")

    def _note_held(self, task: Task, kind: str) -> None:
        for _, acquired in task.held:
            note = Held(acquired, kind, where())
            self.held[note] = self.held.get(note, 0) + 1
            if self.strict:
                self.fail(f"{task.name} holds what it acquired at {note.lock} across {kind} at {note.where}")

    def _end_all(self) -> None:
        self.dying, self.current = True, None
        for task in self.tasks:
            if not task.done and task.greenlet:
                task.greenlet.throw(greenlet.GreenletExit)
            task.work, task.thread = _nothing, None  # so that what they made can be freed
        self._ready, self._timers, self._kernel = [], [], []


def _nothing() -> None: ...


_active: Scheduler | None = None


def active() -> Scheduler | None:
    """The scheduler that runs now."""
    return _active


def activate(scheduler: Scheduler | None) -> None:
    """Let the locks, clocks and sockets made here belong to this scheduler."""
    global _active
    _active = scheduler
