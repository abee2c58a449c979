"""The witnesses: those who read everything on all sides, and what must be true for them when a storm is over."""

from __future__ import annotations

import time
from collections.abc import Callable

from requests import RequestException

from tests.storm.manners import Witness
from tests.storm.stage import Stage
from tests.storm.visitor import Visitor

SILENT_S = 20.0  # without a byte, forty heartbeats: such a stream is dead
PATIENCE_S = 180.0  # for each step, however busy the machine is
MORE_ROWS = 5
MORE_BEATS = 2


class Witnesses:
    """Readers of everything, some on each side, from the first row on."""

    def __init__(self, stage: Stage, each: int) -> None:
        self._stage = stage
        self._lost: set[Visitor] = set()  # what these miss is in the tally already
        self._old = [stage.visitor(Witness, side, 0) for side in stage.sides for _ in range(each)]

    def follow(self) -> None:
        """Wait until each has begun. What is wrong is in the tally."""
        self._wait("has begun", self._old, lambda one: one.told_open)

    def judge(self) -> None:
        """See, after the storm, that all rows are there, streams go on, new ones begin, and the server answers."""
        stage = self._stage
        for one in self._old:
            stage.tally.silence = max(stage.tally.silence, one.silence, time.monotonic() - one.last_at)
        self._wait("has every row", self._old, lambda one: one.position == one.side.last)
        self._goes_on("an old stream", self._old)
        new = [stage.visitor(Witness, side, stage.anywhere(side)) for side in stage.sides]
        self._wait("(new) has begun", new, lambda one: one.told_open)
        self._wait("(new) has its backlog", new, lambda one: one.position == one.side.last)
        self._goes_on("a new stream", new)
        try:
            answered = stage.server.get("/livez", token=None, headers={"Connection": "close"})
            if answered.status_code != 200:
                stage.tally.wrong(f"/livez answered {answered.status_code}")
        except RequestException as error:
            stage.tally.wrong(f"/livez: {error}")
        for one in (*self._old, *new):
            one.leave(reset=False)

    def _goes_on(self, what: str, those: list[Visitor]) -> None:
        """See that heartbeats come while there is nothing else, and rows as soon as there are some."""
        beats = {one: one.beats for one in those}
        self._wait(f"({what}) has heartbeats", those, lambda one: one.beats >= beats[one] + MORE_BEATS)
        for side in self._stage.sides:
            side.add(MORE_ROWS)
        self._wait(f"({what}) has the new rows", those, lambda one: one.position == one.side.last)

    def _wait(self, what: str, those: list[Visitor], holds: Callable[[Visitor], bool]) -> None:
        """Wait until `holds` for each that is not gone or silent. One that missed something before does not count."""
        began = time.monotonic()
        those = [one for one in those if one not in self._lost]

        def over() -> bool:
            now = time.monotonic()
            return all(holds(one) or one.gone or now - max(one.last_at, began) > SILENT_S for one in those)

        self._stage.loop.run(over, PATIENCE_S)
        for one in those:
            if not holds(one):
                self._lost.add(one)
                left = one.side.last - one.position
                self._stage.tally.missing += left
                self._stage.tally.wrong(
                    f"{one}: never {what}; {left} rows are missing, "
                    + (f"ended by {one.ended or 'itself'}" if one.gone else f"silent for {_since(one.last_at)}")
                )


def _since(at: float) -> str:
    return f"{time.monotonic() - at:.1f} s"
