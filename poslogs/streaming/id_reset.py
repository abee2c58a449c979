"""An id reset: an environment's ids go back to lower ones, as after its instance was restored from a backup."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Final, NamedTuple

from poslogs.platformos.cut import MOST_BYTES
from poslogs.platformos.entries import Entry, Page
from poslogs.platformos.gateway import Unclear

MAX_PAGES: Final = 100  # most pages that are read for what is new after an id reset
LOOK_EVERY: Final = 3  # of this many polls without anything new, one asks for the newest row again
GONE_SECONDS: Final = 60.0  # how long a log without any row is believed to be empty before it is looked at again
CONFIRM_SECONDS: Final = 1.0  # ids must still look reset after this time; a replica that lagged has caught up by then


Known = Callable[[], Mapping[int, bytes]]  # the entries of a window as JSON, by id


class Newest(Enum):
    """What is known of the newest row, which was not in an answer that should have held it."""

    THERE = "it is there: the answer had no room for it"
    DOUBTED = "it may be gone: to be looked at again"


class IdReset(NamedTuple):
    """Where the log ends now, and what is new in it."""

    position: int  # the newest row that is of the log before, or where it was; a reader past it continues here
    new: Sequence[Entry]  # all that comes after it
    late: Sequence[Entry] = ()  # rows before it that were not known: they became visible late


class ResetWatch:
    """Notices that ids were reset: the poller asks for the newest row again now and then, and the row is gone.

    A replica of platformOS that lags looks the same for a moment, and so does a log whose old rows were all thrown
    away. So a reset must be seen twice, CONFIRM_SECONDS apart.
    """

    def __init__(self) -> None:
        self._newest = ""  # the latest timestamp of an entry
        self._suspected: float | None = None  # on the clock: since when it looks as if ids had been reset
        self._gone = (0, 0.0)  # a position whose row is gone with all before it, and until when that is believed

    def due(self, high: int, quiet: int, now: float) -> bool:
        """Whether to ask for the row `high` again, after `quiet` answers without anything new."""
        look = self._suspected is not None or quiet % LOOK_EVERY == LOOK_EVERY - 1
        return look and high > 0 and (high != self._gone[0] or now > self._gone[1])

    def saw(self, entries: Iterable[Entry]) -> None:
        """Note entries that are new."""
        self._newest = max(self._newest, *(entry.timestamp for entry in entries), "")  # "": max takes two or more

    def there(self) -> None:
        """Note that the newest row was in an answer."""
        self._suspected = None

    def judge(
        self, ask: Callable[[int], Page], last: int, high: int, floor: int, known: Known, now: float
    ) -> IdReset | Newest:
        """What became of the row `high`, which an answer up to `last` did not hold. Raises GatewayError.

        `ask`, `floor` and `known` are as for `look`.
        """
        gone = not last and high == self._gone[0] and now <= self._gone[1]
        if gone or (self._suspected is not None and now < self._suspected + CONFIRM_SECONDS):
            return Newest.DOUBTED
        try:
            found = look(ask, high, floor, self._newest, known)
        except Unclear:
            return Newest.DOUBTED
        if found is None:
            self._suspected = None
            return Newest.THERE
        if found.position == high:
            self._suspected, self._gone = None, (high, now + GONE_SECONDS)
            return Newest.DOUBTED
        if self._suspected is None:
            self._suspected = now
            return Newest.DOUBTED
        self._suspected = None
        return found


def look(ask: Callable[[int], Page], high: int, floor: int, newest: str, known: Known) -> IdReset | None:
    """The reset that happened: the row `high` is gone while earlier ones are there. Else None.

    `ask` returns the whole page past a position. A reset with the position `high` means that the log holds nothing at
    all, as after old rows were thrown away.
    `known` returns the entries past `floor` by id, as JSON: a row that differs from what was known under its id is
    new. Up to `floor` only a row's time can decide: a row later than `newest` (a timestamp; "" when there is none) is
    new. Asks about twice for each binary digit of `high`, and for MAX_PAGES pages. Raises GatewayError, and Unclear
    for an answer that says nothing.
    """
    step = 1
    while True:
        since = max(0, high - step)
        page = ask(since)
        if page.last >= high:
            return None  # it is there after all
        if since == 0 or (page.last and not _is_new(page.entries, newest)):
            break
        step *= 2
    if not page.last:
        return IdReset(high, [])
    position = min(floor, since)
    had = known()
    unknown: list[Entry] = []
    size, last, kept = 0, page.last, 0
    for _ in range(MAX_PAGES):
        page = ask(position)
        if page.last <= position:
            break
        found = [
            entry
            for entry in page.entries
            if (_later(entry, newest) if entry.id <= floor else had.get(entry.id) != entry.json)
        ]
        fresh = {entry.id for entry in found}
        kept = max((entry.id for entry in page.entries if entry.id not in fresh), default=kept)
        unknown += found
        size += sum(len(entry.json) for entry in found)
        position = last = page.last
        del page, found
        if size > MOST_BYTES:
            break  # later polls bring what comes after them
    late = tuple(entry for entry in unknown if entry.id < kept)
    new = unknown[len(late) :]
    if kept >= high or (last >= high and all(entry.id > high for entry in new)):
        return None  # the answers before were short for another reason
    if not new:
        return IdReset(min(last, high - 1), [], late)
    return IdReset(max(kept, new[0].id - 1), new, late)


def _is_new(page: list[Entry], newest: str) -> bool:
    """Whether a page begins with a new row, so that rows before it may be new too."""
    return bool(page) and _later(page[0], newest)


def _later(entry: Entry, newest: str) -> bool:
    return bool(newest) and entry.timestamp > newest
