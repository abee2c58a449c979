"""The feed: the one poller of an environment, however many streams follow it."""

from __future__ import annotations

import logging
import os
import threading
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterator
from contextlib import closing, contextmanager
from typing import Final, NamedTuple, Protocol

from poslogs.platformos import entries
from poslogs.platformos.answers import Rows
from poslogs.platformos.entries import Page
from poslogs.platformos.environments import Environment
from poslogs.platformos.gateway import Gateway, GatewayError, Unclear
from poslogs.streaming import frames, id_reset
from poslogs.streaming.answer import Answer, Answers
from poslogs.streaming.backfill import Asker, Backfill, Backfills, Wake
from poslogs.streaming.backward import Ask
from poslogs.streaming.frames import Chunk
from poslogs.streaming.lookback import Lookback
from poslogs.streaming.outage import Outage, waiting
from poslogs.streaming.pace import Pace
from poslogs.streaming.window import Batch, Publication, Selection, Window, batches, publications
from poslogs.supervisor import IDLE_SECONDS, STALL_SECONDS, SUPERVISOR, Loop, Supervisor

log = logging.getLogger("poslogs.feed")

LINGER_SECONDS: Final = 10.0  # the window stays for so long after the last reader, without polls: most come back
RETURN_SECONDS: Final = 0.25  # between two polls that readers cause by coming back
SHARED_START_SECONDS: Final = 10.0  # readers that begin within so long of a feed share its start
OWN_QUESTIONS: Final = 4  # of readers and callers of one environment, under way at once
ANSWER_BYTES: Final = 16 * 1024 * 1024  # of answers to them that are kept
UNCLEAR_TRIES: Final = 2  # answers that tell nothing, one after another, of which a reader that waits is told
UNCLEAR_SECONDS: Final = 10.0  # for which a call asks again after such an answer
CALL_SECONDS: Final = 60.0  # longest wait of a call for one answer, with the wait for its turn
HOLD_SECONDS: Final = 1.0  # longest wait for readers amid a backlog
LOOK_EVERY: Final = 3  # polls without anything new, of which one asks for the newest row again
GONE_SECONDS: Final = 60.0  # a log that holds nothing at all is believed for so long, then looked at again
CONFIRM_SECONDS: Final = 1.0  # after which ids must still look as if they had fallen back; a lagging replica's do not
READ_SECONDS: Final = 30.0  # for reading what came, however much, and giving it to the readers
TURN_READERS: Final = 500  # that are given a page in one go
TURN_BYTES: Final = 1024 * 1024  # of batches that are made in one go
MAX_TOLD: Final = 10_000  # refused rows that are remembered, so that each is told once


class Reader(Protocol):
    """What a feed needs to know of a stream."""

    interval: float  # seconds; how stale it may get
    selection: Selection
    wake: Wake
    number: int | None  # of the batch it took last; None while it is not attached

    def publish(self, publication: Publication) -> None:
        """The window has taken this in."""


class Attached(NamedTuple):
    """What a reader that was attached looks at before it follows."""

    inside: Batch | None  # the batch that its position lies in
    late: list[Batch]  # late rows that the window took in before, for readers that want such
    ahead: bool = False  # its position is past all that was seen here


class Feed:
    """Polls one environment while it has readers, and holds its window.

    The poller starts with the first reader that attaches, at that reader's position, rests while there is no
    reader, and ends after LINGER_SECONDS of rest; what it held is dropped then, since platformOS has it still.
    """

    def __init__(
        self,
        environment: Environment,
        open_gateway: Callable[[Environment], Gateway],
        *,
        window_bytes: int,
        lookback: float,
        answers: Answers | None = None,
        questions: int = OWN_QUESTIONS,
        patience: float = STALL_SECONDS,
        supervisor: Supervisor = SUPERVISOR,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`patience`: seconds that one question may take, at most, before its poller counts as stalled.

        `questions`: how many of readers and callers are under way at once; what answers them is kept in `answers`.
        """
        self.environment = environment
        self.outage: Outage | None = None
        self.refusal: Chunk | None = None  # platformOS refused the token: nothing more can come
        self.newest_first: Chunk | None = None  # answers come so: rows may be missing
        self.unclear: Chunk | None = None  # no answer has told anything yet: the beginning waits
        self.last_success = 0.0  # wall clock; 0 when there was none
        self.polls = 0  # questions that were answered, since the process began; the readers' own too
        self.failures = 0  # questions that were not
        self.entries = 0  # that the window took in
        self.left_out = 0  # rows that were no entries
        self._open_gateway = open_gateway
        self._window_bytes = window_bytes
        self._lookback_seconds = lookback
        self._patience = patience
        self._supervisor = supervisor
        self._clock = clock
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._readers: set[Reader] = set()
        self._intervals: Counter[float] = Counter()  # of the readers
        self._live = 0  # readers that want late rows
        self._left = clock()  # when the last reader left
        self._poller: object | None = None  # who polls; another takes its place once it is done
        self._pid = 0
        self._began = 0.0
        self._window = Window(window_bytes, 0, 0)
        self._lookback = Lookback(lookback, 0)
        self._holding = False
        self._told: set[str] = set()
        self._most_spare = questions
        self._callers = 0  # calls under way
        self._answers = Answers(ANSWER_BYTES) if answers is None else answers
        self._backfills = Backfills(questions, self._answer, self._answered, self._begin, self._failed_here)
        self.generation = 0  # how often ids have been reset
        self.last_reset: tuple[int, Chunk] | None = None  # where earlier readers go on, and their notice
        self._reset_from = 0  # the newest id that was seen before that
        self._top = 0  # the newest id that was seen since, by whoever asked; it outlives the window
        self.rounds = 0  # polls that found nothing new: the end of the log was reached
        self._quiet = 0  # answers without anything new, one after another
        self._gone = (0, 0.0)  # a position whose row is gone with all before it, as old rows go, and until when
        self._suspected: float | None = None  # since when it looks as if ids had been reset
        self._newest = ""  # the latest timestamp of an entry
        self._full = False  # the last look may have had no room for what is new
        self._spare: list[tuple[Environment, Gateway]] = []

    # What readers do

    def join(self, reader: Reader) -> None:
        """Count a reader in; from now on its interval sets the pace too."""
        with self._lock:
            if not self._readers and (self.refusal is not None or not self._alive()):
                self._forget_trouble()
            if reader not in self._readers:
                self._readers.add(reader)
                self._intervals[reader.interval] += 1
                self._live += reader.selection.late
        self._wake.set()

    def leave(self, reader: Reader) -> None:
        """Count a reader out; harmless when it has left already."""
        with self._lock:
            if reader in self._readers:
                self._readers.discard(reader)
                self._intervals[reader.interval] -= 1
                if not self._intervals[reader.interval]:
                    del self._intervals[reader.interval]
                self._live -= reader.selection.late
                self._left = self._clock()
            self._let_go()
        self._wake.set()

    def attach(self, reader: Reader, position: int, *, fresh: bool = False) -> Attached | None:
        """Let a reader follow from a position.

        None when the window does not reach back so far: the reader then asks by itself. A `fresh` reader has
        no position yet: it shares the start of a feed that began a moment ago, else it asks by itself too.
        """
        started: object | None = None
        with self._lock:
            if not self._alive():
                started = self._start(position)
            elif fresh and self._clock() - self._began > SHARED_START_SECONDS:
                return None
            try:
                number, inside = self._window.find(position)
            except LookupError:
                return None
            reader.number = number
            late = self._window.late_until(number) if reader.selection.late else []
            ahead = position > self._top
        if started is not None and not self._poll(started):
            reader.number = None
            return None  # it asks by itself, and waits as that waits
        self._wake.set()
        return Attached(inside, late, ahead)

    def take(self, reader: Reader) -> Batch | None:
        """The next batch for an attached reader, None while there is none.

        Raises LookupError when the window has left the reader behind; it is no longer attached then.
        """
        assert reader.number is not None
        with self._lock:
            try:
                batch = self._window.after(reader.number)
            except LookupError:
                reader.number = None
                raise
            if batch is None:
                if self._poller is None:
                    reader.number = None
                    raise LookupError
                return None
            reader.number = batch.number
            caught_up = self._holding and batch.number == self._window.number
        if caught_up:
            self._wake.set()
        return batch

    def behind(self, reader: Reader, position: int) -> bool:
        """Whether an attached reader has all that there is, and its position is still past that."""
        with self._lock:
            return reader.number == self._window.number and position > self._window.high

    def outdated(self, position: int) -> bool:
        """Whether a position was given out before ids were reset, as was noticed here, and is not reached again yet."""
        with self._lock:
            return self._alive() and self._fall_after(position) is not None

    def end(self, position: int) -> tuple[int, Chunk]:
        """What a reader continues from, and is told, whose position is past the end of the log.

        Where ids were reset to, if its position is from before that: all that came since is new to it. Else the end.
        """
        with self._lock:
            fall = self._fall_after(position)
            return (self._window.high if fall is None else fall), self._reset_notice()

    def _fall_after(self, position: int) -> int | None:
        """Where ids were reset to after a position was given out; None when they did not."""
        if self.last_reset is None or not self._top < position <= self._reset_from:
            return None
        return self.last_reset[0]

    def backfill(self, position: int, wake: Wake, client: str = "") -> Backfill | None:
        """A reader's own question, in its client's turn; readers that ask the same share it while it is asked.

        Who does not wait for the answer any more must `leave_backfill`. None while an outage lets nobody ask.
        """
        must = False
        with self._lock:
            if self.outage is not None and not self._backfills.knows(position):
                if not self.outage.claim():
                    return None
                must = True  # all wait for how it ends
        return self._backfills.add(position, position, client, wake, must=must)

    def leave_backfill(self, backfill: Backfill, wake: Wake, client: str = "") -> None:
        """A reader waits for this no more: it leaves the queue, unless others wait."""
        self._backfills.leave(backfill, client, wake)

    @contextmanager
    def asking(self, asker: Asker) -> Iterator[Ask]:
        """What a call asks by: its connections to platformOS are kept for its next question."""
        with self._lock:
            self._callers += 1
        try:
            yield lambda position: self.answer(position, asker)
        finally:
            with self._lock:
                self._callers -= 1
                spare: list[tuple[Environment, Gateway]] = []
                if not self._callers and self._poller is None:
                    spare, self._spare = self._spare, []
            for _, gateway in spare:
                gateway.close()

    def answer(self, position: int, asker: Asker) -> Answer:
        """The answer to a call's question, waited for; calls that ask the same share it while it is asked.

        Raises GatewayError: also while platformOS wants us to wait, after CALL_SECONDS, and once the asker has gone.
        """
        name = self.environment.name
        begun = self._clock()
        end = begun + CALL_SECONDS
        unclear = 0
        while True:
            outage = self.outage
            if outage is not None and (pause := outage.pause):
                raise GatewayError(outage.sentence, retry_after=pause)
            key = ("call", position)
            backfill = self._backfills.add(key, position, asker.client, asker.wake, shared=False)
            try:
                while not backfill.done:
                    left = end - self._clock()
                    if asker.gone:
                        raise GatewayError(f"The client of a call to environment {name} has gone.")
                    if left <= 0:
                        raise GatewayError(f"Environment {name} answers too slowly; try again later.")
                    asker.wake.wait(left)
                    asker.wake.clear()
            finally:
                self._backfills.leave(backfill, asker.client, asker.wake)
            if (error := backfill.error) is not None:
                if isinstance(error, Unclear) and self._clock() < begun + UNCLEAR_SECONDS:
                    self._pause(asker, min(waiting(unclear), begun + UNCLEAR_SECONDS - self._clock()))
                    unclear += 1
                    continue
                raise GatewayError(error.sentence, refused=error.refused, retry_after=error.retry_after)
            if (answer := backfill.answer) is not None:
                return answer

    def _pause(self, asker: Asker, seconds: float) -> None:
        """Let time pass for a call; less once its client has gone."""
        end = self._clock() + seconds
        while not asker.gone and (left := end - self._clock()) > 0:
            asker.wake.wait(left)
            asker.wake.clear()

    def tail(self, count: int, selection: Selection, end: int) -> int | None:
        """A position with at least `count` entries for a selection behind it; None when only platformOS can tell.

        `end` is the newest id that is listed: the window tells only if it reaches up to it.
        """
        with self._lock:
            whole = self._alive() and self._window.high == end
            return self._window.tail(count, selection) if whole else None

    @property
    def high(self) -> int:
        """The position up to which a running feed has asked; 0 when it does not run."""
        with self._lock:
            return self._window.high if self._alive() else 0

    @property
    def readers(self) -> int:
        """How many streams it has now."""
        return len(self._readers)

    def renew(self, environment: Environment) -> None:
        """Ask with these credentials from now on; that platformOS refused other ones says nothing of them."""
        if environment == self.environment:
            return
        with self._lock:
            self.environment = environment
            if self.refusal is not None:
                self._forget_trouble()

    def wake(self) -> None:
        """Wake every reader, so that it looks at its own end."""
        with self._lock:
            readers = list(self._readers)
        for reader in readers:
            reader.wake.set()

    # Backfills

    @contextmanager
    def _lent(self) -> Iterator[Gateway]:
        environment, gateway = self._borrow()
        try:
            yield gateway
        finally:
            with self._lock:
                keep = (self._poller is not None or self._callers > 0) and environment is self.environment
                keep = keep and len(self._spare) < self._most_spare
                if keep:  # for the next caller
                    self._spare.append((environment, gateway))
            if not keep:
                gateway.close()

    def failed(self, error: GatewayError) -> None:
        """A question was not answered, the poller's or a reader's own: all share the waiting."""
        with self._lock:
            self.failures += 1
            if error.refused:
                self.refusal = frames.error(error.sentence)
            begins = self.outage is None
            if self.outage is None:
                self.outage = Outage(error, self._clock)
            else:
                self.outage.again(error)
        self._backfills.spoil(error)  # by each that fails, before it takes the next; the outage lets them ask again
        if begins:
            log.warning("%s", error.sentence)
        self._wake.set()
        self.wake()

    def worked(self) -> None:
        """A question was answered."""
        self.last_success = time.time()
        with self._lock:
            self.polls += 1
            self.refusal = None
            outage, self.outage = self.outage, None
        if outage is not None:
            log.warning("Environment %s answers again after %d failed polls.", self.environment.name, outage.tries)
            self._wake.set()
            self.wake()

    def notice(self, page: Page) -> bytes:
        """An error frame for rows that are no entries; rows that every answer repeats are told once."""
        self._look_at_order(page)
        with self._lock:
            untold = [row for row in page.refused if row not in self._told]
            if not untold:
                return b""
            if len(self._told) + len(untold) > MAX_TOLD:
                self._told.clear()
            self._told.update(untold)
            count = len(untold) + page.more
            self.left_out += count
        reasons = ", ".join(sorted({reason.partition("|")[0] for reason in untold}))
        rows = "1 row was" if count == 1 else f"{count} rows were"
        return frames.error(f"{rows} left out of environment {self.environment.name}: {reasons}.").plain

    def _look_at_order(self, page: Page) -> None:
        """Have every reader told when answers come newest first: what one has no room for cannot be asked for."""
        if not page.newest_first or self.newest_first is not None:
            return
        name = self.environment.name
        self.newest_first = frames.error(
            f"Environment {name} answers newest first: when more rows come at once than one of its answers holds, "
            "the oldest of them are missing here."
        )
        log.warning("Environment %s answers newest first, so that rows may be missing.", name)
        self.wake()

    def _borrow(self) -> tuple[Environment, Gateway]:
        while True:
            with self._lock:
                current = self.environment
                environment, gateway = self._spare.pop() if self._spare else (current, None)
            if gateway is None:
                return current, self._open_gateway(current)
            if environment is current:
                return environment, gateway
            gateway.close()

    def _begin(self, run: Callable[[Loop], None]) -> None:
        self._supervisor.start("question", run, detail=self.environment.name)

    def _answer(self, backfill: Backfill, loop: Loop) -> Answer:
        loop.turn()
        loop.asks(self._patience)
        with self._lent() as gateway:
            rows = gateway.after(backfill.position)
        loop.turn(READ_SECONDS)
        return Answer.read(rows, self.environment.name, backfill.position)

    def _failed_here(self, error: Exception | None) -> GatewayError:
        if error is not None:
            self._supervisor.failed("question", self.environment.name, error)
        return self._unreadable()

    def _answered(self, backfill: Backfill, answer: Answer | None, error: GatewayError | None) -> None:
        """A question of a reader's or a caller's is over; callers' failures are their own, unless we are to wait."""
        if answer is not None:
            self._look_at_order(answer.page)
            self._answers.keep(self, answer)
            if backfill.shared:
                with self._lock:
                    self._top = max(self._top, answer.last)
            if backfill.shared or self.outage is not None:
                self.worked()
        elif isinstance(error, Unclear):  # platformOS answers; whoever asked asks again
            if backfill.shared or self.outage is not None:
                self.worked()
        elif error is not None and (backfill.shared or error.retry_after):
            self.failed(error)

    # The poller

    def _alive(self) -> bool:
        # A poller inherited over a fork is not ours, though under gevent it may go on (hosting.md, section 11).
        return self._poller is not None and self._pid == os.getpid()

    def _start(self, position: int) -> object:
        """Make ready for a poller, which `_poll` starts once the lock is given back."""
        self._reset(position)
        self._told.clear()
        self.newest_first = None
        self._began = self._clock()
        self._newest = ""
        self._quiet = 0
        self._forget_trouble()
        self._pid = os.getpid()
        self._poller = object()
        return self._poller

    def _poll(self, me: object) -> bool:
        name = self.environment.name
        try:
            self._supervisor.start("poller", lambda loop: self._run(me, loop), detail=name)
        except RuntimeError:  # no thread is to be had
            self._end(me)
            self.failed(self._unreadable())
            return False
        return True

    def _forget_trouble(self) -> None:
        # Of an earlier time; but a wait that is not over yet holds for whoever comes now.
        if self.outage is not None and (self.refusal is not None or self.outage.until <= self._clock()):
            self.outage = None
        self.refusal = None

    def _let_go(self) -> None:
        if self._poller is None and not self._readers and not self._window.empty:
            self._reset(0)

    def _reset(self, position: int) -> None:
        # A number never comes again, so readers of the window before find themselves left behind, and attach anew.
        self._window = Window(self._window_bytes, position, self._window.number + 1)
        self._lookback = Lookback(self._lookback_seconds, position)
        self._suspected = None
        self.unclear = None

    def _run(self, me: object, loop: Loop) -> None:
        with closing(_Asking(self._open_gateway, loop, self._patience)) as asking:
            self._ask_on(me, asking, loop)
        self._end(me)

    def _ask_on(self, me: object, asking: _Asking, loop: Loop) -> None:
        pace = Pace()
        asked: float | None = None
        at_once = False
        onward: int | None = None  # where a look goes on that one answer had no room for
        while self._wait(asked, at_once, loop):
            before, asked = asked, self._clock()
            with self._lock:
                window, lookback = self._window, self._lookback
            if onward is not None and onward < window.high:
                since, looks = onward, True
            else:
                since, looks = self._since(asked)
            amid_backlog, at_once, onward = at_once, False, None
            try:
                count, page, more = asking.page(self.environment, since, lookback.known if looks else ())
            except GatewayError as error:
                self.failed(error)
                if error.refused:
                    return  # whatever a reader that joined meanwhile has made of `refusal`: it begins anew
                continue
            except Exception as error:  # a fault of ours must not end a feed in silence
                self._fault(error, loop)
                continue
            self.worked()
            if self._poller is not me:
                return
            if window is not self._window:  # begun anew at an earlier position: this was asked for another one
                at_once = True
                continue
            high = window.high
            if not page.whole:
                self._is_unclear(page, window, asked, me)
                continue
            self.unclear = None
            full = lookback.answered(count)
            try:
                self._admit(page, window, lookback if looks else None, asked, me)
                if since < high and page.last < high:
                    if self._newest_is_gone(asking, page.last, window, me):
                        continue
                    if looks and page.last > since:
                        lookback.cut_short(count)
                        onward, at_once = page.last, True
                        continue
                elif since < high:
                    self._suspected = None
            except Exception as error:  # what was asked is asked again, after a while
                self._fault(error, loop)
                continue
            new = sum(entry.id > high for entry in page.entries)
            self._quiet = 0 if new else self._quiet + 1
            # An answer may be full without looking so: one of few rows, after longer ones or such that repeated rows.
            perhaps = self._quiet % LOOK_EVERY == 1
            self._full = looks and not new and (full or perhaps)
            self.rounds += not new and not self._full
            last = page.last
            del page  # not to be held while the next one comes
            if amid_backlog and self._full:
                at_once = True
            elif pace.behind(count, new, asked - before if before is not None else 0.0) or (more and last > since):
                at_once = True
                self._hold()

    def _is_unclear(self, page: Page, window: Window, asked: float, me: object) -> None:
        """An answer told neither that rows are there nor that none are: only why its rows are none is to be told."""
        self._quiet += 1
        self._admit(page, window, None, asked, me)
        if not window.high and self.unclear is None and self._quiet >= UNCLEAR_TRIES:
            self.unclear = frames.error(Unclear(self.environment.name, page).sentence)
            self.wake()

    def _wait(self, asked: float | None, at_once: bool, loop: Loop) -> bool:
        """Wait until the next question is due; False when there is nobody left to ask for."""
        rested = False  # whoever comes back after a rest is polled for at once, within bounds
        while True:
            loop.turn()
            self._wake.clear()
            with self._lock:
                now = self._clock()
                if self._pid != os.getpid():
                    return False
                if not self._readers:
                    rested = True
                    left = self._left + LINGER_SECONDS - now
                    if left <= 0:
                        self._poller = None
                        return False
                else:
                    interval = RETURN_SECONDS if rested else min(self._intervals)
                    left = (now if asked is None or at_once else asked + interval) - now
                    if self.outage is not None:
                        if self.outage.claim():
                            return True
                        left = self.outage.until - now
                    elif left <= 0:
                        return True
            while left > 0 and not self._wake.wait(min(left, IDLE_SECONDS)):
                left -= IDLE_SECONDS
                loop.turn()

    def _since(self, now: float) -> tuple[int, bool]:
        """The position to ask after, and whether that is a look for late rows."""
        with self._lock:
            high = self._window.high
            if not self._live:
                self._lookback.rest(now, high)
            elif self._full:
                return high, False
            elif (start := self._lookback.start()) < high:
                return start, True
            look = self._suspected is not None or self._quiet % LOOK_EVERY == LOOK_EVERY - 1
            look = look and high > 0 and (high != self._gone[0] or now > self._gone[1])
            return (high - 1 if look else high), False  # the newest row again: if it is gone, ids have been reset

    def _newest_is_gone(self, gateway: Gateway, last: int, window: Window, me: object) -> bool:
        """The newest row was not in an answer up to `last`: see whether ids have been reset, and begin anew if so.

        False when it is there after all.
        """
        high = window.high
        now = self._clock()
        if not last and high == self._gone[0] and now <= self._gone[1]:
            return True
        if self._suspected is not None and now < self._suspected + CONFIRM_SECONDS:
            return True
        name = self.environment.name
        try:
            found = id_reset.look(gateway, name, high, window.floor, self._newest, window.known)
        except Unclear:
            return True  # looked at again
        except GatewayError as error:
            self.failed(error)
            return True
        if found is None:
            self._suspected = None
            return False
        if found.position == high:
            self._suspected, self._gone = None, (high, now + GONE_SECONDS)
            return True
        if self._suspected is None:
            self._suspected = now
            return True
        fell = not window.empty  # else only a reader said that the log went so far: it alone is told
        with self._lock:
            if self._poller is not me or self._window is not window:
                return True
            seen = max(high, self._top)
            self._top = found.new[-1].id if found.new else found.position
            self._reset(found.position)
            self._lookback.learn(found.had)
            if fell:
                self._reset_from = seen
                self.last_reset = found.position, self._reset_notice()
                self.generation += 1
        if fell:
            log.warning("The ids of environment %s were reset from %d to %d.", name, high, found.position)
        self._admit(Page(found.new, [], 0), self._window, None, self._clock(), me)
        self.wake()
        return True

    def _reset_notice(self) -> Chunk:
        name = self.environment.name
        return frames.error(
            f"The ids of environment {name} were reset, as after a restored backup; "
            "the stream goes on with what is new."
        )

    def _fault(self, error: Exception, loop: Loop) -> None:
        loop.failed(error)
        self.failed(self._unreadable())

    def _unreadable(self) -> GatewayError:
        return GatewayError(f"Environment {self.environment.name} could not be read.")

    def _admit(self, answer: Page, window: Window, lookback: Lookback | None, now: float, me: object) -> None:
        """Take a poll's entries into the window and wake the readers; `lookback` is there when the poll was a look."""
        found = answer.entries
        split = bisect_right(found, window.high, key=lambda entry: entry.id)
        new = found[split:]
        late = lookback.late(found[:split]) if lookback is not None and answer.last else []
        if lookback is not None and answer.last >= window.high:
            lookback.looked(now)
        if new:
            self._newest = max(self._newest, *(entry.timestamp for entry in new))
        page = list(batches(late, window.number + 1, window.high, late=True))
        made = 0
        for batch in batches(new, window.number + 1 + len(page), window.high):
            page.append(batch)
            made += len(batch.data)
            if made > TURN_BYTES:
                made = 0
                time.sleep(0)  # other greenlets have their turn
        low = new[-1].id if new else window.high
        high = max(low, answer.last)  # past rows that are no entries, too
        notice = self.notice(answer)
        if notice or high > low:
            page.append(Batch(window.number + 1 + len(page), low, high, (), False, notice))
        if not page:
            return
        with self._lock:
            if self._poller is not me or window is not self._window:
                return
            window.admit(page)
            self._top = max(self._top, window.high)
            self.entries += len(late) + len(new)
            for seen in (late, new):
                self._lookback.saw(seen, now, looked=lookback is not None)
            readers = list(self._readers)
        for turn, publication in enumerate(publications(page)):
            if turn:
                time.sleep(0)  # what it is for the readers is made and packed meanwhile
            for count, reader in enumerate(readers, 1):
                made = publication.made
                try:
                    reader.publish(publication)  # which does not wait
                except Exception as error:  # of one reader; the others get theirs
                    self._supervisor.failed("stream", self.environment.name, error)
                if publication.made > made or not count % TURN_READERS:
                    time.sleep(0)  # both take a while; other greenlets have their turn

    def _hold(self) -> None:
        """Amid a backlog, let the quickest reader take what there is before more is asked for."""
        end = self._clock() + HOLD_SECONDS
        while True:
            self._wake.clear()
            with self._lock:
                newest = self._window.number
                attached = [r.number for r in self._readers if r.number is not None]
                left = end - self._clock()
                self._holding = bool(attached) and newest not in attached and left > 0
                if not self._holding:
                    return
            self._wake.wait(left)

    def _end(self, me: object) -> None:
        with self._lock:
            if self._poller is me:
                self._poller = None
            self._let_go()
            spare, self._spare = self._spare, []
        self._answers.forget(self)
        for _, gateway in spare:
            gateway.close()
        self.wake()


class _Asking:
    """The poller's own gateway, opened anew when the environment has; each question is a turn of the poller's loop."""

    def __init__(self, open_gateway: Callable[[Environment], Gateway], loop: Loop, patience: float) -> None:
        self._open_gateway = open_gateway
        self._loop = loop
        self._patience = patience
        self._environment: Environment | None = None
        self._gateway: Gateway | None = None

    def page(self, environment: Environment, since: int, known: Container[int]) -> tuple[int, Page, bool]:
        """How many rows came, what they hold, and whether there are more; the rows are gone. Raises GatewayError."""
        if self._gateway is None or environment is not self._environment:
            self.close()
            self._environment = environment
            self._gateway = self._open_gateway(environment)
        rows = self.after(since)
        return len(rows), entries.read(rows, environment.name, known), isinstance(rows, Rows) and rows.more

    def after(self, last_id: int) -> Collection[object]:
        """The rows past an id, as a gateway gives them."""
        assert self._gateway is not None
        self._loop.turn()
        self._loop.asks(self._patience)
        rows = self._gateway.after(last_id)
        self._loop.turn(READ_SECONDS)
        return rows

    def close(self) -> None:
        """Close the gateway, if there is one."""
        gateway, self._gateway = self._gateway, None
        if gateway is not None:
            gateway.close()
