"""The poller: the loop that asks platformOS for one environment, when and for what."""

from __future__ import annotations

import threading
from typing import Final, NamedTuple

from poslogs.platformos.entries import Page
from poslogs.platformos.gateway import GatewayError, whole
from poslogs.streaming.id_reset import LOOK_EVERY, IdReset, Newest
from poslogs.streaming.outcome import Answered, WasReset
from poslogs.streaming.polled import Polled
from poslogs.streaming.upstream import Upstream
from poslogs.streaming.uptake import Uptake
from poslogs.supervisor import IDLE_SECONDS, Loop

RETURN_SECONDS: Final = 0.25  # between two polls that readers cause by coming back
HOLD_SECONDS: Final = 1.0  # longest wait for readers amid a backlog


class Question(NamedTuple):
    """What to ask for next: the rows after `since`; `looks` back for rows that became visible late.

    `rests`: nobody wants such rows now.
    """

    since: int
    looks: bool
    rests: bool = False


class Poller:
    """Polls one environment for its feed, from the first reader until none has been there for a while.

    It alone moves the window, by the outcomes of its polls (`Uptake`). It asks one question at a time, and waits
    between two for as long as the readers' intervals or an outage require.
    """

    def __init__(self, feed: Polled, upstream: Upstream, wake: threading.Event, lookback_seconds: float) -> None:
        """`wake` is set when the readers, or what is known of platformOS, have changed."""
        self._feed = feed
        self._upstream = upstream
        self._clock = upstream.clock
        self._wake = wake
        self._uptake = Uptake(feed, upstream, self, lookback_seconds)
        self._asked: float | None = None  # on the clock: the last question
        self._at_once = False  # the next question is due now: rows were left out
        self._onward: int | None = None  # where to continue a look that did not fit into one answer
        self._full = False  # the last look may have had no room for what is new

    def run(self, loop: Loop) -> None:
        """Poll until no reader has been there for a while, or platformOS refuses the token."""
        with self._upstream.gateways.kept():
            while self._wait(loop) and self._poll(loop):
                pass

    def _wait(self, loop: Loop) -> bool:
        """Wait until the next question is due; False when there is nobody left to ask for."""
        rested = False  # readers that come back after a rest are polled for at once, within bounds
        while True:
            loop.turn()
            self._wake.clear()
            now = self._clock()
            demand = self._feed.demand(self, now)
            if demand is None:
                return False
            if demand.interval is None:
                rested, left = True, demand.left
            elif (pause := self._upstream.pause()) is not None:
                left = pause
            else:
                interval = RETURN_SECONDS if rested or self._feed.hurried else demand.interval
                left = 0.0 if self._asked is None or self._at_once else self._asked + interval - now
            if left <= 0:
                return True
            while left > 0 and not self._clock.wait(self._wake, min(left, IDLE_SECONDS)):
                left -= IDLE_SECONDS
                loop.turn()

    def _poll(self, loop: Loop) -> bool:
        """Ask one question and take in its answer; False when this poller must end."""
        before, self._asked = self._asked, self._clock()
        self._feed.hurried = False
        backlog, self._at_once = self._at_once, False
        try:
            question = self._next(self._asked)
            self._onward = None
            known = self._uptake.lookback.known if question.looks else ()
            page = self._upstream.page(question.since, loop, known)
            self._upstream.worked()
            elapsed = 0.0 if before is None else self._asked - before
            return self._take(page, question, elapsed, loop, backlog=backlog)
        except GatewayError as error:
            self._upstream.failed(error)
            return not error.refused  # even if `refusal` was cleared: a reader that joined meanwhile begins anew
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end a feed in silence
            loop.failed(error)
            self._upstream.failed(self._upstream.unreadable())
            return True

    def _next(self, now: float) -> Question:
        high, uptake = self._feed.window.high, self._uptake
        if self._onward is not None and self._onward < high:
            return Question(self._onward, looks=True)
        rests = not self._feed.wants_late()
        if not rests and self._full:
            return Question(high, looks=False)
        if not rests and (start := uptake.lookback.start(uptake.size.cap)) < high:
            return Question(start, looks=True)
        # The newest row is asked for again now and then: if it is gone, ids were reset.
        again = uptake.watch.due(high, uptake.quiet, now)
        return Question(high - 1 if again else high, looks=False, rests=rests)

    def _take(self, page: Page, question: Question, elapsed: float, loop: Loop, *, backlog: bool) -> bool:
        """Take in a page; False when this poller must end. `backlog`: it was asked for at once. Raises GatewayError."""
        assert self._asked is not None
        high, uptake = self._feed.window.high, self._uptake
        full = page.whole and uptake.size.may_be_full(page.rows)
        if not uptake.take(Answered(page, *question), self._asked):
            return False
        if not page.whole:
            return True
        if question.since < high and page.last < high:
            if self._newest_is_gone(page.last, loop):
                return True
            if question.looks and page.last > question.since:
                uptake.size.cut_short(page.rows)
                self._onward, self._at_once = page.last, True
                return True
        elif question.since < high:
            uptake.watch.there()
        new = sum(entry.id > high for entry in page.entries)
        uptake.quiet = 0 if new else uptake.quiet + 1
        # A full answer may not look full: it has few rows, and longer ones or ones with repeated rows came before.
        perhaps = uptake.quiet % LOOK_EVERY == 1
        self._full = question.looks and not new and (full or perhaps)
        self._feed.rounds += not new and not self._full
        rows, cut = page.rows, page.cut and page.last > question.since
        del page  # freed before the next one comes
        if backlog and self._full:
            self._at_once = True
        elif uptake.size.left_rows_out(rows, new, elapsed) or cut:
            self._at_once = True
            self._hold()
        return True

    def _newest_is_gone(self, last: int, loop: Loop) -> bool:
        """See why an answer up to `last` did not hold the newest row; if ids were reset, begin anew.

        False when the row is there after all. Raises GatewayError.
        """
        window, name = self._feed.window, self._upstream.environment.name
        found = self._uptake.watch.judge(
            lambda position: whole(self._upstream.page(position, loop), name),
            last, window.high, window.floor, window.known, self._clock(),
        )  # fmt: skip
        if isinstance(found, IdReset):
            self._asked = self._clock()  # what is new was seen now, after many questions
            self._uptake.take(WasReset(found), self._asked)
        return found is not Newest.THERE

    def _hold(self) -> None:
        """Amid a backlog, let the quickest reader take what there is before more is asked for."""
        end = self._clock() + HOLD_SECONDS
        while True:
            self._wake.clear()
            left = end - self._clock()
            if not self._feed.lags(may=left > 0):
                return
            self._clock.wait(self._wake, left)
