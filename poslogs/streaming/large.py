"""Large pieces: entries much larger than usual that clients hold while they do not read, bounded for all together.

A piece of a stream or of a call's answer has about 256 KiB, but one entry is never divided. When many clients stall,
each at a different large entry, those that have taken nothing for the longest are cut off; they come back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

LARGE_BYTES: Final = 1024 * 1024  # smaller pieces are not counted
MOST_BYTES: Final = 48 * 1024 * 1024  # of all pieces that are held; a piece that many hold counts once


class Large:
    """The large pieces that are held, by holder: the one that has taken nothing for the longest first."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._held: dict[object, tuple[bytes, Callable[[], None]]] = {}
        self._holders: dict[int, int] = {}  # how many hold each piece, by its identity
        self._bytes = 0

    @property
    def held(self) -> int:
        """Bytes of all pieces that are held."""
        return self._bytes

    def hold(self, holder: object, piece: bytes, cut_off: Callable[[], None]) -> None:
        """Note that a holder has this piece, and has just taken some of it. Others may be cut off, but not this one.

        `cut_off` does not wait. It is called once at most; the holder is forgotten then.
        """
        cut = []
        with self._lock:
            self._forget(holder)
            self._held[holder] = piece, cut_off
            count = self._holders.get(id(piece), 0)
            self._holders[id(piece)] = count + 1
            self._bytes += 0 if count else len(piece)
            while self._bytes > self._most and len(self._held) > 1:
                first = next(iter(self._held))
                cut.append(self._held[first][1])
                self._forget(first)
        for each in cut:
            each()

    def let_go(self, holder: object) -> None:
        """Forget a holder that has sent its piece or has ended. May be called again."""
        with self._lock:
            self._forget(holder)

    def _forget(self, holder: object) -> None:
        if holder not in self._held:
            return
        piece, _ = self._held.pop(holder)
        self._holders[id(piece)] -= 1
        if not self._holders[id(piece)]:
            del self._holders[id(piece)]
            self._bytes -= len(piece)


LARGE: Final = Large()  # of this process
