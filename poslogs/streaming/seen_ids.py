"""The ids that a live reader had lately, which tell late rows from rows that it has."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from itertools import chain
from typing import Final

from poslogs.streaming.lookback import MAX_ROWS, MAX_UNLOOKED

MAX_IDS: Final = MAX_ROWS + MAX_UNLOOKED  # as far back as a look may find late rows


class SeenIds:
    """The ids that a reader was given or passed over, as far back as its feed may still find late rows.

    That is the settled position of the feed's lookback, and at most MAX_IDS ids. Those up to `floor` all count as had.

    It holds the runs of ids of the batches themselves, not copies; each ascends.
    """

    def __init__(self, position: int) -> None:
        self.floor = position
        self._runs: deque[Sequence[int]] = deque()
        self._count = 0

    def add(self, ids: Sequence[int], settled: int = 0) -> None:
        """Note that the reader has had these; no row up to the position `settled` can become visible late any more."""
        if ids:
            self._runs.append(ids)
            self._count += len(ids)
        while self._runs and (self._runs[0][-1] <= settled or self._count - len(self._runs[0]) >= MAX_IDS):
            gone = self._runs.popleft()
            self._count -= len(gone)
            self.floor = max(self.floor, max(gone, default=0))

    def given(self, id_: int) -> bool:
        """Whether the entry of this id is among the last."""
        return any(at < len(run) and run[at] == id_ for run in self._runs for at in (bisect_left(run, id_),))

    def all(self) -> set[int]:
        """All ids among the last."""
        return set(chain.from_iterable(self._runs))

    def had(self, id_: int) -> bool:
        """Whether the reader has had this id. One up to `floor` counts as had, since older ids are not kept."""
        return id_ <= self.floor or self.given(id_)
