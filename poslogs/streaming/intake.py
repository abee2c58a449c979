"""The intake of a page into a window: rows that became visible late, new rows, and a notice of rows left out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from poslogs.cooperation import let_others_run
from poslogs.platformos.entries import Entry, Page
from poslogs.streaming.batch import Batch, batches
from poslogs.streaming.frames import Chunk
from poslogs.streaming.lookback import Lookback
from poslogs.streaming.upstream import Upstream
from poslogs.streaming.window import Window

TURN_BYTES: Final = 1024 * 1024  # bytes of batches that are made in one go


class Intake(NamedTuple):
    """The entries of a page that a window has not taken in."""

    late: Sequence[Entry]  # below the newest id of the window
    new: Sequence[Entry]
    last: int  # the highest id of all rows of the page
    notice: Chunk | None  # for rows that are not entries

    @classmethod
    def of(
        cls,
        page: Page,
        high: int,
        lookback: Lookback | None,
        asked: float,
        upstream: Upstream,
        *,
        sure: bool = False,
    ) -> Intake:
        """The intake of a page into a window up to `high`; `lookback`: if the poll, asked at `asked`, looked back.

        `sure`: another process looked, and the page has only what it found to be late.
        """
        split = bisect_right(page.entries, high, key=lambda entry: entry.id)
        late = lookback.late(page.entries[:split], sure=sure) if lookback is not None and page.last else []
        if lookback is not None and page.last >= high:
            lookback.looked(asked, sure=sure)
        return cls(late, page.entries[split:], page.last, upstream.notice(page))

    def batches(self, window: Window, settled: int) -> Iterator[Batch]:
        """Its batches, numbered as the window goes on: late rows first, then new ones, then the notice.

        No row up to the position `settled` can become visible late any more.
        """
        for batch in self._made(window):
            batch.settled = settled
            yield batch

    def _made(self, window: Window) -> Iterator[Batch]:
        number = window.number + 1
        for batch in batches(self.late, number, window.high, late=True):
            yield batch
            number += 1
        made = 0
        for batch in batches(self.new, number, window.high):
            yield batch
            number += 1
            made += len(batch.data)
            if made > TURN_BYTES:
                made = 0
                let_others_run()
        low = self.new[-1].id if self.new else window.high
        high = max(low, self.last)  # past rows that are not entries, too
        if self.notice or high > low:
            yield Batch(number, low, high, (), False, self.notice)
