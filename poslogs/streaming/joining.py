"""Joining: how the poller of one process comes to have what other processes have found."""

from __future__ import annotations

from typing import Final

from poslogs.platformos.entries import MAX_ID
from poslogs.streaming.bus import Bus, Reply, is_after
from poslogs.streaming.membership import Membership
from poslogs.streaming.sharing import Terms, Wish
from poslogs.streaming.uptake import Uptake

JOIN_SECONDS: Final = 3.0  # beyond the interval, for an answer to join with; then the process asks for itself
COME_SECONDS: Final = 3.0  # for what was published to come; then the process goes on without it, and joins anew
SOON_SECONDS: Final = 0.25  # between two looks whether it has come, which wakes the poller anyway


class Joining:
    """One poller's. Only its poller calls it."""

    def __init__(self, membership: Membership, bus: Bus) -> None:
        self._membership = membership
        self._bus = bus
        self._behind = False  # an outcome is waited for

    def leave(self, uptake: Uptake) -> None:
        """It is unknown from now on what others have found."""
        self._membership.join(uptake)
        self._behind = False

    def high(self, wish: Wish) -> int:
        """Where its window ends, as far as others heed it: they do not where they have not seen that ids were reset."""
        return MAX_ID if self._membership.forces else wish.high

    def load(self, reply: Reply, uptake: Uptake) -> Terms:
        """Wait until what there is has been taken in."""
        mine = self._membership
        if reply.tip == mine.cursor:
            if not mine.cursor and reply.high is not None:
                uptake.begin(reply.high)
            if mine.cursor or reply.high is not None or reply.granted:
                mine.loaded(uptake)
            return Terms.of(reply)
        mine.goal = mine.goal or reply.tip
        self._follow("")
        if mine.has_waited(COME_SECONDS):
            self.leave(uptake)
        return Terms(wait=SOON_SECONDS)

    def is_current(self, reply: Reply, seen: Reply | None, uptake: Uptake) -> bool:
        """Whether a member has taken in all that there is; one that missed something joins anew."""
        mine = self._membership
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
            self.leave(uptake)
        return False

    def join(self, reply: Reply, wish: Wish, uptake: Uptake) -> Terms:
        """Wait for an answer of others with which to become a member, or for the right to ask for one."""
        mine = self._membership
        told = mine.missed(reply, uptake.window.high)
        if missed := [each for each in told if not uptake.knows_reset(each[1])]:
            if mine.noticed is None and mine.outdated:  # else its window may be of the log since then
                return self._load_again(missed, reply.tip, uptake)
            if mine.noticed is not None:
                mine.noticed, mine.forces, mine.left = None, False, missed[-1][0]  # the same ones
        elif told:
            mine.noticed, mine.forces = None, False
        elif mine.noticed is not None and mine.left:
            mine.forces = True
        self._follow(reply.tip)
        if reply.granted:
            mine.cursor = reply.tip
            return Terms.of(reply)._replace(whole=True, since=reply.high)
        if mine.has_waited(wish.interval + JOIN_SECONDS) or mine.misses or (mine.alone and not wish.interval):
            mine.wait()
            mine.misses, mine.alone = False, True
            return Terms(late=wish.late)
        return Terms(wait=reply.wait)

    def _load_again(self, missed: list[tuple[str, int]], tip: str, uptake: Uptake) -> Terms:
        """Have what was published since ids were reset come, which this process missed."""
        self._membership.load_again(min(back for _, back in missed), tip, uptake)
        self._bus.follow(_just_before(missed[0][0]))
        return Terms(wait=SOON_SECONDS)

    def _follow(self, cursor: str) -> None:
        if not self._membership.follows:
            self._membership.follows = True
            self._bus.follow(cursor)


def _just_before(id_: str) -> str:
    """An id after which an outcome is the first to come."""
    moment, _, number = id_.partition("-")
    return f"{moment}-{int(number) - 1}" if int(number) else f"{int(moment) - 1}-{(1 << 64) - 1}"
