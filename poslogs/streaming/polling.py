"""The polling of a feed: who polls, at most one in this process, and from when on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from poslogs.streaming.upstream import Upstream
from poslogs.supervisor import Loop

if TYPE_CHECKING:
    from poslogs.streaming.poller import Poller


class Polling:
    """The place of the one poller. Not locked: its feed is, except while `run` starts a thread."""

    def __init__(self, upstream: Upstream) -> None:
        self.began = 0.0  # on the clock: when the poller did
        self._upstream = upstream
        self._poller: Poller | None = None

    @property
    def vacant(self) -> bool:
        """Whether nobody polls."""
        return self._poller is None

    def is_for(self, poller: Poller) -> bool:
        """Whether it is this poller's turn."""
        return self._poller is poller

    def take(self, poller: Poller) -> Poller:
        """This one polls from now on; `run` starts it once its feed's lock is given back."""
        self.began = self._upstream.clock()
        self._poller = poller
        return poller

    def leave(self, poller: Poller) -> None:
        """This one polls no more; harmless when another one does."""
        if self._poller is poller:
            self._poller = None

    def run(self, poller: Poller, ended: Callable[[Poller], None]) -> bool:
        """Start a poller, whose end is told to `ended`; False where no thread is to be had."""

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
