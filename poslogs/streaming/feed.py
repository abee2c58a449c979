"""The feed: the window of one environment and its readers, however many, served by one poller."""

from __future__ import annotations

import logging
import threading
from typing import Final

from poslogs.streaming.batch import Batch
from poslogs.streaming.polled import Polled
from poslogs.streaming.poller import Poller
from poslogs.streaming.readers import Attached, Reader
from poslogs.streaming.selection import Selection
from poslogs.streaming.sharing import Share, alone
from poslogs.streaming.upstream import Upstream

log = logging.getLogger("poslogs.feed")

SHARED_START_SECONDS: Final = 10.0  # readers that begin within that time of a feed share its start


class Feed(Polled):
    """Polls one environment while it has readers, and holds its window.

    The poller starts with the first reader that attaches, at that reader's position. It rests while there is no
    reader, and ends after LINGER_SECONDS of rest. The window is dropped then, since platformOS still has its rows.
    """

    def __init__(self, upstream: Upstream, *, window_bytes: int, lookback: float, share: Share = alone) -> None:
        """`lookback`: seconds for which live readers get rows that become visible late.

        `share` makes for a poller what it shares with other processes.
        """
        super().__init__(upstream, window_bytes)
        self._lookback = lookback
        self._share = share
        self._wake = threading.Event()  # the poller's
        upstream.on_change(self._changed)

    # What readers do

    def join(self, reader: Reader) -> None:
        """Count a reader in; from now on its interval sets the pace too."""
        with self._lock:
            first = not len(self._readers)
            self._readers.add(reader)
            if self._share is not alone and reader.selection.late:
                self._polling.doubts.add(reader, self.upstream.clock())
            begins = first and (self.upstream.refusal is not None or self._polling.vacant)
        if begins:
            self.upstream.forget_trouble()
        self._wake.set()

    def leave(self, reader: Reader) -> None:
        """Count a reader out; harmless when it has left already."""
        with self._lock:
            self._readers.discard(reader, self.upstream.clock())
            self._waiting.pop(reader, None)
            self._polling.doubts.discard(reader)
            self._let_go()
        self._wake.set()

    def attach(self, reader: Reader, position: int, *, fresh: bool = False) -> Attached | None:
        """Let a reader follow from a position.

        None when the window does not reach back that far: the reader then asks by itself. A `fresh` reader has
        no position yet: it shares the start of a feed that began a moment ago, else it asks by itself too.
        A reader that knows more than the window is not attached: it waits until the window has come to its position.
        So a batch that is admitted later is new to every reader that is attached (decision 17).
        """
        started: Poller | None = None
        with self._lock:
            if self._polling.vacant:
                started = self._start(position)
            elif fresh and self.upstream.clock() - self._polling.began > SHARED_START_SECONDS:
                return None
            attached = self._find(reader, position)
        if started is not None and not self._polling.run(started, self._end):
            reader.number = None
            return None  # it asks by itself, and waits as its own questions wait
        self._wake.set()
        return attached

    def _find(self, reader: Reader, position: int) -> Attached | None:
        blind = self.is_blind(reader)
        if blind or position > self.window.high:
            reader.number = None
            if self._polling.loads or (self._share is not alone and self.history.after(position) is not None):
                # It may be from a process that is further, and not from before a reset.
                self._polling.doubts.add(reader, self.upstream.clock())
            self._polling.doubts.note(reader, position)
            if reader not in self._waiting:
                self._waiting[reader] = self.window.number
                self.hurried = self.hurried or not blind
            return Attached(None, [], ahead=True)
        since = self._waiting.pop(reader, None)
        try:
            number, inside = self.window.find(position)
        except LookupError:
            return None
        reader.number = number
        late = self.window.late_until(number) if reader.selection.late else []
        return Attached(inside, late, since=since)

    def take(self, reader: Reader) -> Batch | None:
        """The next batch for an attached reader, None while there is none.

        Raises LookupError when the window has left the reader behind; it is no longer attached then.
        """
        assert reader.number is not None
        with self._lock:
            try:
                batch = self.window.after(reader.number)
            except LookupError:
                reader.number = None
                raise
            if batch is None:
                if not self._polling.goes:
                    reader.number = None
                    raise LookupError
                return None
            reader.number = batch.number
            awaited = self._awaited and batch.number == self.window.number
        if awaited:
            self._wake.set()
        return batch

    def tail(self, count: int, selection: Selection, end: int) -> int | None:
        """A position with at least `count` entries for a selection after it; None when only platformOS knows one.

        `end` is the newest id that is listed: the window tells only if it reaches up to it. It never does where a query
        would have to look at its entries: the lock is not held for so long.
        """
        if selection.query is not None:
            return None
        with self._lock:
            whole = self._polling.goes and self.window.high == end
            return self.window.tail(count, selection) if whole else None

    def holds(self, position: int) -> bool:
        """Whether the window of a running feed has all rows past a position, each in its place."""
        with self._lock:
            return self._polling.goes and self.window.holds(position)

    @property
    def high(self) -> int:
        """The position that a running feed has reached; 0 when it does not run."""
        with self._lock:
            return self.window.high if self._polling.goes else 0

    def awaits(self, position: int) -> bool:
        """Whether the feed runs, and has not come to a position yet."""
        with self._lock:
            return self._polling.goes and self.window.high < position

    def is_blind(self, reader: Reader) -> bool:
        """Whether the window may lack what the reader had elsewhere, which other processes still tell."""
        return self._polling.loads or reader in self._polling.doubts

    @property
    def readers(self) -> int:
        """How many streams it has now."""
        return len(self._readers)

    def hurry(self) -> None:
        """Have the next poll made at once: a reader has seen that more is listed than the window has."""
        self.hurried = True
        self._wake.set()

    # Its poller's life

    def _start(self, position: int) -> Poller:
        """Make a poller, which `Polling.run` starts once the lock is given back."""
        self._renew(position)
        self.upstream.begin()
        sharing = self._share(self._wake)
        poller = Poller(self, self.upstream, self._wake, self._lookback, sharing)
        return self._polling.take(poller, loads=sharing.loads)

    def _end(self, poller: Poller) -> None:
        with self._lock:
            self._polling.leave(poller)
            self._let_go()
        self.upstream.answers.forget(self.upstream)  # no reader is left to read on in them
        self.wake()

    def _let_go(self) -> None:
        if self._polling.vacant and not len(self._readers) and not self.window.empty:
            self._renew(0)

    def _changed(self) -> None:
        """Wake the poller and the readers: what is known of platformOS has changed."""
        self._wake.set()
        self.wake()
