"""Manners: what kinds of visitors there are, and when each leaves."""

from __future__ import annotations

import time

from tests.storm.visitor import Visitor

STALLS_S = (0.2, 1.2)
FLEETS_S = (0.0, 0.05)
STAYS_S = (1.0, 3.0)
TOGETHER_S = 0.15  # those whose streams opened within so long leave at one moment


class Timed(Visitor):
    """Leaves after a time of its own, from and to so many seconds from the first byte of its answer on.

    So a busy server is not asked more than it can answer.
    """

    seconds = (0.0, 0.0)
    reset: bool | None = None

    def answered(self) -> None:
        self.loop.after(self.chance.uniform(*self.seconds), self.time_is_up)

    def time_is_up(self) -> None:
        """It leaves now."""
        self.leave(reset=self.reset)


class Staller(Timed):
    """Never reads, and leaves by RST: the server waits for room until it is told."""

    kind = "staller"
    receive_buffer = 2048
    reads = False
    seconds = STALLS_S
    reset = True


class Fleeting(Timed):
    """Is gone as soon as the server has begun to answer."""

    kind = "fleeting"
    seconds = FLEETS_S


class Caller(Visitor):
    """Has a long answer made in one go, and reads it."""

    kind = "caller"
    asks = "call"
    answers = ("200", "503")  # while polls fail


class Leaver(Visitor):
    """Leaves just after its stream is open, with others at one moment: the next ones get their descriptors' numbers."""

    kind = "leaver"

    def opened(self) -> None:
        self.loop.after(TOGETHER_S - time.monotonic() % TOGETHER_S, self.leave)


class Resting(Visitor):
    """Stays until it is told to leave, and does not read."""

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


class Witness(Visitor):
    """Reads everything to the end of the storm."""

    kind = "witness"
    silence = 0.0  # seconds, the longest so far

    def ready(self) -> None:
        before = self.last_at
        super().ready()
        self.silence = max(self.silence, self.last_at - before)
