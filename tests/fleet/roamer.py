"""Readers that come back at another process of a fleet each time, with the id of their last entry."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from tests.faults.following import Steady
from tests.support.reader import Reader


class Roamer(Steady):
    """A reader whose every connection is to the next of some servers. A context manager."""

    def __init__(self, urls: Sequence[str], at: int = 0, **kw: Any) -> None:
        """`at`: where it begins; `kw` as for Steady."""
        at %= len(urls)
        self._turns = itertools.cycle([*urls[at:], *urls[:at]])
        super().__init__(urls[at], **kw)

    def cut(self) -> None:
        """Leave, and come back at the next."""
        for answer in list(self.answers)[-1:]:
            with suppress(OSError):
                answer.close()

    def _open(self, position: str | None) -> Reader:
        self._url = next(self._turns)
        return super()._open(position)
