"""A lone client: it stalls seven streams, resets them while its call is under way, and begins two far back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.storm.growth import Growth
from tests.storm.manners import Caller, Resting, Sudden
from tests.storm.side import Side
from tests.storm.stage import GUEST, Stage, stage
from tests.storm.tally import Tally
from tests.storm.visitor import Visitor
from tests.storm.witnesses import Witnesses

HISTORY = 10_000  # rows that are there before: one call may have them all
ROWS = 100  # a second
STALLS = 7
BEGIN_FAR = 2
STALL_S = (0.3, 1.2)  # until they have stalled
CALL_S = (0.0, 0.4)  # that the call is under way
PACE_S = 6.5  # between two rounds of ten requests: the default limits allow a hundred in a minute
DEFAULT: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Lone:
    """What is to happen; everything random is drawn from the seed."""

    kind: str = "gevent"
    direct: bool = True
    seed: int = 7
    seconds: float = 60.0
    pace: float = PACE_S
    limits: Mapping[str, Any] = field(default_factory=lambda: DEFAULT)

    def run(self) -> Tally:
        """Run it; returns its tally."""
        with stage("lone", self.kind, self.seed, direct=self.direct, size=1000, guest=self.limits) as place:
            for side in place.sides:
                side.add(HISTORY)
            witnesses = Witnesses(place, 2)
            witnesses.follow()
            with Growth(place.sides, ROWS, self.seconds, fails=False):
                rounds = _Rounds(place, self.pace)
                rounds.begin()
                place.loop.run(lambda: False, self.seconds)
                rounds.stop()
            witnesses.judge()
        return place.tally


class _Rounds:
    """One round after another, each begun `pace` seconds after the one before, or when that is over."""

    def __init__(self, place: Stage, pace: float) -> None:
        self._place = place
        self._pace = pace
        self._guest: Side = replace(place.sides[0], token=GUEST)
        self._stalled: list[Visitor] = []
        self._others: list[Visitor] = []
        self._due = False
        self._over = False

    def begin(self) -> None:
        """Begin a round, when the last one is over and it is time."""
        if not self._over and self._due is False:
            self._due = True
            self._others = []
            self._stalled = [self._place.visitor(Resting, self._guest, 0) for _ in range(STALLS)]
            self._place.loop.after(self._pace, self._next)
            self._place.loop.after(self._place.chance.uniform(*STALL_S), self._call)

    def stop(self) -> None:
        """Have all leave."""
        self._over = True
        for one in (*self._stalled, *self._others):
            one.leave(reset=True)

    def _next(self) -> None:
        if self._stalled or not all(one.gone for one in self._others):
            self._place.loop.after(0.05, self._next)
        else:
            self._due = False
            self.begin()

    def _call(self) -> None:
        if self._over:
            return
        if not all(isinstance(one, Resting) and one.has_begun for one in self._stalled):
            self._place.loop.after(0.05, self._call)
            return
        far = [self._place.visitor(Sudden, self._guest, self._far()) for _ in range(BEGIN_FAR)]
        self._others = [self._place.visitor(Caller, self._guest, 0), *far]
        self._place.loop.after(self._place.chance.uniform(*CALL_S), self._reset)

    def _reset(self) -> None:
        if self._over:
            return
        stalled, self._stalled = self._stalled, []
        for one in stalled:
            one.leave(reset=True)
        for one in self._others:
            one.go()

    def _far(self) -> int:
        return self._place.chance.randint(0, HISTORY // 2)
