"""What a process writes, collected while it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import IO, Protocol


class Writes(Protocol):
    """A process that was started with a pipe."""

    @property
    def stdout(self) -> IO[bytes] | None: ...


class Output:
    """The text of one process after another, as they were followed."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None

    def follow(self, process: Writes) -> None:
        """Collect the standard output of `process` from now on."""
        assert process.stdout is not None, "started without a pipe"
        self._thread = threading.Thread(target=self._pump, args=(process.stdout,), name="output", daemon=True)
        self._thread.start()

    @property
    def text(self) -> str:
        """All so far."""
        with self._news:
            return b"".join(self._parts).decode("utf-8", "replace")

    def forget(self) -> None:
        """Begin anew: what was written so far is not in `text` any more."""
        with self._news:
            self._parts.clear()

    def wait_until(self, predicate: Callable[[str], bool], timeout: float = 10) -> str:
        """The text as soon as `predicate` takes it. AssertionError with the text when it does not in time."""
        with self._news:
            held = self._news.wait_for(lambda: predicate(self.text), timeout)
        assert held, f"waited {timeout} s in vain; written was:\n{self.text}"
        return self.text

    def wait(self, part: str, timeout: float = 10) -> str:
        """The text as soon as it holds `part`."""
        return self.wait_until(lambda text: part in text, timeout)

    def wait_closed(self, timeout: float = 5) -> None:
        """Wait until the process and its children have closed their ends."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _pump(self, pipe: IO[bytes]) -> None:
        with pipe:
            while part := pipe.read1(65536):  # type: ignore[attr-defined]
                with self._news:
                    self._parts.append(part)
                    self._news.notify_all()
