"""A fetch from several environments: entries of all by time, and the position that names how far each was read."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Final, TypeVar

from poslogs.errors import Unavailable
from poslogs.platformos.entries import Entry
from poslogs.streaming import positions
from poslogs.streaming.found import Found

MAX_SECONDS: Final = 60.0  # from the first environment's turn to that of the last
RETRY_SECONDS: Final = 5
MAX_BYTES: Final = 8 * 1024 * 1024  # of entries in one answer, which are held until they are sorted

Key = tuple[str, str, int]  # time, environment, id
T = TypeVar("T")


def in_time(each: Collection[T], clock: Callable[[], float] = time.monotonic) -> Iterator[T]:
    """What stands for each environment of a call, when its turn comes.

    Raises Unavailable when a turn comes later than MAX_SECONDS after the first: clients and proxies have given up then.
    """
    end = clock() + MAX_SECONDS
    for number, one in enumerate(each):
        if clock() > end:
            raise Unavailable(
                f"Only {number} of {len(each)} environments could be read within {MAX_SECONDS:g} s; name fewer in "
                "`env`, or try again later.",
                retry_after=RETRY_SECONDS,
            )
        yield one


class JointFound:
    """The entries, sorted by time, then environment, then id; `last` is the position to go on from."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.last = ""
        self.truncated = False


Room = Callable[[Entry], bool]  # whether there is room for one more entry, which is taken then


def room_for(limit: int) -> Room:
    """Room for `limit` entries, and for MAX_BYTES of them."""
    left, size = limit, MAX_BYTES

    def room(entry: Entry) -> bool:
        nonlocal left, size
        fits = left > 0 and (len(entry.json) <= size or left == limit)
        left -= 1
        size -= len(entry.json)
        return fits

    return room


def first(founds: Mapping[str, Found], room: Room) -> JointFound:
    """The first entries of all, by time; of each environment they are the first after its position or from its time on.

    `founds` come by `fetch.first`, `fetch.since` or `fetch.newest`. Raises GatewayError when an environment gives
    nothing, and Unavailable as `in_time`.
    """
    heads = _Heads(founds)
    # Where none is taken the position is right before its first: by then one that begins with a time is known.
    last = {name: heads.left[name].id - 1 if name in heads.left else found.last for name, found in founds.items()}
    taken = _take(heads, room)
    for name, entry in taken:
        last[name] = entry.id
    for name, found in founds.items():
        if name not in heads.left:  # all of it was taken; its filter left out what lies past that
            last[name] = found.last
    return _made(taken, last, truncated=bool(heads.left) or any(found.truncated for found in founds.values()))


def newest(found_in: Mapping[str, AbstractContextManager[Found]], limit: int, room: Room) -> JointFound:
    """The newest entries of all, `limit` at most; `last` names the end of each log.

    What is `found_in` each environment comes by `fetch.latest`, one after the other: each holds a whole answer of
    platformOS while it is read. Raises GatewayError when an environment gives nothing, and Unavailable as `in_time`.
    """
    kept: list[tuple[str, Entry]] = []
    last: dict[str, int] = {}
    left_out = False
    for name, opening in in_time(found_in.items()):
        with opening as found:
            kept += [(name, entry) for entry in found.entries]
            last[name] = found.last
            left_out = left_out or found.truncated
        kept.sort(key=lambda each: _key(*each), reverse=True)
        fits = room_for(limit)
        count = next((index for index, (_, entry) in enumerate(kept) if not fits(entry)), len(kept))
        left_out = left_out or count < len(kept)
        del kept[count:]
    count = next((index for index, (_, entry) in enumerate(kept) if not room(entry)), len(kept))
    return _made(kept[:count], last, truncated=left_out or count < len(kept))


class _Heads:
    """The next entry of each environment that has one."""

    def __init__(self, founds: Mapping[str, Found]) -> None:
        self._entries = {name: found.entries for name, found in founds.items()}
        self.left: dict[str, Entry] = {}
        for name in in_time(founds):
            self.move(name)

    def move(self, name: str) -> None:
        """Go on to the next entry of an environment."""
        entry = next(self._entries[name], None)
        if entry is None:
            self.left.pop(name, None)
        else:
            self.left[name] = entry


def _take(heads: _Heads, room: Room) -> list[tuple[str, Entry]]:
    """The earliest of the next entries, again and again, while there is room."""
    taken: list[tuple[str, Entry]] = []
    while heads.left:
        _, name = min((_key(name, entry), name) for name, entry in heads.left.items())
        entry = heads.left[name]
        if not room(entry):
            break
        taken.append((name, entry))
        heads.move(name)
    return taken


def _made(taken: list[tuple[str, Entry]], last: Mapping[str, int], *, truncated: bool) -> JointFound:
    found = JointFound()
    found.entries = [entry for _, entry in sorted(taken, key=lambda each: _key(*each))]
    found.last = positions.spelt({name: str(number) for name, number in last.items()})
    found.truncated = truncated
    return found


def _key(name: str, entry: Entry) -> Key:
    return entry.timestamp, name, entry.id
