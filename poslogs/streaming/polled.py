"""The window of one environment and its readers, as the poller meets them: what they want, and what it brings."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from poslogs.streaming.batch import Batch
from poslogs.streaming.id_history import Restart
from poslogs.streaming.id_reset import IdReset
from poslogs.streaming.looks import Looks
from poslogs.streaming.polling import Polling
from poslogs.streaming.progress import Progress
from poslogs.streaming.publication import give
from poslogs.streaming.readers import Reader, Readers
from poslogs.streaming.upstream import Upstream
from poslogs.streaming.window import Window

if TYPE_CHECKING:
    from poslogs.streaming.poller import Poller

log = logging.getLogger("poslogs.feed")

LINGER_SECONDS: Final = 10.0  # how long the window stays after the last reader, without polls: most readers come back


class Demand(NamedTuple):
    """What the readers of a feed want of its poller now."""

    interval: float | None  # seconds between two polls; None: no reader is here
    left: float = 0.0  # seconds for which the poller stays without readers


class Polled:
    """A feed as its poller meets it. One lock is over the window, the readers and who polls; nothing waits under it."""

    def __init__(self, upstream: Upstream, window_bytes: int) -> None:
        self.upstream = upstream
        self.history = upstream.history
        self.progress = Progress()
        self.looks = Looks(upstream.environment.name, upstream.supervisor)
        self.hurried = False  # a reader knows more than the window: the next poll is due at once; the poller clears it
        self.window = Window(window_bytes, 0, 0)
        self._lock = threading.Lock()
        self._readers = Readers(upstream.clock())
        self._polling = Polling(upstream)
        self._waiting: dict[Reader, int] = {}  # readers ahead of the window; the newest batch when each began to wait
        self._awaited = False  # the poller waits until a reader has taken the newest batch

    def demand(self, poller: Poller, now: float) -> Demand | None:
        """What the readers want; None: this poller must end."""
        with self._lock:
            if not self._polling.is_for(poller):
                return None
            if len(self._readers):
                return Demand(self._readers.interval)
            left = self._readers.left + LINGER_SECONDS - now
            if left <= 0:
                self._polling.leave(poller)
                return None
            return Demand(None, left)

    def wants_late(self) -> bool:
        """Whether a reader wants rows that became visible late."""
        return self._readers.live > 0

    def wanted_late(self) -> bool:
        """The same of readers whom the window has waited for."""
        return self._readers.live > self._polling.doubts.live

    def admit(self, poller: Poller, page: Sequence[Batch], count: int) -> bool:
        """Take the batches of `count` entries into the window; False: this poller must end."""
        with self._lock:
            if not self._polling.is_for(poller):
                return False
            self.window.admit(page)
            self.history.saw(self.window.high)
            self.progress.entries += count
            return True

    def publish(self, page: Sequence[Batch]) -> None:
        """Give batches that the window has taken in to the readers."""
        with self._lock:
            readers = list(self._readers)
        upstream = self.upstream

        def failed(error: Exception) -> None:
            upstream.supervisor.failed("stream", upstream.environment.name, error)

        asking = [reader for reader in readers if reader.selection.query is not None]
        give(page, [reader for reader in readers if reader.selection.query is None] if asking else readers, failed)
        self.looks.publish(page, asking, failed)

    def begin(self, poller: Poller, position: int) -> bool:
        """Begin with an empty window at a position that other processes have told; False: the poller must end."""
        with self._lock:
            if not self._polling.is_for(poller):
                return False
            self._renew(position)
            return True

    def load(self, poller: Poller) -> None:
        """Have readers wait until `loaded`."""
        with self._lock:
            if self._polling.is_for(poller):
                self._polling.loads, self._polling.past = True, False

    def loaded(self, poller: Poller) -> bool:
        """Let readers attach: the window has what other processes had as they came; False: the poller must end."""
        with self._lock:
            if not self._polling.is_for(poller):
                return False
            self._polling.loads = False
            for reader in self._waiting:
                self._waiting[reader] = self.window.number  # what comes now counts as if they had followed
        self.wake()
        return True

    @property
    def doubts(self) -> bool:
        """Whether readers wait until the window has all that others knew as they came."""
        return bool(self._polling.doubts)

    def sure(self, moment: float, *, looked: bool, late: bool = True) -> None:
        """Let readers attach that came before a moment: the window has all that others knew then (see `Doubts`)."""
        with self._lock:
            ready = self._polling.doubts.take(moment, self.window.high, looked=looked, late=late)
            for reader in ready:
                if reader in self._waiting:
                    self._waiting[reader] = self.window.number
        for reader in ready:
            reader.wake.set()

    def begin_anew(self, poller: Poller, found: IdReset, *, late: bool) -> bool:
        """Go on with an empty window, since ids were reset; False: this poller must end.

        `late`: rows that became visible late come first. They are for all readers that are there now.
        """
        with self._lock:
            if not self._polling.is_for(poller):
                return False
            high = self.window.high
            noticed = not self.window.empty  # else only a reader said that the log went so far: it alone is told
            past = self._polling.loads and self._polling.past
            self._renew(found.position)
            if late:
                self._waiting.update(dict.fromkeys(self._readers, self.window.number))
            top = found.new[-1].id if found.new else found.position
            self.history.reset(high, found.position, top, noticed=noticed, past=past)
        if noticed and not past:
            name = self.upstream.environment.name
            log.warning("The ids of environment %s were reset from %d to %d.", name, high, found.position)
        return True

    def outdated(self, position: int) -> bool:
        """Whether `position` dates from before the last id reset noticed here, and new ids have not reached it."""
        with self._lock:
            return self._polling.goes and self.history.after(position) is not None

    def end(self, position: int, lowest: int) -> Restart:
        """Where a reader continues whose position is past the end of the log, and the notice that it gets.

        If its position is from before an id reset, it continues where ids were reset to: all that came since is new to
        it. Otherwise it continues where the log ended when that was first seen, which is `lowest`.
        """
        after = self.history.after(position)
        return Restart(min(lowest, self.window.high) if after is None else after, self.history.notice())

    def lags(self, *, may: bool) -> bool:
        """Whether readers follow, and none has taken the newest batch yet; if so, the poller is woken when one has.

        Never unless it `may`, nor while a reader waits for the window to come to its position.
        """
        with self._lock:
            newest = self.window.number
            attached = [reader.number for reader in self._readers if reader.number is not None]
            self._awaited = bool(attached) and newest not in attached and may and not self._waiting
            return self._awaited

    def wake(self) -> None:
        """Wake every reader, so that it looks at its own end."""
        with self._lock:
            readers = list(self._readers)
        for reader in readers:
            reader.wake.set()

    def _renew(self, position: int) -> None:
        # A number never comes again, so readers of the window before find themselves left behind, and attach anew.
        self.window = self.window.emptied(position)
