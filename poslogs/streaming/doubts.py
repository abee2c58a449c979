"""Doubts: the readers of a fleet that may have had elsewhere what the window of this process lacks."""

from __future__ import annotations

from poslogs.streaming.readers import Reader


class Doubts:
    """Readers that must not attach until the window has what others knew as they came. Not locked: its feed is."""

    def __init__(self) -> None:
        self._all: dict[Reader, tuple[float, int]] = {}  # since when, on the clock, and their positions

    def __contains__(self, reader: Reader) -> bool:
        return reader in self._all

    def __bool__(self) -> bool:
        return bool(self._all)

    @property
    def live(self) -> int:
        """How many of them want rows that became visible late."""
        return sum(reader.selection.late for reader in list(self._all))

    def add(self, reader: Reader, now: float, position: int = 0) -> None:
        """Doubt a reader from now on; harmless when it is doubted already."""
        self._all.setdefault(reader, (now, position))

    def note(self, reader: Reader, position: int) -> None:
        """Note where a reader is; harmless when it is not doubted."""
        if reader in self._all:
            self._all[reader] = self._all[reader][0], position

    def discard(self, reader: Reader) -> None:
        """Let a reader go; harmless when it is not doubted."""
        self._all.pop(reader, None)

    def take(self, moment: float, high: int, *, looked: bool, late: bool) -> list[Reader]:
        """Take those out that came before a moment: the window, up to `high`, has all that others knew then.

        A reader that is past the window comes from a process that the others did not reach, or from before an id reset:
        it stays until this process has `looked` by itself. Not `late`: the window may lack rows that are late.
        """
        taken = [
            reader
            for reader, (since, position) in self._all.items()
            if since <= moment and (looked or position <= high) and (late or not reader.selection.late)
        ]
        for reader in taken:
            del self._all[reader]
        return taken
