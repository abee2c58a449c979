"""A crowd: a number of visitors of one kind at once, each replaced as soon as it has gone."""

from __future__ import annotations

from collections.abc import Callable

from tests.storm.visitor import Visitor

MOST = 1_000_000  # visitors of one crowd, where nothing else bounds them


class Crowd:
    """Keeps `size` visitors there until `stop`; `most` bounds how many come in all."""

    def __init__(self, size: int, most: int, make: Callable[[], Visitor]) -> None:
        self._left = most
        self._make = make
        self._over = False
        self.here: set[Visitor] = set()
        for _ in range(min(size, most)):
            self._come()

    @property
    def spent(self) -> bool:
        """Whether as many came as may come."""
        return self._left <= 0

    def stop(self) -> None:
        """Let nobody come any more, and have those that are there leave."""
        self._over = True
        for visitor in list(self.here):
            visitor.leave(reset=True)

    def _come(self) -> None:
        self._left -= 1
        visitor = self._make()
        self.here.add(visitor)

        def gone() -> None:
            self.here.discard(visitor)
            if not self._over and not self.spent:
                self._come()

        visitor.when_gone = gone
