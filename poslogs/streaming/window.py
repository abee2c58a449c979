"""The window: the recent entries of an environment in order, and where a position lies in them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Final

from poslogs.streaming.batch import Batch
from poslogs.streaming.selection import Selection

FRESH_BATCHES: Final = 4  # the newest batches keep what was made for each selection
SWEEP_BATCHES: Final = 64  # between two sweeps over the others


class Window:
    """Recent batches of one environment, bounded by bytes; the newest page always stays whole.

    Not locked: its feed is.
    """

    def __init__(self, max_bytes: int, position: int, number: int) -> None:
        self._max_bytes = max_bytes
        self._batches: deque[Batch] = deque()
        self._bytes = 0
        self.floor = position  # everything listed after this position is here
        self.high = position
        self.number = number  # of the newest batch

    def emptied(self, position: int) -> Window:
        """An empty one that begins at a position, and goes on with the numbers of this one."""
        return Window(self._max_bytes, position, self.number + 1)

    @property
    def empty(self) -> bool:
        """Whether nothing has come since it began."""
        return not self._batches

    def admit(self, page: Iterable[Batch]) -> None:
        """Add the batches of one poll and let the oldest go, but none of this page."""
        fresh = len(self._batches)
        before = self.number
        for batch in page:
            self._batches.append(batch)
            self._bytes += batch.size
            self.number = batch.number
            self.high = max(self.high, batch.high)
        while fresh and self._bytes > self._max_bytes:
            gone = self._batches.popleft()
            fresh -= 1
            self._bytes -= gone.size
            self.floor = max(self.floor, gone.high)
        # A long window is swept as a whole only now and then.
        reach = SWEEP_BATCHES if before // SWEEP_BATCHES == self.number // SWEEP_BATCHES else len(self._batches)
        for batch in islice(reversed(self._batches), FRESH_BATCHES, reach):
            batch.forget()

    def after(self, number: int) -> Batch | None:
        """The batch after that number, None when there is none yet. Raises LookupError when it is no longer here."""
        back = self.number - number
        if back <= 0:
            return None
        if back > len(self._batches):
            raise LookupError
        return self._batches[-back]

    def find(self, position: int) -> tuple[int, Batch | None]:
        """Where a reader at `position` continues: after which number, and the batch that the position lies in.

        Raises LookupError when the window does not reach back to it.
        """
        if position < self.floor:
            raise LookupError
        number = self.number
        for batch in reversed(self._batches):
            if batch.high <= position:
                break  # late rows at just this position count as delivered with it
            if batch.low < position:
                return batch.number, batch
            number = batch.number - 1
        return number, None

    def holds(self, position: int) -> bool:
        """Whether all rows past a position are here that it has taken in, and none of them became visible late."""
        return position >= self.floor and not any(batch.late and batch.ids[-1] > position for batch in self._batches)

    def newest(self) -> tuple[int, bytes] | None:
        """The entry with the highest id as JSON, with its id; None without any."""
        for batch in reversed(self._batches):
            if batch.ids and not batch.late:
                return deque(batch.entries(), maxlen=1)[0]
        return None

    def known(self) -> dict[int, bytes]:
        """The entries that it holds, as JSON, by id."""
        return {id_: entry for batch in self._batches for id_, entry in batch.entries()}

    def late_until(self, number: int) -> list[Batch]:
        """The batches of late rows up to a number."""
        return [batch for batch in self._batches if batch.late and batch.number <= number]

    def tail(self, count: int, selection: Selection) -> int | None:
        """A position with `count` entries for the selection after it; None when the window may not hold that many.

        Also None when rows after it became visible late, since the window does not hold them in their place.
        """
        left = count
        position = self.high
        for batch in reversed(self._batches):
            if left <= 0:
                break
            if not batch.late:
                found, position = batch.wanted_from(left, selection)
                left -= found
        late = any(batch.ids[-1] > position for batch in self._batches if batch.late)
        return position if (left <= 0 or self.floor == 0) and not late else None
