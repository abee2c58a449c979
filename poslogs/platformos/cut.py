"""A cut: the rows that are taken of an answer with too many; the next question brings the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Protocol, TypeVar

from poslogs.platformos.ids import position
from poslogs.platformos.work import Work

MOST_BYTES: Final = 16 * 1024 * 1024  # weight of the rows that are taken; the first is taken whatever its weight
MOST_ODD: Final = 1000  # rows without an id that are taken; more of them are only counted
LOOKED_AT: Final = 20  # this many times the rows that are taken are read; those after them wait for the next question
CONTROLS: Final = bytes([*range(32), 127])


class Odd(Protocol):
    """A row that is not parsed."""

    id: str


T = TypeVar("T", bound=Odd)
Parse = Callable[[bytes], object]


def lowest(
    rows: Iterable[bytes | T], parse: Parse, after: int, most: int, work: Work
) -> tuple[list[bytes | T], int, bool]:
    """The rows that are taken, how many others cannot be entries, and whether more may come past the last.

    `rows` are texts. All are taken if they are at most `most` and MOST_BYTES; else those with the lowest ids past
    `after`, in whatever order they came. LOOKED_AT times `most` rows are read.
    """
    kept: list[bytes | T] = []
    odd = size = 0
    room = 1  # how many times `most` may be kept before it is cut down
    top: int | None = None  # no row past this id is taken
    for count, row in enumerate(rows, 1):
        if isinstance(row, bytes) and not row.startswith(b"{"):
            odd += 1
            if odd <= MOST_ODD:
                kept.append(row)
        elif top is None or _id(row, parse) <= top:
            kept.append(row)
            size += weight(row)
        if len(kept) > room * most + MOST_ODD or size > room * MOST_BYTES:
            kept, size, top = _cut(kept, top, parse, after, most, work)
            room = 2
        if count >= LOOKED_AT * most:
            top = top or 0
            break
    if len(kept) - min(odd, MOST_ODD) > most or size > MOST_BYTES:
        kept, size, top = _cut(kept, top, parse, after, most, work)
    return kept, max(0, odd - MOST_ODD), top is not None


def weight(row: bytes | Odd) -> int:
    """The length of a row in bytes, where a control character counts as its escape, six bytes; 0 if unreadable."""
    return len(row) + 5 * (len(row) - len(row.translate(None, CONTROLS))) if isinstance(row, bytes) else 0


def _cut(
    rows: list[bytes | T], top: int | None, parse: Parse, after: int, most: int, work: Work
) -> tuple[list[bytes | T], int, int | None]:
    """The rows with the lowest ids, their weight, and the id past which rows are left.

    Rows without an id stay, if they are few.
    """
    ids: list[tuple[int, int]] = []
    none: list[bytes | T] = []
    for index, row in enumerate(rows):
        work.step()
        number = _id(row, parse)
        if number > after:
            ids.append((number, index))
        elif not number and len(none) < MOST_ODD:
            none.append(row)
    ids.sort()
    size = 0
    taken: list[bytes | T] = []
    for _, index in ids[:most]:
        if taken and size + weight(rows[index]) > MOST_BYTES:
            break
        size += weight(rows[index])
        taken.append(rows[index])
    return none + taken, size, ids[len(taken) - 1][0] if len(taken) < len(ids) else top


def _id(row: bytes | T, parse: Parse) -> int:
    """The id of a row, 0 where it has none."""
    found = parse(row) if isinstance(row, bytes) else row
    number = found.get("id") if isinstance(found, dict) else getattr(found, "id", None)
    return position(number) or 0
