"""The question of a poll: what to ask for next."""

from __future__ import annotations

from typing import NamedTuple

from poslogs.streaming.sharing import Terms
from poslogs.streaming.uptake import Uptake


class Question(NamedTuple):
    """What to ask for next: the rows after `since`; `looks` back for rows that became visible late.

    `rests`: nobody wants such rows now. `whole`: rows that are known count too, since others have to learn them.
    """

    since: int
    looks: bool = False
    rests: bool = False
    whole: bool = False

    @classmethod
    def next(cls, uptake: Uptake, terms: Terms, now: float, *, onward: int | None, full: bool) -> Question:
        """The next question on these terms.

        `onward`: where to continue a look that did not fit into one answer. `full`: the last look may have had no room
        for what is new.
        """
        high = uptake.window.high
        if onward is not None and onward < high:
            return cls(onward, looks=True, whole=terms.whole)
        if terms.late and full and not terms.whole:
            return cls(high)
        most = high if terms.since is None else min(high, terms.since)
        if terms.late and (start := min(most, uptake.lookback.start(uptake.size.cap))) < high:
            return cls(start, looks=True, whole=terms.whole)
        # The newest row is asked for again now and then: if it is gone, ids were reset.
        again = terms.whole or uptake.watch.due(high, uptake.quiet, now)
        return cls(max(0, min(most, high - 1)) if again else most, rests=not terms.late, whole=terms.whole)
