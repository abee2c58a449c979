"""Manners: what kinds of visitors there are, and when each leaves."""

from __future__ import annotations

import time

from tests.storm.loop import READ
from tests.storm.visitor import Visitor

STALLS_S = (0.2, 1.2)
FLEETS_S = (0.0, 0.05)
STAYS_S = (1.0, 3.0)
DAWDLES_S = (0.0, 0.05)
TOGETHER_S = 0.15  # leavers whose streams opened within this time leave at one moment
GUST_S = 0.25  # between two moments in which stallers leave and others begin; in between the server comes to rest


class Timed(Visitor):
    """Leaves at a random time, within a range of `seconds` after the first byte of its answer.

    So a busy server is not asked more than it can answer.
    """

    seconds = (0.0, 0.0)
    reset: bool | None = None

    def answered(self) -> None:
        self.loop.after(self.chance.uniform(*self.seconds), self.time_is_up)

    def time_is_up(self) -> None:
        """Leave now."""
        self.leave(reset=self.reset)


class Staller(Timed):
    """Never reads, and leaves by RST with others at one moment: the server waits for room until then."""

    kind = "staller"
    receive_buffer = 2048
    reads = False
    seconds = STALLS_S
    reset = True

    def time_is_up(self) -> None:
        self.loop.after(_until_next(GUST_S), super().time_is_up)


class Fleeting(Timed):
    """Asks in the moment in which others leave, and is gone as soon as the server has begun to answer."""

    kind = "fleeting"
    seconds = FLEETS_S
    waits = True

    def connected(self) -> None:
        self.loop.after(_until_next(GUST_S), self.go)


class Caller(Visitor):
    """Has a long answer made in one go, and reads it."""

    kind = "caller"
    asks = "call"
    answers = ("200", "503")  # while polls fail


class Leaver(Visitor):
    """Leaves just after its stream is open, with others at one moment: the next ones get their descriptors' numbers."""

    kind = "leaver"

    def opened(self) -> None:
        self.loop.after(_until_next(TOGETHER_S), self.leave)


class Resting(Visitor):
    """Stays until the test has it leave, and does not read."""

    kind = "resting"
    receive_buffer = 2048
    reads = False
    has_begun = False

    def answered(self) -> None:
        self.has_begun = True


class Stayer(Timed):
    """Reads for a while and then leaves: a stream that must not end before."""

    kind = "stayer"
    seconds = STAYS_S


class Sudden(Stayer):
    """A stayer whose request is complete at a chosen moment."""

    kind = "sudden"
    waits = True


class Dawdler(Visitor):
    """Reads a little now and then: the server never has room for long."""

    kind = "dawdler"
    receive_buffer = 4096
    takes = 1 << 15

    def ready(self) -> None:
        super().ready()
        if not self.gone and self.told_open:
            self.loop.watch(self.sock, 0, self)
            self.loop.after(self.chance.uniform(*DAWDLES_S), self._read_on)

    def _read_on(self) -> None:
        if not self.gone:
            self.loop.watch(self.sock, READ, self)


class Witness(Visitor):
    """Reads everything to the end of the storm."""

    kind = "witness"
    silence = 0.0  # seconds, the longest so far

    def ready(self) -> None:
        before = self.last_at
        super().ready()
        self.silence = max(self.silence, self.last_at - before)


def _until_next(seconds: float) -> float:
    return seconds - time.monotonic() % seconds
