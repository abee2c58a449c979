"""A reader of a connection that keeps nothing: it hands on what comes, and may vanish in the middle of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tests.support.body import Body
from tests.support.reader import Reader

SHOWN = 200  # bytes of what is foreign


class Vanishing(NamedTuple):
    """When a reader goes without a word: right after the opening comment, or in the middle of an entry."""

    how: str  # rst | fin
    after: int | None  # bytes of the body, and then on into the next entry; None: right after the opening


class Noting(Reader):
    """Hands over each entry, the sentence of each error, and what holds a mark of another environment.

    It keeps nothing but its position. `marks` are looked for in all bytes that came, of any kind.
    """

    def __init__(
        self,
        url: str,
        body: dict[str, Any],
        note: Callable[[dict[str, Any]], None],
        tell: Callable[[str], None],
        *,
        marks: tuple[bytes, ...],
        vanishing: Vanishing | None = None,
        **kw: Any,
    ) -> None:
        self._note = note
        self._tell = tell
        self._marks = marks
        self._vanishing = vanishing
        self._left = (vanishing.after or 0) if vanishing else 0
        self._opened = False
        self.foreign: list[str] = []
        self.position: str | None = None
        self.position_at = 0.0
        self.last_bytes = time.monotonic()
        self.was_done = False
        self.vanished = False
        self.over_now = threading.Event()
        super().__init__(url, body, **kw)

    def take(self, body: Body, data: bytes) -> None:
        for piece in self._pieces(data):
            self._left -= len(piece)
            self._take(body, piece)
            if self._vanishing is not None and self._is_time():
                self.vanished = True
                self.vanish(self._vanishing.how)
                return

    def over(self) -> None:
        self._look(self.unfinished + self.body + repr(self.failure).encode())
        super().over()
        self.over_now.set()

    def _take(self, body: Body, data: bytes) -> None:
        try:
            super().take(body, data)
        finally:
            for frame in self.frames:
                self._look(frame.raw)
        self.last_bytes = time.monotonic()
        self._opened = self._opened or "open" in self.comments
        for entry in self.entries:
            self._note(entry)
        for error in self.errors:
            self._tell(error["message"])
        if (last := self.last_id) is not None:
            self.position, self.position_at = last, self.last_bytes
        self.was_done = self.was_done or self.done
        for kept in (self.entries, self.errors, self.frames, self.chunks):
            kept.clear()

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        """The data at once, or in small pieces if the reader is about to vanish, so that it does so within an entry."""
        if self._vanishing is None or self._vanishing.after is None:
            yield data
            return
        at = max(0, self._left)
        yield data[:at]
        while at < len(data):
            yield data[at : at + 16]
            at += 16

    def _is_time(self) -> bool:
        if self._vanishing is None or self._vanishing.after is None:
            return self._opened
        packed = self._inflater is not None  # packed bytes do not show where an entry is
        return self._left <= 0 and (packed or b"\ndata: " in self.unfinished)

    def _look(self, data: bytes) -> None:
        for mark in self._marks:
            if (at := data.find(mark)) >= 0:
                self.foreign.append(f"{mark.decode()} in {data[max(0, at - SHOWN) : at + SHOWN]!r}")
