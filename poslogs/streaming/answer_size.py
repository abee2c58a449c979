"""The answer size: how many rows one answer holds at most, which platformOS does not document."""

from __future__ import annotations

from typing import Final

MAX_LENGTHS: Final = 1000  # most lengths remembered as not full
BURST_ROWS: Final = 100  # fewer rows than this never count as a burst
BURST_RATIO: Final = 3.0  # a burst brings more than this many times the rows that the usual rate suggests
ALIKE: Final = 4  # after this many answers of the same length, one after another, they are thought full
MIN_MORE: Final = 10  # rows beyond the usual rate; if a question asked at once brings them, the answer before was full
LEAST_CAP: Final = 20  # rows; until an answer was cut short, one shorter than this is not thought full


class AnswerSize:
    """Learns from the answers to one poller how many rows one holds, and says whether an answer left rows out.

    An answer is thought full when it is as long as a full one that was seen, when it is the first and brought
    history, when it is a burst, or when ALIKE of them have the same length (twice as many after each wrong guess).
    A wrong guess costs one more request, never a row.
    """

    def __init__(self) -> None:
        self.cap = 0  # most rows that one answer holds; 0 until an answer was cut short
        self._longest = 0  # rows of the longest answer
        self._full = 0  # rows of a full answer, after which more came at once; 0: none was seen
        self._rate = 0.0  # rows a second, at the last question that kept the interval
        self._before: int | None = None  # rows of the answer before this one
        self._at_once = False
        self._alike = 0  # answers before this one that were as long as it
        self._patience: dict[int, int] = {}  # how many alike it takes, for each length wrongly thought full

    def may_be_full(self, count: int) -> bool:
        """Note an answer of `count` rows; returns whether it may have had no room for more."""
        full = count >= (self.cap or max(self._longest, LEAST_CAP))
        self._longest = max(self._longest, count)
        if self.cap:
            self.cap = self._longest
        return full

    def cut_short(self, count: int) -> None:
        """Note that an answer of `count` rows was full: it did not reach up to the newest row.

        An answer of a replica that lags looks the same, so the cap falls by half at most.
        """
        self.cap = self._longest = max(count, self._longest // 2)

    def left_rows_out(self, count: int, new: int, elapsed: float) -> bool:
        """Whether to ask again at once after an answer of `count` rows, `new` of them past the cursor.

        `elapsed`: seconds since the question before.
        """
        if self._at_once and self._before:
            if new - self._rate * elapsed >= max(MIN_MORE, self._before // 10):
                self._full = max(self._before, count)
            elif self._before in self._patience or len(self._patience) < MAX_LENGTHS:
                self._patience[self._before] = 2 * self._patience.get(self._before, ALIKE)
        first = self._before is None
        self._alike = self._alike + 1 if count == self._before else 0
        alike = new >= MIN_MORE and self._alike >= self._patience.get(count, ALIKE) - 1
        burst = new >= BURST_ROWS and new > BURST_RATIO * self._rate * elapsed
        left_out = new > 0 and (first or burst or alike or count == self._full)
        if not self._at_once and not first and elapsed > 0:
            self._rate = new / elapsed
        self._before = count
        self._at_once = left_out
        return left_out
