"""The arrivals of outcomes that other processes have published, and what they change here."""

from __future__ import annotations

from poslogs.streaming.bus import Published, is_after
from poslogs.streaming.evidence import contradicts, suits
from poslogs.streaming.id_reset import IdReset
from poslogs.streaming.membership import Membership, State
from poslogs.streaming.outcome import Outcome, WasReset
from poslogs.streaming.packing import Failed, Packed, unpack
from poslogs.streaming.uptake import Uptake


def take(published: Published, membership: Membership, uptake: Uptake) -> bool:
    """Take in an outcome as far as it counts here; False when the poller must end.

    A member takes in each outcome after the one before it. One that lacks some, or whose window ends elsewhere, must
    join anew.
    """
    if membership.state is State.AWAY or (membership.cursor and not is_after(published.id, membership.cursor)):
        return True  # the latter is its own
    packed = unpack(published.data)
    if membership.state is State.JOINING:
        return _take_to_join(published, packed, membership, uptake)
    if membership.state is State.LOADING and not membership.cursor:
        if not _begin(packed, membership.back, uptake):
            return False
    elif published.before != membership.cursor or not _goes_on(packed, uptake):
        membership.join(uptake)
        return True
    if not _apply(packed.outcome, uptake, joins=False):
        return False
    membership.cursor = published.id
    membership.see(uptake)
    if membership.state is State.LOADING and membership.goal and not is_after(membership.goal, membership.cursor):
        return membership.loaded(uptake)
    return True


def _begin(packed: Packed, back: int | None, uptake: Uptake) -> bool:
    """Begin where the publisher's window ended, and with `back` where ids were reset to; False: the poller must end."""
    if back is not None:
        if isinstance(packed.outcome, WasReset):
            return True  # it begins a window by itself
        if not uptake.take_from(WasReset(IdReset(back, [])), joins=True):
            return False
    return uptake.begin(packed.low)


def _goes_on(packed: Packed, uptake: Uptake) -> bool:
    return isinstance(packed.outcome, Failed) or packed.low == uptake.window.high


def _take_to_join(published: Published, packed: Packed, membership: Membership, uptake: Uptake) -> bool:
    outcome = packed.outcome
    if isinstance(outcome, Failed):
        return _apply(outcome, uptake, joins=True)
    if not packed.syncs:
        return True
    if not suits(outcome, uptake):
        membership.misses = True
        membership.outdated = membership.outdated or contradicts(outcome, uptake)
        return True
    if not _apply(outcome, uptake, joins=True):
        return False
    membership.cursor = published.id
    membership.be(State.MEMBER)
    return True


def _apply(outcome: Outcome | Failed, uptake: Uptake, *, joins: bool) -> bool:
    if isinstance(outcome, Failed):
        uptake.failed(outcome.sentence, outcome.wait)
        return True
    uptake.worked()
    return uptake.take_from(outcome, joins=joins)
