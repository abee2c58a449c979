"""The shared poll: one question at a time for all processes of a fleet, whose outcomes all take in, in one order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from poslogs.streaming import arrivals
from poslogs.streaming.bus import Bus, Reply, is_after
from poslogs.streaming.evidence import fits, has_all, high_after
from poslogs.streaming.membership import Membership, State
from poslogs.streaming.outcome import Answered, Outcome
from poslogs.streaming.packing import Failed, Packed, pack
from poslogs.streaming.sharing import Terms, Wish
from poslogs.streaming.uptake import Uptake

JOIN_SECONDS: Final = 3.0  # beyond the interval, for an answer to join with; then the process asks for itself
COME_SECONDS: Final = 3.0  # for what was published to come; then the process goes on without it, and joins anew
SOON_SECONDS: Final = 0.25  # between two looks whether it has come, which wakes the poller anyway


class Shared:
    """One poller's part in the shared poll. Only its poller calls it, so nothing here is locked."""

    def __init__(self, bus: Bus, clock: Callable[[], float]) -> None:
        self.membership = Membership(clock)
        self._bus = bus
        self._behind = False  # an outcome is waited for
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
            wish.high,
            wish.interval,
            late=wish.linger if wish.late else None,
            whole=joins or (wish.late and uptake.lookback.learning),
            joins=joins,
        )
        if reply is None:
            self._join(uptake)
            mine.be(State.AWAY)
            return Terms(late=wish.late)
        self._claimed = reply.granted
        seen, self._seen = self._seen, reply
        if mine.state is State.AWAY:
            self._join(uptake)
        if mine.state is State.LOADING:
            return self._load(reply, uptake)
        if mine.state is State.JOINING:
            return self._try_to_join(reply, wish)
        if self._is_current(reply, seen, uptake):
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
        if not self._claimed:
            return True
        if mine.state is State.JOINING and not fits(outcome, uptake):
            self.done()
            mine.alone, mine.cursor = True, ""
            return True  # for this process alone
        syncs = has_all(outcome, uptake)
        failing = self._seen is not None and self._seen.failing
        essence = uptake.essence(outcome)
        matters = failing or syncs or uptake.matters(essence)
        data = pack(Packed(essence, uptake.window.high, syncs)) if matters else b""
        rests = isinstance(outcome, Answered) and outcome.rests
        after = high_after(outcome, uptake.window.high)
        reply = self._bus.publish(mine.cursor, data, after, ends=ends, syncs=syncs, rests=rests, goes_on=goes_on)
        self._claimed = goes_on and reply is not None and reply.granted
        if reply is None:
            self._join(uptake)  # whether it counts is not known
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
            self._join(uptake)
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

    def _join(self, uptake: Uptake) -> None:
        self.membership.join(uptake)
        self._behind = False

    def _follow(self, cursor: str) -> None:
        if not self.membership.follows:
            self.membership.follows = True
            self._bus.follow(cursor)

    def _load(self, reply: Reply, uptake: Uptake) -> Terms:
        mine = self.membership
        if reply.tip == mine.cursor:
            if not mine.cursor and reply.high is not None:
                uptake.begin(reply.high)
            if mine.cursor or reply.high is not None or reply.granted:
                mine.load(uptake)
            return Terms.of(reply)
        mine.goal = mine.goal or reply.tip
        self._follow("")
        if mine.has_waited(COME_SECONDS):
            self._join(uptake)
        return Terms(wait=SOON_SECONDS)

    def _is_current(self, reply: Reply, seen: Reply | None, uptake: Uptake) -> bool:
        """Whether a member has taken in all that there is; one that missed something joins anew."""
        mine = self.membership
        self._follow(mine.cursor)
        if reply.tip == mine.cursor:
            self._behind = False
            if seen is not None and reply.answered != seen.answered:
                if not reply.failing:  # else what was answered came before the failure that is known here
                    uptake.worked()
                uptake.rounds(max(0, reply.rounds - seen.rounds))
            uptake.rest_elsewhere(rests=reply.rests)
            return True
        if not self._behind:
            self._behind = True
            mine.wait()
        if not is_after(reply.tip, mine.cursor) or mine.has_waited(COME_SECONDS):  # else it is on its way
            self._join(uptake)
        return False

    def _try_to_join(self, reply: Reply, wish: Wish) -> Terms:
        mine = self.membership
        self._follow(reply.tip)
        if reply.granted:
            mine.cursor = reply.tip
            return Terms.of(reply)._replace(whole=True, since=reply.high)
        if mine.has_waited(wish.interval + JOIN_SECONDS) or mine.misses or (mine.alone and not wish.interval):
            mine.wait()
            mine.misses, mine.alone = False, True
            return Terms(late=wish.late)
        return Terms(wait=reply.wait)
