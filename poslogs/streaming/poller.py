"""The poller: the loop that asks platformOS for one environment, when and for what."""

from __future__ import annotations

import threading
from typing import Final

from poslogs.platformos.entries import Page
from poslogs.platformos.gateway import GatewayError, whole
from poslogs.streaming.id_reset import LOOK_EVERY, IdReset, Newest
from poslogs.streaming.outcome import Answered, Outcome, WasReset
from poslogs.streaming.polled import Polled
from poslogs.streaming.question import Question
from poslogs.streaming.sharing import Fenced, Sharing, Terms, Wish
from poslogs.streaming.upstream import Upstream
from poslogs.streaming.uptake import Uptake
from poslogs.supervisor import IDLE_SECONDS, Loop

RETURN_SECONDS: Final = 0.25  # between two polls that readers cause by coming back
HOLD_SECONDS: Final = 1.0  # longest wait for readers amid a backlog


class Poller:
    """Polls one environment for its feed, from the first reader until none has been there for a while.

    It alone moves the window, by the outcomes of its polls and of those of other processes (`Uptake`). It asks one
    question at a time, and waits between two for as long as the readers' intervals or an outage require.
    """

    def __init__(
        self, feed: Polled, upstream: Upstream, wake: threading.Event, lookback_seconds: float, sharing: Sharing
    ) -> None:
        """`wake` is set when the readers, or what is known of platformOS, have changed."""
        self._feed = feed
        self._upstream = upstream
        self._clock = upstream.clock
        self._wake = wake
        self._uptake = Uptake(feed, upstream, self, lookback_seconds)
        self._sharing = sharing
        self._terms = Terms()  # of the question that is due
        self._asked: float | None = None  # on the clock: the last question
        self._at_once = False  # the next question is due now: rows were left out
        self._onward: int | None = None  # where to continue a look that did not fit into one answer
        self._full = False  # the last look may have had no room for what is new

    def run(self, loop: Loop) -> None:
        """Poll until no reader has been there for a while, or platformOS refuses the token."""
        with self._upstream.gateways.kept():
            while self._wait(loop) and self._poll(loop):
                pass
        self._sharing.end()

    def _wait(self, loop: Loop) -> bool:
        """Wait until the next question is due; False when there is nobody left to ask for."""
        rested = False  # readers that come back after a rest are polled for at once, within bounds
        while True:
            loop.turn()
            self._wake.clear()
            if not self._sharing.take_in(self._uptake):
                return False
            now = self._clock()
            demand = self._feed.demand(self, now)
            if demand is None:
                return False
            if demand.interval is None:
                rested, left = True, demand.left
            else:
                doubts = self._feed.doubts and not self._sharing.confirm(self._uptake)
                left = self._left(demand.interval, now, hurried=rested or self._feed.hurried or doubts)
            if left <= 0:
                return True
            while left > 0 and not self._clock.wait(self._wake, min(left, IDLE_SECONDS)):
                left -= IDLE_SECONDS
                loop.turn()

    def _left(self, interval: float, now: float, *, hurried: bool) -> float:
        """Seconds until the next question may be asked; if there are none, it must be."""
        pace = RETURN_SECONDS if hurried else interval
        if (outage := self._upstream.outage) is not None:
            left = outage.until - now
        else:
            left = 0.0 if self._asked is None or self._at_once else self._asked + pace - now
        if left > 0:
            return left
        wish = Wish(0.0 if self._at_once else pace, self._feed.wants_late(), self._feed.window.high, interval)
        self._terms = self._sharing.claim(wish, self._uptake)
        if self._terms.age is not None:
            self._asked = now - self._terms.age
        if self._terms.wait > 0:
            return self._terms.wait
        pause = self._upstream.pause() or 0.0
        if pause > 0:
            self._sharing.done()
        return pause

    def _poll(self, loop: Loop) -> bool:
        """Ask one question and take in its answer; False when this poller must end."""
        before, self._asked = self._asked, self._clock()
        self._feed.hurried = False
        backlog, self._at_once = self._at_once, False
        try:
            onward, self._onward = self._onward, None
            question = Question.next(self._uptake, self._terms, self._asked, onward=onward, full=self._full)
            known = self._uptake.lookback.known if question.looks and not question.whole else ()
            page = self._upstream.page(question.since, loop, known)
            self._upstream.worked()
            elapsed = 0.0 if before is None else self._asked - before
            return self._take(page, question, elapsed, loop, backlog=backlog)
        except Fenced:
            return True
        except GatewayError as error:
            self._failed(error)
            return not error.refused  # even if `refusal` was cleared: a reader that joined meanwhile begins anew
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end a feed in silence
            loop.failed(error)
            self._failed(self._upstream.unreadable())
            return True
        finally:
            self._sharing.done()

    def _failed(self, error: GatewayError) -> None:
        self._upstream.failed(error)
        outage = self._upstream.outage
        if outage is not None and not error.refused:  # others may have other credentials
            self._sharing.failed(error.sentence, max(0.0, outage.until - self._clock()), self._uptake)

    def _take(self, page: Page, question: Question, elapsed: float, loop: Loop, *, backlog: bool) -> bool:
        """Take in a page; False when this poller must end. `backlog`: it was asked for at once. Raises GatewayError."""
        high, uptake = self._feed.window.high, self._uptake
        asked = Answered(page, *question)
        if not page.whole:
            return self._settle(asked)
        full = uptake.size.may_be_full(page.rows)
        gone = question.since < high and page.last < high
        new = sum(entry.id > high for entry in page.entries)
        quiet = 0 if new else uptake.quiet + 1
        # A full answer may not look full: it has few rows, and longer ones or ones with repeated rows came before.
        may_be_full = question.looks and not new and (full or quiet % LOOK_EVERY == 1)
        ends = not new and not may_be_full
        if not self._settle(asked, ends=ends and not gone, goes_on=gone):
            return False
        if gone:
            if self._newest_is_gone(page.last, loop):
                return True
            if question.looks and page.last > question.since:
                uptake.size.cut_short(page.rows)
                self._onward, self._at_once = page.last, True
                return True
        elif question.since < high:
            uptake.watch.there()
        assert self._asked is not None
        uptake.sure(self._asked, looked=True, late=question.looks)
        uptake.quiet, self._full = quiet, may_be_full
        self._feed.progress.rounds += ends
        rows, cut = page.rows, page.cut and page.last > question.since
        del page, asked  # freed before the next one comes
        if backlog and self._full:
            self._at_once = True
        elif uptake.size.left_rows_out(rows, new, elapsed) or cut:
            self._at_once = True
            self._hold()
        self._feed.progress.ends += not self._at_once
        return True

    def _settle(self, outcome: Outcome, *, ends: bool = False, goes_on: bool = False) -> bool:
        """Have an outcome count, in other processes and here; False when this poller must end. Raises Fenced."""
        assert self._asked is not None
        if not self._sharing.publish(outcome, self._uptake, ends=ends, goes_on=goes_on):
            raise Fenced
        return self._uptake.take(outcome, self._asked)

    def _newest_is_gone(self, last: int, loop: Loop) -> bool:
        """See why an answer up to `last` did not hold the newest row; if ids were reset, begin anew.

        False when the row is there after all. Raises GatewayError.
        """
        window, name = self._feed.window, self._upstream.environment.name

        def ask(position: int) -> Page:
            self._sharing.goes_on()
            return whole(self._upstream.page(position, loop), name)

        found = self._uptake.watch.judge(ask, last, window.high, window.floor, window.known, self._clock())
        if isinstance(found, IdReset):
            self._asked = self._clock()  # what is new was seen now, after many questions
            self._settle(WasReset(found))
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
