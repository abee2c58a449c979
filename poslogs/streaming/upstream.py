"""The upstream: one environment's way to platformOS, and what is known of how questions end there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Container
from typing import Final

from poslogs.platformos.entries import Page
from poslogs.platformos.environments import Environment
from poslogs.platformos.gateway import Gateway, GatewayError, Unclear, whole
from poslogs.streaming import frames
from poslogs.streaming.answer import Answer, Answers
from poslogs.streaming.backfill import Backfill
from poslogs.streaming.backfills import Backfills
from poslogs.streaming.clock import MONOTONIC, Clock
from poslogs.streaming.counts import Counts
from poslogs.streaming.frames import Chunk
from poslogs.streaming.gateways import Fresh, Gateways, unknown
from poslogs.streaming.id_history import IdHistory
from poslogs.streaming.notices import Notices
from poslogs.streaming.outage import Outage
from poslogs.streaming.wake import Wake
from poslogs.supervisor import STALL_SECONDS, SUPERVISOR, Loop, Supervisor

log = logging.getLogger("poslogs.feed")

OWN_QUESTIONS: Final = 4  # of readers and calls of one environment, under way at once
ANSWER_BYTES: Final = 16 * 1024 * 1024  # of answers to them that are kept
READ_SECONDS: Final = 30.0  # between two turns while what came is read, and for giving it to the readers


class Upstream:
    """Puts questions to one environment: the poller's, one at a time, and `most` at once of readers and calls.

    How each question ends is known to all: after a failure nobody asks before the outage's wait is over.
    """

    def __init__(
        self,
        environment: Environment,
        open_gateway: Callable[[Environment], Gateway],
        *,
        answers: Answers | None = None,
        most: int = OWN_QUESTIONS,
        fresh: Fresh = unknown,
        patience: float = STALL_SECONDS,
        supervisor: Supervisor = SUPERVISOR,
        clock: Clock = MONOTONIC,
    ) -> None:
        """`answers` keeps what came to readers and calls; `most`: how many of their questions are under way at once.

        `patience`: seconds that one question may take before its loop counts as stalled. `fresh`: as for `Gateways`.
        """
        self.gateways = Gateways(environment, open_gateway, most + 1, fresh)
        self.history = IdHistory(environment.name)
        self.notices = Notices(environment.name)
        self.counts = Counts()
        self.outage: Outage | None = None
        self.refusal: Chunk | None = None  # platformOS refused the token: nothing more can come
        self.backfills = Backfills(most, self._answer, self._answered, self._begin, self.unreadable)
        self.clock = clock
        self._patience = patience
        self.answers = Answers(ANSWER_BYTES) if answers is None else answers
        self.supervisor = supervisor
        self._changed: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def on_change(self, changed: Callable[[], None]) -> None:
        """Have this called whenever there may be something to report to readers."""
        self._changed = changed

    @property
    def environment(self) -> Environment:
        """The environment, with the credentials that it has now."""
        return self.gateways.environment

    def renew(self, environment: Environment) -> None:
        """Ask with these credentials from now on; a refusal of earlier ones by platformOS does not apply to them."""
        if environment != self.environment:
            with self._lock:
                self.gateways.environment = environment
            if self.refusal is not None:
                self.forget_trouble()

    def page(self, position: int, loop: Loop, known: Container[int] = ()) -> Page:
        """What is listed past a position, without the rows `known`; a turn of the loop. Raises GatewayError."""

        def ask(gateway: Gateway) -> Page:
            loop.turn()
            loop.asks(self._patience)
            page = gateway.after(position, known, lambda: loop.turn(READ_SECONDS))
            loop.turn(READ_SECONDS)
            return page

        return self.gateways.asked(ask)

    def backfill(self, position: int, wake: Wake, client: str = "") -> Backfill | None:
        """A reader's own question, in its client's turn; readers that ask the same share it while it is asked.

        A reader that stops waiting for the answer must `leave`. None while an outage lets nobody ask.
        """
        with self._lock:
            outage = None if self.outage is None or self.backfills.knows(position) else self.outage
            if outage is not None and not outage.claim():
                return None
        must = outage is not None  # all wait for how it ends
        return self.backfills.add(position, position, client, wake, must=must)

    def leave(self, backfill: Backfill, wake: Wake, client: str = "") -> None:
        """Stop waiting for a reader's question; it leaves the queue, unless others wait."""
        self.backfills.leave(backfill, client, wake)

    def pause(self) -> float | None:
        """Seconds until the poller may ask amid an outage; 0.0: it may now, and must. None without an outage."""
        with self._lock:
            if self.outage is None:
                return None
            return 0.0 if self.outage.claim() else self.outage.until - self.clock()

    def notice(self, page: Page) -> Chunk | None:
        """An error frame for rows of a page that are not entries; None when there is nothing to report."""
        self._look_at_order(page)
        return self.notices.left_out_of(page)

    def failed(self, error: GatewayError, wait: float | None = None) -> None:
        """Note that a question failed: all share the wait. `wait`: seconds that another process, which asked, names."""
        with self._lock:
            self.counts.failed += wait is None
            if error.refused and error.environment in (None, self.environment):  # else it was renewed just now
                self.refusal = frames.error(error.sentence)
            begins = self.outage is None
            if self.outage is None:
                self.outage = Outage(error, self.clock, wait)
            else:
                self.outage.again(error, wait)
        self.backfills.spoil(error)  # before its loop takes the next question; the outage lets them ask again
        if begins:
            log.warning("%s", error.sentence)
        self._changed()

    def worked(self, *, elsewhere: bool = False) -> None:
        """Note that a question was answered; `elsewhere`: another process's, with credentials of its own."""
        with self._lock:
            self.counts.succeed(self.clock())
            if not elsewhere:
                self.counts.answered += 1
                self.refusal = None
            outage, self.outage = self.outage, None
        if outage is not None:
            log.warning("Environment %s answers again after %d failed polls.", self.environment.name, outage.tries)
            self._changed()

    def unreadable(self, error: Exception | None = None) -> GatewayError:
        """What a fault of ours is reported as to readers; with an error it is counted and logged."""
        if error is not None:
            self.supervisor.failed("question", self.environment.name, error)
        return GatewayError(f"Environment {self.environment.name} could not be read.")

    def begin(self) -> None:
        """Begin for a new feed: its readers get all notices anew."""
        self.notices.begin()
        self.forget_trouble()

    def forget_trouble(self) -> None:
        """Let new readers begin without earlier trouble, except for an outage whose wait is not over."""
        with self._lock:
            if self.outage is not None and (self.refusal is not None or self.outage.until <= self.clock()):
                self.outage = None
            self.refusal = None

    def _begin(self, run: Callable[[Loop], None]) -> None:
        self.supervisor.start("question", run, detail=self.environment.name)

    def _answer(self, backfill: Backfill, loop: Loop) -> Answer:
        generation = self.history.generation
        page = self.page(backfill.position, loop)
        if backfill.shared:
            self.history.saw(page.last, generation)
        return Answer(whole(page, self.environment.name), backfill.position)

    def _answered(self, backfill: Backfill, answer: Answer | None, error: GatewayError | None) -> None:
        """Note how a reader's or a call's question ended. A call's failure is its own, unless we must wait."""
        shared = backfill.shared or self.outage is not None
        if answer is not None:
            self._look_at_order(answer.page)
            self.answers.keep(self, answer)
            if shared:
                self.worked()
        elif isinstance(error, Unclear):  # platformOS answers; the reader or call asks again
            if shared:
                self.worked()
        elif error is not None and (backfill.shared or error.retry_after):
            self.failed(error)

    def _look_at_order(self, page: Page) -> None:
        if self.notices.look_at_order(page):
            self._changed()
