"""Identity: streams that stay among others that leave as soon as they are open, so that descriptors change hands."""

from __future__ import annotations

from dataclasses import dataclass

from tests.storm.crowd import MOST, Crowd
from tests.storm.growth import Growth
from tests.storm.manners import Leaver, Stayer
from tests.storm.stage import Stage, stage
from tests.storm.tally import Tally
from tests.storm.visitor import Visitor
from tests.storm.witnesses import Witnesses

HISTORY = 2_000  # rows that are there before: more than a window of 1 MB holds
FAR = 0.1  # of those that leave begin far back, so that they have a question of their own
NEAR = 20  # rows that the others have still to get, at most


@dataclass(frozen=True)
class Identity:
    """What is to happen; everything random is drawn from the seed."""

    kind: str = "gevent"
    direct: bool = True
    seed: int = 7
    seconds: float = 60.0  # at most
    connections: int = 3_000  # of those that leave
    leavers: int = 40  # at once
    stayers: int = 60
    rows: float = 100  # a second on each side: each write to one that has left closes its descriptor too
    size: int = 1000  # bytes of a message

    def run(self) -> Tally:
        """Run the storm until enough visitors have left or time is up; returns its tally."""
        with stage("identity", self.kind, self.seed, direct=self.direct, size=self.size) as place:
            for side in place.sides:
                side.add(HISTORY)
            witnesses = Witnesses(place, 1)
            witnesses.follow()
            with Growth(place.sides, self.rows, self.seconds, fails=False):
                leavers = Crowd(self.leavers, self.connections, lambda: _visitor(place, Leaver))
                stayers = Crowd(self.stayers, MOST, lambda: _visitor(place, Stayer))
                place.loop.run(lambda: leavers.spent and not leavers.here, self.seconds)
                leavers.stop()
                stayers.stop()
            witnesses.judge()
        return place.tally


def _visitor(place: Stage, manner: type[Visitor]) -> Visitor:
    side = place.side
    far = manner is Leaver and place.chance.random() < FAR
    position = place.anywhere(side) if far else side.last - place.chance.randint(0, NEAR)
    return place.visitor(manner, side, position)
