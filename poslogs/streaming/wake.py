"""The wake of a reader: what is set when it may have something to do."""

from __future__ import annotations

from typing import Final, Protocol


class Wake(Protocol):
    """What is set when a reader may have something to do: a threading.Event, or what drives a stream."""

    def set(self) -> None:
        """There may be something to do."""

    def clear(self) -> None:
        """The reader is about to look."""


class _Nobody:
    def set(self) -> None: ...

    def clear(self) -> None: ...


NOBODY: Final = _Nobody()  # the wake of a stream that nobody drives yet
