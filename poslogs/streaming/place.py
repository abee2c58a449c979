"""A place in a log: where a time lies in it, found by searching, from a platformOS that reads forward only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from poslogs.platformos.entries import MAX_ID
from poslogs.platformos.gateway import GatewayError
from poslogs.streaming import backward
from poslogs.streaming.answer import Answer
from poslogs.streaming.backward import STRIDE, Search

TRIES: Final = 3  # searches of a log that changes meanwhile
GROWN: Final = 2  # times that rows come past the end of a log, after which the newest of them counts as its end
MOST_BLANK: Final = 20  # answers without a single time that a search goes on behind
MOST_ASKED: Final = 150  # questions of one search, whatever the answers are

IsPast = Callable[[str], bool]  # whether a timestamp comes after the place


class Place(NamedTuple):
    """After the row `position` (0: before all rows). `first` is right before the log's first row.

    `newest` is the highest id that was seen on the way.
    """

    position: int
    first: int
    newest: int


def since(moment: str) -> IsPast:
    """What comes at a time or after it."""
    return lambda timestamp: timestamp >= moment


def until(moment: str) -> IsPast:
    """What comes after a time, not at it."""
    return lambda timestamp: timestamp > moment


def place(is_past: IsPast, env: str, known: int = 0, is_late: Callable[[], bool] = lambda: False) -> Search[Place]:
    """Where the first entry lies whose time `is_past`; the end of the log where there is none.

    Times rise with ids, nearly: where they jump back for a stretch, any row before one whose time is past will do.
    It asks twice a binary digit of the newest id at most, unless the log grows or answers begin to hold fewer rows.
    One question more tells whether the row `known` is still there, which a feed has seen: if so, `newest` is not below.

    The last answer shows both sides of the place, so that what was learnt from a log whose ids were reset on the way
    does not count. Raises GatewayError for a log that changes all the time, and once `is_late`.
    """
    for _ in range(TRIES):
        quest = _Quest(is_past)
        asked = max(0, known - 1)
        for _ in range(MOST_ASKED):
            answer = yield asked
            found = quest.look(answer, asked)
            del answer  # not to be held while the next one comes
            if found is not None:
                return Place(found, quest.first, quest.newest)
            if quest.changed:
                break
            if is_late():
                raise GatewayError(f"Environment {env} answers too slowly to find a time in its log; give lastId.")
            asked = quest.next()
    raise GatewayError(f"The log of environment {env} has changed while it was read; ask again.")


def stretch(
    position: int, env: str, upto: str = "", is_late: Callable[[], bool] = lambda: False
) -> Search[backward.Stretch]:
    """All rows past a position, up to the last one at or before the timestamp `upto` where one is given.

    Raises GatewayError, as `place` and `backward.stretch` do.
    """
    if not upto:
        return (yield from backward.stretch(position, env, is_late=is_late))
    found = yield from place(until(upto), env, is_late=is_late)
    first = max(position, found.first)
    return backward.Stretch(first, max(first, found.position), 0, 0, lambda: None)


class _Quest:
    """What one search has learnt: the place comes after the row `low`, and the row that follows `high` is past it."""

    def __init__(self, is_past: IsPast) -> None:
        self.first = 0
        self.newest = 0
        self.changed = False  # the row `low` is gone
        self._is_past = is_past
        self._low = 0
        self._high = MAX_ID
        self._is_entry = False  # the row `low` is one, so that it is known again
        self._at_end = False  # nothing follows `high`
        self._rows = 0  # that one answer holds
        self._step = 0  # how far the next question goes beyond `low`, while nothing is known of `high`
        self._grown = 0
        self._fewer = False  # an answer may hold fewer rows than thought
        self._blank = 0  # answers without a time
        self._base: int | None = None  # what the question was before these
        self._due: int | None = None  # the next question, where it is not one in between

    def look(self, answer: Answer, asked: int) -> int | None:
        """Learn from an answer; the place once it is found."""
        shows_low = asked < self._low  # by the question for the row `low` and those after it
        if shows_low and answer.first != self._low:
            self.changed = True
            return None
        base = max(asked, self._low) if self._base is None else self._base
        last, self._base = max(asked, self._low, answer.last), None
        self.newest = max(self.newest, answer.last)
        if not asked:
            self.first = max(0, answer.first - 1)
        edge = answer.split(max(asked, base), self._is_past)
        if edge is None and answer.last > max(asked, base) and self._blank < MOST_BLANK:
            self._blank, self._base, self._due = self._blank + 1, base, answer.last
            return None
        if edge is not None and edge > max(asked, base):
            return edge if edge < answer.last else self._pass(answer, asked)
        if base > self._low:
            self._high, self._at_end = base, edge is None
            return None
        if shows_low and edge is None:  # nothing follows it, unless an answer holds one row alone
            self._due, self._fewer = self._low, True
            return None
        return base if edge is not None else last

    def _pass(self, answer: Answer, asked: int) -> int | None:
        """The place comes after all rows of an answer; given if that finds it."""
        begins, fewer = not self._low, self._fewer or (asked < self._low and self._high < MAX_ID)
        self._low, self._is_entry, self._fewer = answer.last, answer.final == answer.last, False
        self._rows = answer.count if fewer else max(self._rows, answer.count)
        if begins:
            self._step = max(self._rows, answer.last - max(asked, self.first))
            self._due = self._low - (self._is_entry and self._low > 1)
        elif self._low == self._high:
            return self._low
        elif self._low > self._high:
            self._grown += self._at_end
            if self._grown == GROWN:
                return self._low
            self._high, self._step = MAX_ID, self._rows
        return None

    def next(self) -> int:
        """The next question."""
        due, self._due = self._due, None
        if due is not None or not self._low:
            return due or 0
        if self._high == MAX_ID:
            self._step, step = self._step * STRIDE, self._step
            return min(self._low + step, MAX_ID - 1)
        if self._high - self._low < self._rows and self._is_entry:
            return self._low - 1
        return (self._low + self._high) // 2
