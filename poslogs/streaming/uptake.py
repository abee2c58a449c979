"""The uptake of outcomes: the one place that moves a feed's window, and what is remembered for that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poslogs.platformos.entries import Page
from poslogs.streaming.answer_size import AnswerSize
from poslogs.streaming.id_reset import IdReset, ResetWatch
from poslogs.streaming.intake import Intake
from poslogs.streaming.lookback import Lookback
from poslogs.streaming.outcome import Answered, Outcome, WasReset
from poslogs.streaming.polled import Polled
from poslogs.streaming.upstream import Upstream

if TYPE_CHECKING:
    from poslogs.streaming.poller import Poller


class Uptake:
    """Takes the outcomes of polls into a feed, in order, and gives what is new to its readers.

    Only its poller calls it, and so nothing here is locked.
    """

    def __init__(self, feed: Polled, upstream: Upstream, poller: Poller, lookback_seconds: float) -> None:
        """The feed is moved for as long as `poller` is the one that polls it."""
        self.lookback = Lookback(lookback_seconds, feed.window.high)
        self.size = AnswerSize()
        self.watch = ResetWatch()
        self.quiet = 0  # how many answers without anything new came one after another
        self._feed = feed
        self._upstream = upstream
        self._poller = poller
        self._lookback_seconds = lookback_seconds

    def take(self, outcome: Outcome, asked: float) -> bool:
        """Take in the outcome of a poll that was asked at this time; False when its poller must end."""
        if isinstance(outcome, WasReset):
            return self._reset(outcome.found, asked)
        if not outcome.page.whole:
            return self._unclear(outcome.page, asked)
        self._upstream.notices.unclear = None
        return self._answered(outcome, asked)

    def _answered(self, outcome: Answered, asked: float) -> bool:
        if outcome.rests:
            self.lookback.rest(asked, self._feed.window.high)
        return self._admit(outcome.page, asked, looks=outcome.looks)

    def _unclear(self, page: Page, asked: float) -> bool:
        """Take in an answer that says neither that rows exist nor that none do."""
        self.quiet += 1
        goes_on = self._admit(page, asked, looks=False)
        if not self._feed.window.high and self._upstream.notices.look_at_beginning(page, self.quiet):
            self._feed.wake()
        return goes_on

    def _reset(self, found: IdReset, asked: float) -> bool:
        """Begin anew where ids were reset to."""
        if not self._feed.begin_anew(self._poller, found):
            return False
        self.lookback = Lookback(self._lookback_seconds, found.position)
        self.lookback.learn(found.had)
        self._upstream.notices.unclear = None
        goes_on = self._admit(Page(found.new, [], 0), asked, looks=False)
        self._feed.wake()
        return goes_on

    def _admit(self, page: Page, asked: float, *, looks: bool) -> bool:
        """Have the feed take a page's entries in, and give them to its readers."""
        window = self._feed.window
        found = Intake.of(page, window.high, self.lookback if looks else None, asked, self._upstream)
        self.watch.saw(found.new)
        made = list(found.batches(window, self.lookback.settled))
        if not made:
            return True
        if not self._feed.admit(self._poller, made, len(found.late) + len(found.new)):
            return False
        for seen in (found.late, found.new):  # before readers get them: a failure there must not make them look late
            self.lookback.saw(seen, asked, looked=looks)
        self._feed.publish(made)
        return True
