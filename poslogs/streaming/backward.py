"""Reading backward: the newest entries first, from a platformOS that reads forward only."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Final, NamedTuple, TypeVar
from weakref import ref

from poslogs.platformos.entries import MAX_ID, Entry
from poslogs.platformos.gateway import GatewayError
from poslogs.streaming.answer import Answer

STRIDE: Final = 16  # how much longer each step towards the end of a log is than the one before
SHORT_ANSWERS: Final = 2  # short answers, one after another, that show the end of a log that grows all the time
FIRST_WIDTH: Final = 100  # ids that the first question back covers, if it is not known how many rows an answer holds

T = TypeVar("T")
Ask = Callable[[int], Answer]  # what came after a position; raises GatewayError
Search = Generator[int, Answer, T]  # yields positions, is sent what came after each, and returns what it has found


class Stretch(NamedTuple):
    """A part of a log: all rows past `first`, up to `last`. `rows` is how many one answer holds; 0: not known.

    `newest` returns the answer to the question after `since`, which reaches up to `last`; None if it was not kept.
    """

    first: int
    last: int
    rows: int
    since: int
    newest: Callable[[], Answer | None]


def run(search: Search[T], ask: Ask) -> T:
    """Ask the questions of a search, and return what it found. Raises GatewayError."""
    position = next(search)
    while True:
        try:
            position = search.send(ask(position))
        except StopIteration as end:
            found: T = end.value
            return found


def stretch(position: int, env: str, known: int = 0, is_late: Callable[[], bool] = lambda: False) -> Search[Stretch]:
    """All rows that are listed now past a position. The end of the log is found without reading the log.

    The search only needs to know whether a row lies past an id, so gaps between ids do no harm. It asks at most twice
    for each binary digit of the newest id, unless answers begin to hold fewer rows meanwhile. `known` is the id of a
    row that is there. Raises GatewayError once `is_late` returns True.
    """
    answer = yield position
    first, since, near = max(position, _low(answer, position)), position, ref(answer)
    rows = count = answer.count
    last = answer.last
    del answer  # freed before the next one comes
    if last <= position:
        return Stretch(position, position, 0, since, near)
    low, high = max(last, known), MAX_ID  # rows exist up to `low`, and none past `high`
    step, cut, shorts, at_end, sure = rows, last < known, 0, True, False
    while low < high and not (sure and shorts >= SHORT_ANSWERS):
        if is_late():
            raise GatewayError(f"Environment {env} answers too slowly to find the end of its log; give lastId.")
        past_short = shorts >= SHORT_ANSWERS  # this is the end, unless answers have begun to hold fewer rows
        if past_short:
            asked = min(low + count, high - 1)
        else:
            asked = low if at_end else low + step if high == MAX_ID and low + step < high else (low + high) // 2
        if not at_end and not past_short:
            step *= STRIDE
        answer = yield asked
        count, last, more = answer.count, answer.last, answer.more
        if last > asked:
            cut, since, near = True, asked, ref(answer)
        del answer
        if last <= asked:
            high, at_end = asked, past_short
            sure, shorts = sure or past_short, 0
            continue
        rows = count if past_short else max(rows, count)
        if past_short:
            low, at_end, shorts = last, False, 0
            continue
        short = 2 * count < rows and not more
        shorts = shorts + 1 if short and at_end else 0
        low, at_end = last, short
    return Stretch(first, low, rows if cut else 0, since, near)


def newest_first(part: Stretch, env: str, found: list[Entry]) -> Search[None]:
    """Put the entries of a stretch into `found` by descending id; the caller takes them out between questions.

    Raises GatewayError when the log changes meanwhile.
    """
    top, cap = part.last, part.rows
    width = cap or FIRST_WIDTH  # ids that one question covers
    if (newest := part.newest()) is not None and newest.last == top and part.since >= part.first:
        found.extend(reversed([entry for entry in newest.entries if entry.id <= top]))
        top = part.since
    del newest
    while top > part.first:
        low = max(part.first, top - width)
        answer = yield low
        count, last = answer.count, answer.last
        if last < top:  # more rows than one answer holds
            del answer
            if last <= low or top - low == 1:
                raise GatewayError(f"The log of environment {env} has changed while it was read; ask again.")
            cap = max(cap, count)
            width = max(1, min(last - low, (top - low) * 3 // 4))
            continue
        new = [entry for entry in answer.entries if low < entry.id <= top]
        del answer
        found.extend(reversed(new))
        if not cap or 4 * len(new) < cap:  # ids are far apart here, or an answer may hold more
            width *= 2
        del new
        top = low


def pages(part: Stretch, env: str, ask: Ask) -> Iterator[list[Entry]]:
    """The entries of a stretch by descending id, one question's at a time. Raises GatewayError."""
    found: list[Entry] = []
    search = newest_first(part, env, found)
    try:
        position = next(search)
        while True:
            if found:
                yield found[:]
                found.clear()
            position = search.send(ask(position))
    except StopIteration:
        if found:
            yield found


def _low(answer: Answer, position: int) -> int:
    """A position right before the first entry of an answer."""
    return answer.first - 1 if answer.first else position
