"""Looks: queries look at entries in loops of their own, so that no reader waits for the query of another."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple
from weakref import ref

from poslogs.platformos.entries import Entry
from poslogs.query.query import Query
from poslogs.query.subject import Subject
from poslogs.streaming.batch import Batch
from poslogs.streaming.frames import Chunk
from poslogs.streaming.marks import Marks
from poslogs.streaming.publication import give
from poslogs.streaming.pulse import Pulse
from poslogs.streaming.readers import Reader
from poslogs.supervisor import IDLE_SECONDS, Loop, Supervisor

LINGER_TURNS: Final = 3  # waits of IDLE_SECONDS without work, after which a query's loop ends
LOOK_SECONDS: Final = 600.0  # for one look, which may be at megabytes with a slow expression
SHARED_BATCHES: Final = 4  # the latest, whose entries stay parsed for the other queries
SHARED_BYTES: Final = 128 * 1024  # of such a batch


class Look(NamedTuple):
    """What is to be looked at: `work` may take long, and `done` is called once it is over, however it ended."""

    work: Callable[[], object]
    done: Callable[[], None]


class Looks:
    """The looks of one environment's readers, in a loop for each distinct query while there is work for it."""

    def __init__(self, env: str, supervisor: Supervisor) -> None:
        self._env = env
        self._supervisor = supervisor
        self._lock = threading.Lock()
        self._queues: dict[Query, _Queue] = {}
        self._spreading: set[Query] = set()  # whose readers wait for a page
        self._subjects: dict[int, list[Subject]] = {}  # of the latest batches, by number

    def publish(self, page: Sequence[Batch], readers: Iterable[Reader], failed: Callable[[Exception], None]) -> None:
        """Give a page to readers with queries once these have looked at it. Does not wait for that.

        A query that is not done with the page before has its readers come by themselves, and look at one batch after
        another: no more than that waits for a slow query.
        """
        groups: dict[Query, list[Reader]] = {}
        for reader in readers:
            if (query := reader.selection.query) is not None:
                groups.setdefault(query, []).append(reader)
        for query, group in groups.items():
            if query in self._spreading or not self._spread(query, page, group, failed):
                _wake(group)

    def at_batch(self, query: Query, batch: Batch, pulse: Pulse) -> Iterator[Chunk | float]:
        """Have a query look at a batch for one reader, whose heart beats meanwhile."""
        if not batch.looked(query):
            yield from self._waited(query, partial(self._look, query, (batch,)), pulse)

    def at_entries(
        self, query: Query, entries: Sequence[Entry], marks: Marks, pulse: Pulse
    ) -> Generator[Chunk | float, None, set[int]]:
        """The ids of those entries that a query holds for; the same."""
        if entries and not marks.complete(entries):
            yield from self._waited(query, partial(marks.look, query, entries), pulse)
        return marks.held(entries)

    def _spread(
        self, query: Query, page: Sequence[Batch], group: Sequence[Reader], failed: Callable[[Exception], None]
    ) -> bool:
        kept = [ref(batch) for batch in page]  # by the window alone: it would be too much for many slow queries

        def work() -> None:
            self._look(query, (batch for it in kept if (batch := it()) is not None))

        def done() -> None:
            self._spreading.discard(query)
            found = [batch for it in kept if (batch := it()) is not None]
            if len(found) == len(kept):
                give(found, group, failed)
            else:
                _wake(group)

        self._spreading.add(query)
        try:
            self._add(query, Look(work, done))
        except RuntimeError:
            self._spreading.discard(query)
            return False
        return True

    def _waited(self, query: Query, work: Callable[[], object], pulse: Pulse) -> Iterator[Chunk | float]:
        wake = pulse.wake
        over = threading.Event()  # it was looked at, or the reader has gone

        def done() -> None:
            over.set()
            wake.set()

        try:
            self._add(query, Look(lambda: over.is_set() or work(), done))
        except RuntimeError:  # no thread is to be had: then in the reader's own
            work()
            return
        try:
            while not over.is_set():
                pulse.look()
                if not over.is_set():
                    yield from pulse.idle()
        finally:
            over.set()

    def _look(self, query: Query, batches: Iterable[Batch]) -> None:
        for batch in batches:
            if not batch.looked(query):
                batch.look(query, self._subjects_of(batch))

    def _subjects_of(self, batch: Batch) -> Iterable[Subject]:
        """What a batch holds as queries look at it, shared by all of them where it is not too much to keep."""
        if len(batch.data) > SHARED_BYTES:
            return batch.subjects()
        known = self._subjects.get(batch.number)
        if known is None:
            known = list(batch.subjects())
            with self._lock:
                self._subjects[batch.number] = known
                while len(self._subjects) > SHARED_BATCHES:
                    del self._subjects[next(iter(self._subjects))]
        return known

    def _add(self, query: Query, look: Look) -> None:
        """Have a query look, after what it is to look at already. Raises RuntimeError when no thread is to be had."""
        with self._lock:
            queue = self._queues.get(query)
            begins = queue is None
            if queue is None:
                queue = self._queues[query] = _Queue()
            queue.looks.append(look)
        queue.wake.set()
        if begins:
            try:
                self._supervisor.start("look", partial(self._run, query, queue), detail=self._env)
            except RuntimeError:
                with self._lock:
                    del self._queues[query]
                    others = [it for it in queue.looks if it is not look]
                for each in others:
                    each.done()
                raise

    def _run(self, query: Query, queue: _Queue, loop: Loop) -> None:
        idle = 0
        while idle < LINGER_TURNS or not self._may_end(query, queue):
            loop.turn()
            if not queue.looks:
                idle = 0 if queue.wake.wait(IDLE_SECONDS) else idle + 1
                queue.wake.clear()
                continue
            idle = 0
            look = queue.looks.popleft()
            loop.asks(LOOK_SECONDS)  # as long as it takes: another process would not be quicker
            try:
                look.work()
            except Exception as error:  # noqa: BLE001 - of one look; those who wait for it must not wait for ever
                loop.failed(error)
            finally:
                look.done()

    def _may_end(self, query: Query, queue: _Queue) -> bool:
        with self._lock:
            if queue.looks:
                return False
            del self._queues[query]
            if not self._queues:
                self._subjects.clear()
            return True


class _Queue:
    """What a query is to look at."""

    def __init__(self) -> None:
        self.looks: deque[Look] = deque()
        self.wake = threading.Event()


def _wake(readers: Iterable[Reader]) -> None:
    for reader in readers:
        reader.wake.set()
