"""The pace: whether an answer left rows behind, so that the next question should follow at once."""

from __future__ import annotations

from typing import Final

BURST_ROWS: Final = 100  # fewer rows than this never count as a burst
BURST_RATIO: Final = 3.0  # a burst brings so many times more rows than the poll before would suggest
MIN_MORE: Final = 10  # rows that a question asked at once must bring to show that the answer before was full


class Pace:
    """Learns how many rows one answer holds at most, which platformOS does not document.

    An answer is thought full when it is as long as the longest full one seen, when it is the first and brought
    history, or when it is a burst. A wrong guess costs one more request, never a row.
    """

    def __init__(self) -> None:
        self._full = 0  # rows of a full answer; 0 while not known
        self._rate = 0.0  # rows a second, at the last question that kept the interval
        self._before: int | None = None  # rows of the answer before this one
        self._at_once = False

    def behind(self, count: int, new: int, elapsed: float) -> bool:
        """Whether to ask again at once after an answer of `count` rows, `new` of them past the cursor.

        `elapsed` are the seconds since the question before.
        """
        if self._at_once and self._before and count >= max(MIN_MORE, self._before // 10):
            self._full = max(self._before, count)
        first = self._before is None
        burst = new >= BURST_ROWS and new > BURST_RATIO * self._rate * elapsed
        behind = new > 0 and (first or burst or count == self._full)
        if not self._at_once and not first and elapsed > 0:
            self._rate = new / elapsed
        self._before = count
        self._at_once = behind
        return behind
