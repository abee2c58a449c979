"""Looks: what queries look at for the readers of one environment, beside the poller and the readers' own turns."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Final
from weakref import ref

from poslogs.cooperation import breathe
from poslogs.platformos.entries import Entry
from poslogs.query.query import Query
from poslogs.query.subject import Subject
from poslogs.streaming.batch import Batch
from poslogs.streaming.frames import Chunk
from poslogs.streaming.looking import Look, Looking
from poslogs.streaming.marks import Marks
from poslogs.streaming.publication import give
from poslogs.streaming.pulse import Pulse
from poslogs.streaming.readers import Reader
from poslogs.supervisor import Supervisor

WAITING_PAGES: Final = 8  # that a query has not looked at yet; its readers then come by themselves
SHARED_BATCHES: Final = 4  # the latest, whose entries stay parsed for the other queries
SHARED_BYTES: Final = 128 * 1024  # of such a batch


class Looks:
    """The looks of one environment's readers: each distinct query looks once at an entry, however many have it."""

    def __init__(self, env: str, supervisor: Supervisor) -> None:
        self._lock = threading.Lock()
        self._looking = Looking(env, supervisor, self._forget_subjects)
        self._spreading: Counter[Query] = Counter()  # for how many pages the readers of each query wait
        self._subjects: dict[int, list[Subject]] = {}  # of the latest batches, by number

    def publish(self, page: Sequence[Batch], readers: Iterable[Reader], failed: Callable[[Exception], None]) -> None:
        """Give a page to readers with queries once these have looked at it. Does not wait for that.

        A query that is not done with the last WAITING_PAGES has its readers come by themselves, and look at one batch
        after another: no more than that waits for a slow query.
        """
        groups: dict[Query, list[Reader]] = {}
        for reader in readers:
            if (query := reader.selection.query) is not None:
                groups.setdefault(query, []).append(reader)
        for query, group in groups.items():
            if self._spreading[query] >= WAITING_PAGES or not self._spread(query, page, group, failed):
                _wake(group)

    def at_batch(self, query: Query, batch: Batch, pulse: Pulse) -> Iterator[Chunk | float]:
        """Have a query look at a batch for one reader, whose heart beats meanwhile."""
        if not batch.looked(query):
            quick = query.is_quick(batch.longest)
            yield from self._waited(query, lambda: self._steps(query, (batch,)), pulse, quick=quick)

    def at_entries(
        self, query: Query, entries: Sequence[Entry], marks: Marks, pulse: Pulse
    ) -> Generator[Chunk | float, None, set[int]]:
        """The ids of those entries that a query holds for; the same."""
        if entries and not marks.complete(entries):
            quick = query.is_quick(max(len(entry.json) for entry in entries))
            yield from self._waited(query, lambda: marks.looking(query, entries), pulse, quick=quick)
        return marks.held(entries)

    def _spread(
        self, query: Query, page: Sequence[Batch], group: Sequence[Reader], failed: Callable[[Exception], None]
    ) -> bool:
        kept = [ref(batch) for batch in page]  # by the window alone: it would be too much for many slow queries

        def done() -> None:
            self._count(query, -1)
            found = [batch for it in kept if (batch := it()) is not None]
            if len(found) == len(kept):
                give(found, group, failed)
            else:
                _wake(group)

        steps = self._steps(query, (batch for it in kept if (batch := it()) is not None))
        self._count(query, 1)
        try:
            self._looking.add(query, Look(steps, done, query.is_quick(max(batch.longest for batch in page))))
        except RuntimeError:
            self._count(query, -1)
            return False
        return True

    def _count(self, query: Query, pages: int) -> None:
        with self._lock:
            self._spreading[query] += pages
            if not self._spreading[query]:
                del self._spreading[query]

    def _waited(
        self, query: Query, looking: Callable[[], Iterator[object]], pulse: Pulse, *, quick: bool
    ) -> Iterator[Chunk | float]:
        wake = pulse.wake
        over = threading.Event()  # it was looked at, or the reader has gone

        def done() -> None:
            over.set()
            wake.set()

        def steps() -> Iterator[object]:
            if not over.is_set():
                yield from looking()

        try:
            self._looking.add(query, Look(steps(), done, quick))
        except RuntimeError:  # no thread is to be had: then in the reader's own
            for _ in looking():
                breathe()
            return
        try:
            while not over.is_set():
                pulse.look()
                if not over.is_set():
                    yield from pulse.idle()
        finally:
            over.set()

    def _steps(self, query: Query, batches: Iterable[Batch]) -> Iterator[None]:
        for batch in batches:
            if not batch.looked(query):
                yield from batch.looking(query, self._subjects_of(batch))

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

    def _forget_subjects(self) -> None:
        with self._lock:
            self._subjects.clear()


def _wake(readers: Iterable[Reader]) -> None:
    for reader in readers:
        reader.wake.set()
