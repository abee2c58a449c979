"""What a stream holds while it is open, and gives back when it is over."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Closing:
    """Functions that give something back. Each is called once: at the end, or immediately if the end has passed."""

    __slots__ = ("_closed", "_functions", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._functions: list[Callable[[], None]] = []
        self._closed = False

    def add(self, give_back: Callable[[], None]) -> None:
        """Have this function called at the end."""
        with self._lock:
            if not self._closed:
                self._functions.append(give_back)
                return
        give_back()

    def close(self) -> list[Callable[[], None]]:
        """Mark the end; returns the functions to call now, the one added first last."""
        with self._lock:
            self._closed = True
            functions, self._functions = self._functions, []
        return functions[::-1]
