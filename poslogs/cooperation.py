"""Cooperation: greenlets change places only where one of them waits, so long work has to stop for the others."""

from __future__ import annotations

import time


def let_others_run() -> None:
    """Let every other greenlet that is ready run first, and other threads where they serve.

    Costs some microseconds when nobody else is ready. No lock may be held across it.
    """
    time.sleep(0)  # looked up at each call: gevent, and the scheduler of tests/schedule, put theirs in its place
