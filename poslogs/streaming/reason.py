"""The reason why a stream is over, as the log names it."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a stream is over; what is noted first counts."""

    LEFT = "left"  # its reader has gone, or its connection broke
    STALLED = "stalled"  # its reader took nothing for too long
    CUT = "cut"  # its reader held too much of entries that are very large
    DURATION = "duration"  # its `maxDuration` is over
    DONE = "done"  # a call of an agent has what it asked for
    DRAINED = "drained"  # the server stops, and has told the reader to come back
    REFUSED = "refused"  # platformOS refuses the environment's token
    REVOKED = "revoked"  # the reader's token, or its environment, is no longer accepted here
    FAILED = "failed"  # a fault of poslogs, which the log has
