"""The evidence in an answer that a process which joins others reads the same log, and what it must know of it."""

from __future__ import annotations

from poslogs.streaming.outcome import Answered, Outcome
from poslogs.streaming.uptake import Uptake


def fits(outcome: Outcome, uptake: Uptake) -> bool:
    """Whether an answer goes on from the window as it is, in the same log: the window's newest row is in it.

    Else rows between the two are not known, ids were reset, or a replica lags.
    """
    if not isinstance(outcome, Answered) or not outcome.page.whole:
        return False
    page, window = outcome.page, uptake.window
    if not outcome.since <= window.high <= max(page.last, outcome.since):
        return False
    newest = window.newest()
    if newest is None or newest[0] <= outcome.since:
        return True
    return any((entry.id, entry.json) == newest for entry in reversed(page.entries))


def suits(outcome: Outcome, uptake: Uptake) -> bool:
    """Whether a process can join with another's answer, which has all that is listed, as far as others look back."""
    if not isinstance(outcome, Answered) or not fits(outcome, uptake):
        return False
    lookback, cap = uptake.lookback, uptake.size.cap
    return not uptake.wants_late or (outcome.looks and lookback.finds_all(outcome.since, cap))


def contradicts(outcome: Outcome, uptake: Uptake) -> bool:
    """Whether a whole answer shows that the window is of another log: it lacks a row of the window, or has another.

    Rows that the window lacks show nothing: they are late, or came meanwhile.
    """
    if not isinstance(outcome, Answered) or not outcome.page.whole:
        return False
    listed = {entry.id: entry.json for entry in outcome.page.entries}
    since, last = outcome.since, outcome.page.last
    return any(since < number <= last and listed.get(number) != json for number, json in uptake.window.known().items())


def has_all(outcome: Outcome, uptake: Uptake) -> bool:
    """Whether an answer has all that is listed, as far as anybody looks back."""
    if not isinstance(outcome, Answered) or not outcome.whole or not outcome.page.whole:
        return False
    far = not outcome.looks or outcome.since <= uptake.lookback.settled
    return far and outcome.page.last >= uptake.window.high


def high_after(outcome: Outcome, high: int) -> int:
    """Where a window ends that has taken in an outcome, and ended at `high` before."""
    if isinstance(outcome, Answered):
        return max(high, outcome.page.last)
    return outcome.found.new[-1].id if outcome.found.new else outcome.found.position
