"""The shared poll: one question at a time for all processes of a fleet, whose outcomes all take in, in one order."""

from __future__ import annotations

from collections.abc import Callable

from poslogs.streaming import arrivals
from poslogs.streaming.bus import Bus, Note, Reply, is_after
from poslogs.streaming.evidence import fits, has_all, high_after
from poslogs.streaming.joining import SOON_SECONDS, Joining
from poslogs.streaming.membership import Membership, State
from poslogs.streaming.outcome import Answered, Outcome, WasReset
from poslogs.streaming.packing import Failed, Packed, pack
from poslogs.streaming.sharing import Terms, Wish
from poslogs.streaming.uptake import Uptake


class Shared:
    """One poller's part in the shared poll. Only its poller calls it, so nothing here is locked."""

    def __init__(self, bus: Bus, clock: Callable[[], float]) -> None:
        self.membership = Membership(clock)
        self._bus = bus
        self._joining = Joining(self.membership, bus)
        self._claimed = False
        self._seen: Reply | None = None  # the last reply

    @property
    def loads(self) -> bool:
        """Whether where the window begins is not known yet."""
        return self.membership.state is State.LOADING

    def take_in(self, uptake: Uptake) -> bool:
        """Take in what other processes found; False when the poller must end."""
        return all(arrivals.take(published, self.membership, uptake) for published in self._bus.came())

    def claim(self, wish: Wish, uptake: Uptake) -> Terms:
        """Ask whether the next question may be asked. If so, no other process asks before `done`."""
        mine = self.membership
        joins = mine.state in (State.JOINING, State.AWAY)
        reply = self._bus.claim(
            mine.cursor,
            self._joining.high(wish),
            wish.interval,
            late=wish.linger if wish.late else None,
            whole=joins or (wish.late and uptake.lookback.learning),
            joins=joins,
        )
        if reply is None:
            self._joining.leave(uptake)
            mine.be(State.AWAY)
            return Terms(late=wish.late)
        self._claimed = reply.granted
        seen, self._seen = self._seen, reply
        if mine.state is State.AWAY:
            self._joining.leave(uptake)
        if mine.state is State.LOADING:
            return self._joining.load(reply, uptake)
        if mine.state is State.JOINING:
            terms = self._joining.join(reply, wish, uptake)
            if terms.wait > 0:
                self.done()
            return terms
        if self._joining.is_current(reply, seen, uptake):
            return Terms.of(reply)
        if mine.state is State.MEMBER:
            return Terms(wait=SOON_SECONDS)
        return self.claim(wish, uptake)

    def confirm(self, uptake: Uptake) -> bool:
        """See that the window has all that others have found; False where only a question of its own can tell."""
        mine = self.membership
        if mine.state is not State.MEMBER:
            return mine.state is State.LOADING
        mine.see(uptake)
        if mine.expects:  # it is on its way
            return True
        moment, reply = mine.clock(), self._bus.look()
        if reply is None or is_after(mine.cursor, reply.tip):
            return False
        uptake.rest_elsewhere(rests=reply.rests)
        mine.expect(reply.tip, moment, reply.answered)
        mine.see(uptake)
        return mine.expects or not uptake.doubts

    def publish(self, outcome: Outcome, uptake: Uptake, *, ends: bool, goes_on: bool) -> bool:
        """Let others have an outcome before it is taken in here; False: it comes too late, and counts nowhere."""
        mine = self.membership
        if not self._claimed or (mine.state is State.JOINING and not fits(outcome, uptake)):
            if isinstance(outcome, WasReset):
                mine.notice(outcome.found.position)
            if self._claimed:
                self.done()
                mine.alone, mine.cursor = True, ""
            return True  # for this process alone
        back = outcome.found.position if isinstance(outcome, WasReset) else mine.noticed
        syncs = has_all(outcome, uptake)
        failing = self._seen is not None and self._seen.failing
        essence = uptake.essence(outcome)
        matters = failing or syncs or back is not None or uptake.matters(essence)
        data = pack(Packed(essence, uptake.window.high, syncs)) if matters else b""
        rests = isinstance(outcome, Answered) and outcome.rests
        after = high_after(outcome, uptake.window.high)
        reply = self._bus.publish(mine.cursor, data, after, Note(ends, syncs, rests, goes_on, back))
        self._claimed = goes_on and reply is not None and reply.granted
        if reply is None:
            self._joining.leave(uptake)  # whether it counts is not known
            if isinstance(outcome, WasReset):
                mine.notice(outcome.found.position)
            return True
        if not reply.granted:
            if mine.state is State.JOINING:
                mine.cursor = ""
            return False
        mine.cursor, self._seen = reply.tip, reply
        if mine.state is State.JOINING:
            mine.be(State.MEMBER)
        return True

    def failed(self, sentence: str, wait: float, uptake: Uptake) -> None:
        """Let others know that a question failed, and that nobody asks for `wait` seconds."""
        if not self._claimed:
            return
        mine = self.membership
        data = pack(Packed(Failed(sentence, wait), uptake.window.high, syncs=False))
        reply = self._bus.failed(mine.cursor, data, wait)
        self._claimed = False
        if reply is None:
            self._joining.leave(uptake)
        elif mine.state is State.JOINING:
            mine.cursor = ""
        elif reply.granted:
            mine.cursor, self._seen = reply.tip, reply

    def goes_on(self) -> None:
        """Note that questions under this claim are still asked."""
        if self._claimed:
            self._bus.hold()

    def done(self) -> None:
        """Give the claim back, if there is one."""
        if self._claimed:
            self._claimed = False
            self._bus.done()

    def end(self) -> None:
        """The poller ends."""
        self.done()
        self._bus.end()
