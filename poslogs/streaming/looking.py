"""Looking: the loops in which queries look at entries, one for all that is quick, and one for each slow query."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple

from poslogs.cooperation import TURN_SECONDS, breathe
from poslogs.query.query import Query
from poslogs.supervisor import IDLE_SECONDS, Loop, Supervisor

LINGER_TURNS: Final = 3  # waits without work, after which a loop ends
LOOK_SECONDS: Final = 600.0  # for one look, which may be at megabytes with a slow expression
QUICK_SECONDS: Final = TURN_SECONDS  # of work in the common loop for one query; it then goes on in one of its own


class Look(NamedTuple):
    """What a query is to look at, an entry a step; `done` is called once it is over, however it ended."""

    steps: Iterator[object]
    done: Callable[[], None]
    quick: bool  # no step waits, or takes long


class Looking:
    """Has each query make its looks in order, one at a time; queries do not wait for one another for long.

    The looks of all queries are made in one loop. A query whose look is not quick, or is not over after QUICK_SECONDS,
    goes on in a loop of its own, until a look there was quick and none is left.
    """

    def __init__(
        self, env: str, supervisor: Supervisor, rests: Callable[[], None], *, idle: float = IDLE_SECONDS
    ) -> None:
        """`rests` is called when there has been no work for LINGER_TURNS waits of `idle` seconds."""
        self._env = env
        self._supervisor = supervisor
        self._rests = rests
        self._idle = idle
        self._lock = threading.Lock()
        self._queues: dict[Query, _Queue] = {}  # of queries with work, or with a loop of their own
        self._ready: deque[_Queue] = deque()  # those whose turn in the common loop comes
        self._wake = threading.Event()  # for the common loop
        self._runs = False  # the common loop

    def add(self, query: Query, look: Look) -> None:
        """Have a query look, after what it is to look at already. Raises RuntimeError when no thread is to be had."""
        begins = False
        with self._lock:
            queue = self._queues.get(query)
            if queue is None:
                queue = self._queues[query] = _Queue(query)
                self._ready.append(queue)
                begins, self._runs = not self._runs, True
            queue.looks.append(look)
        (queue.wake or self._wake).set()
        if begins:
            try:
                self._supervisor.start("look", self._run, detail=self._env)
            except RuntimeError:
                self._fail(look)
                raise

    def _fail(self, look: Look) -> None:
        """Let go of all that waits for a loop that cannot be started; who asked for `look` sees to it."""
        with self._lock:
            self._runs = False
            waiting = [each for queue in self._ready for each in queue.looks if each is not look]
            for queue in self._ready:
                del self._queues[queue.query]
            self._ready.clear()
        for each in waiting:
            each.done()

    def _run(self, loop: Loop) -> None:
        """The common loop."""
        idle = 0
        while idle < LINGER_TURNS or not self._may_end():
            loop.turn()
            if not self._ready:
                idle = 0 if self._wake.wait(self._idle) else idle + 1
                self._wake.clear()
                continue
            idle = 0
            self._serve(self._ready[0], loop)
            self._ready.popleft()  # only now: if a fault ends this round, the next goes on with the same query

    def _serve(self, queue: _Queue, loop: Loop) -> None:
        """Make a query's looks for QUICK_SECONDS at most; the rest is left to a loop of its own."""
        budget = _Budget()
        while (look := self._next(queue)) is not None:
            if look.quick and _make(queue, loop, budget):
                continue
            if self._part(queue):
                return
            _make(queue, loop)

    def _next(self, queue: _Queue) -> Look | None:
        with self._lock:
            if queue.looks:
                return queue.looks[0]
            if self._queues.get(queue.query) is queue:
                del self._queues[queue.query]
            return None

    def _part(self, queue: _Queue) -> bool:
        """Give a query a loop of its own; False when no thread is to be had."""
        queue.wake = threading.Event()
        try:
            self._supervisor.start("look", partial(self._run_alone, queue, queue.wake), detail=self._env)
        except RuntimeError:
            queue.wake = None
            return False
        return True

    def _run_alone(self, queue: _Queue, wake: threading.Event, loop: Loop) -> None:
        """The loop of one query."""
        idle = 0
        while idle < LINGER_TURNS or not self._may_leave(queue):
            loop.turn()
            if not queue.looks:
                idle = 0 if wake.wait(self._idle) else idle + 1
                wake.clear()
                continue
            begun, quick = time.monotonic(), queue.looks[0].quick
            _make(queue, loop)
            idle = LINGER_TURNS if quick and time.monotonic() - begun < QUICK_SECONDS else 0

    def _may_end(self) -> bool:
        with self._lock:
            if self._ready:
                return False
            self._runs = False
            rests = not self._queues
        if rests:
            self._rests()
        return True

    def _may_leave(self, queue: _Queue) -> bool:
        with self._lock:
            if queue.looks:
                return False
            del self._queues[queue.query]
            rests = not self._queues and not self._runs
        if rests:
            self._rests()
        return True


class _Queue:
    """What a query is to look at."""

    def __init__(self, query: Query) -> None:
        self.query = query
        self.looks: deque[Look] = deque()  # the first one is being made
        self.wake: threading.Event | None = None  # for its own loop, where it has one


class _Budget:
    """QUICK_SECONDS of work of this thread, from now on; the time in which others had the processor does not count."""

    def __init__(self) -> None:
        self.until = time.monotonic() + QUICK_SECONDS  # it lasts until then, or longer
        self._worked = time.thread_time()

    def is_spent(self) -> bool:
        """Whether it is used up."""
        return time.thread_time() - self._worked > QUICK_SECONDS


def _make(queue: _Queue, loop: Loop, budget: _Budget | None = None) -> bool:
    """Make a query's first look, as far as a budget goes; whether it is over."""
    look, over = queue.looks[0], True
    loop.asks(LOOK_SECONDS)  # as long as it takes: another process would not be quicker
    try:
        for _ in look.steps:
            if budget is None:
                breathe()
            elif time.monotonic() > budget.until and budget.is_spent():
                over = False
                break
    except Exception as error:  # noqa: BLE001 - of one look; those who wait for it must not wait for ever
        loop.failed(error)
    finally:
        if over:
            queue.looks.popleft()
            look.done()
    return over
