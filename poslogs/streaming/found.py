"""What a fetch has found: entries that are read while they are written, and how far they reach."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from itertools import chain

from poslogs.platformos.entries import Entry


class Found:
    """Entries in pieces of about PIECE_BYTES; each is read from platformOS when it is asked for.

    Once the last piece is there, `last` is the position up to which rows were looked at, and `truncated` tells that
    more is known to exist: after `last`, or, for the newest, before the first of them. The first piece raises
    GatewayError when there is none to give.
    """

    def __init__(self, pieces: Iterator[list[Entry]] | None = None, last: int = 0, *, truncated: bool = False) -> None:
        self.pieces: Iterator[list[Entry]] = pieces or iter(())
        self.last = last
        self._truncated = truncated
        self.misses: Callable[[], bool] = lambda: False  # whether rows could not be asked for

    def close(self) -> None:
        """Let go of the entries that were not asked for. What reads them stands in a circle with this."""
        if isinstance(self.pieces, Generator):
            self.pieces.close()
        self.pieces = iter(())

    @property
    def truncated(self) -> bool:
        """Whether more is known to exist, or may."""
        return self._truncated or self.misses()

    @truncated.setter
    def truncated(self, truncated: bool) -> None:
        self._truncated = truncated

    @property
    def entries(self) -> Iterator[Entry]:
        """All of them one by one."""
        return chain.from_iterable(self.pieces)
