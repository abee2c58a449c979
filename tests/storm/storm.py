"""The storm: readers stall, flee and come back, and witnesses see what becomes of the others."""

from __future__ import annotations

from dataclasses import dataclass

from tests.storm.crowd import MOST, Crowd
from tests.storm.growth import Growth
from tests.storm.manners import Caller, Dawdler, Fleeting, Staller
from tests.storm.stage import Stage, stage
from tests.storm.tally import Tally
from tests.storm.visitor import Visitor
from tests.storm.witnesses import Witnesses

HISTORY = 2_000  # rows that are there before
WINDOW = 600  # rows that the server holds at least, and that are more than a connection takes unread


@dataclass(frozen=True)
class Storm:
    """What is to happen; everything random is drawn from the seed."""

    kind: str = "gevent"
    direct: bool = True
    seed: int = 7
    seconds: float = 10.0
    stallers: int = 60
    fleeting: int = 12
    callers: int = 1
    dawdlers: int = 8
    witnesses: int = 2  # on each side
    rows: float = 500  # a second on each side
    size: int = 1000  # bytes of a message

    def run(self) -> Tally:
        """Run the storm; returns its tally."""
        with stage("storm", self.kind, self.seed, direct=self.direct, size=self.size) as place:
            for side in place.sides:
                side.add(HISTORY)
            witnesses = Witnesses(place, self.witnesses)
            witnesses.follow()
            with Growth(place.sides, self.rows, self.seconds, fails=True):
                crowds = [
                    Crowd(self.stallers, MOST, lambda: _staller(place)),
                    Crowd(self.fleeting, MOST, lambda: _fleeting(place)),
                    Crowd(self.dawdlers, MOST, lambda: place.visitor(Dawdler, place.side, 0)),
                    Crowd(self.callers, MOST, lambda: place.visitor(Caller, place.side, 0)),
                ]
                place.loop.run(lambda: False, self.seconds)
                for crowd in crowds:
                    crowd.stop()
            witnesses.judge()
        return place.tally


def _fleeting(place: Stage) -> Visitor:
    side = place.side
    return place.visitor(Fleeting, side, place.anywhere(side))


def _staller(place: Stage) -> Visitor:
    """A staller that has everything to read, or only what the server sends at once, which stalls on any machine."""
    side = place.side
    return place.visitor(Staller, side, place.chance.choice((0, side.last - WINDOW)))
