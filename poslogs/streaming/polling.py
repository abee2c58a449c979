"""The polling of a feed: its poller, at most one in this process, and when that began."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from poslogs.streaming.doubts import Doubts
from poslogs.streaming.upstream import Upstream
from poslogs.supervisor import Loop

if TYPE_CHECKING:
    from poslogs.streaming.poller import Poller


class Polling:
    """Holds the one poller. Not locked: its feed is, except while `run` starts a thread."""

    def __init__(self, upstream: Upstream) -> None:
        self.began = 0.0  # on the clock: when the poller began
        self.loads = False  # where the window begins is not known yet: other processes may tell
        self.past = False  # and what they tell was before its readers came
        self.doubts = Doubts()
        self._upstream = upstream
        self._poller: Poller | None = None

    @property
    def vacant(self) -> bool:
        """Whether nobody polls."""
        return self._poller is None

    def is_for(self, poller: Poller) -> bool:
        """Whether it is this poller's turn."""
        return self._poller is poller

    @property
    def goes(self) -> bool:
        """Whether somebody polls, and the window has begun."""
        return self._poller is not None and not self.loads

    def take(self, poller: Poller, *, loads: bool = False) -> Poller:
        """Make this the poller; `run` starts it once the feed's lock is given back."""
        self.began = self._upstream.clock()
        self.loads = self.past = loads
        self._poller = poller
        return poller

    def leave(self, poller: Poller) -> None:
        """Remove this poller; harmless when another one polls."""
        if self._poller is poller:
            self._poller = None

    def run(self, poller: Poller, ended: Callable[[Poller], None]) -> bool:
        """Start a poller, and call `ended` when it ends; False when no thread could be started."""

        def run(loop: Loop) -> None:
            poller.run(loop)
            ended(poller)

        try:
            self._upstream.supervisor.start("poller", run, detail=self._upstream.environment.name)
        except RuntimeError:
            ended(poller)
            self._upstream.failed(self._upstream.unreadable())
            return False
        return True
