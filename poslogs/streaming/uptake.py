"""The uptake of outcomes: the one place that moves a feed's window, and what is remembered for that."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from poslogs.platformos.entries import Page
from poslogs.platformos.gateway import GatewayError
from poslogs.streaming.answer_size import AnswerSize
from poslogs.streaming.id_reset import IdReset, ResetWatch
from poslogs.streaming.intake import Intake
from poslogs.streaming.lookback import Lookback
from poslogs.streaming.outcome import Answered, Outcome, WasReset
from poslogs.streaming.polled import Polled
from poslogs.streaming.upstream import Upstream
from poslogs.streaming.window import Window

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
        self._start = feed.window.high
        self._known = upstream.history.known()

    @property
    def window(self) -> Window:
        """The feed's window."""
        return self._feed.window

    @property
    def wants_late(self) -> bool:
        """Whether a reader of the feed wants rows that became visible late."""
        return self._feed.wants_late()

    def begin(self, position: int) -> bool:
        """Begin with an empty window at a position; False when its poller must end."""
        self.lookback = Lookback(self._lookback_seconds, position)
        return self._feed.begin(self._poller, position)

    def start_over(self) -> bool:
        """Begin again where the feed began, and let readers attach; False when its poller must end."""
        self._upstream.history.return_to(self._known)
        return self.begin(self._start) and self.loaded()

    def knows_reset(self, back: int) -> bool:
        """Whether the last id reset that is known here is one after which readers continue at `back`."""
        restart = self._feed.history.restart
        return restart is not None and restart.position == back

    def load(self) -> None:
        """Have readers wait: what the window should have is loaded anew."""
        self._feed.load(self._poller)

    def loaded(self) -> bool:
        """Let readers attach: the window has what there is; False when its poller must end."""
        return self._feed.loaded(self._poller)

    def take(self, outcome: Outcome, asked: float) -> bool:
        """Take in the outcome of a poll that was asked at this time; False when its poller must end."""
        if isinstance(outcome, WasReset):
            return self._reset(outcome.found, asked)
        if not outcome.page.whole:
            return self._unclear(outcome.page, asked)
        self._upstream.notices.unclear = None
        if outcome.rests:
            self.rest(asked)
        return self._admit(outcome.page, asked, looks=outcome.looks)

    def take_from(self, outcome: Outcome, *, joins: bool) -> bool:
        """Take in the outcome of another process's poll; False when the poller must end.

        `joins`: this process was by itself until now, and relies on what it has seen.
        """
        now = self._upstream.clock()
        if not isinstance(outcome, Answered) or not outcome.page.whole:
            return self.take(outcome, now)
        page = outcome.page
        self._feed.progress.ends += not self.size.may_be_full(page.rows)
        if page.last > self.window.high:
            self.quiet = 0
        if outcome.began is not None and not joins and not self._feed.wants_late():
            self.lookback.rest(now, outcome.began)
        if outcome.rests and not self._feed.wants_late():
            self.rest(now)
        if outcome.whole and outcome.looks:
            self.lookback.covers(outcome.since)
        self._upstream.notices.unclear = None
        return self._admit(page, now, looks=outcome.looks, sure=not outcome.whole)

    def essence(self, answer: Outcome) -> Outcome:
        """What of an outcome others need who have taken in all outcomes before it."""
        if not isinstance(answer, Answered):
            return answer
        page, high = answer.page, self.window.high
        if answer.whole or not page.whole:
            began = self.lookback.began if answer.looks and self.lookback.learning else None
            return answer._replace(began=began)
        split = bisect_right(page.entries, high, key=lambda entry: entry.id)
        late = self.lookback.late(page.entries[:split]) if answer.looks else []
        return answer._replace(page=page._replace(entries=[*late, *page.entries[split:]]))

    def matters(self, outcome: Outcome) -> bool:
        """Whether an outcome has something for others who have taken in all outcomes before it."""
        if isinstance(outcome, WasReset) or not outcome.page.whole:
            return True
        page = outcome.page
        return bool(page.entries) or page.last > self.window.high or self._upstream.notices.has_news(page)

    @property
    def doubts(self) -> bool:
        """Whether readers wait until the window has all that others knew as they came."""
        return self._feed.doubts

    def sure(self, moment: float, *, looked: bool, late: bool = True) -> None:
        """Note that the window has all that others knew at a moment, as far as this process has `looked`.

        Not `late`: but for rows that became visible late.
        """
        self._feed.sure(moment, looked=looked, late=late)

    def rest_elsewhere(self, *, rests: bool) -> None:
        """Note whether nobody elsewhere wanted late rows; a reader that has just come did not either."""
        if rests and not self._feed.wanted_late():
            self.rest(self._upstream.clock())

    def rest(self, now: float) -> None:
        """Note that nobody wants rows that become visible late."""
        self.lookback.rest(now, self.window.high)

    def rounds(self, count: int) -> None:
        """Count polls of other processes that reached the end of the log, and found nothing new."""
        self._feed.progress.rounds += count
        self._feed.progress.ends += count

    def worked(self) -> None:
        """Note that another process's question was answered."""
        self._upstream.worked(elsewhere=True)

    def failed(self, sentence: str, wait: float) -> None:
        """Note that another process's question failed, and that nobody asks for `wait` seconds."""
        self._upstream.failed(GatewayError(sentence), wait)

    def _unclear(self, page: Page, asked: float) -> bool:
        """Take in an answer that says neither that rows exist nor that none do."""
        self.quiet += 1
        goes_on = self._admit(page, asked, looks=False)
        if not self._feed.window.high and self._upstream.notices.look_at_beginning(page, self.quiet):
            self._feed.wake()
        return goes_on

    def _reset(self, found: IdReset, asked: float) -> bool:
        """Begin anew where ids were reset to."""
        late = self.lookback.late(found.late)
        if not self._feed.begin_anew(self._poller, found, late=bool(late)):
            return False
        self.lookback = Lookback(self._lookback_seconds, found.position)
        self._upstream.notices.unclear = None
        goes_on = self._give(Intake(late, found.new, 0, None), asked, looks=False)
        self._feed.wake()
        return goes_on

    def _admit(self, page: Page, asked: float, *, looks: bool, sure: bool = False) -> bool:
        """Have the feed take a page's entries in, and give them to its readers."""
        lookback = self.lookback if looks else None
        found = Intake.of(page, self.window.high, lookback, asked, self._upstream, sure=sure)
        return self._give(found, asked, looks=looks)

    def _give(self, found: Intake, asked: float, *, looks: bool) -> bool:
        window = self.window
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
