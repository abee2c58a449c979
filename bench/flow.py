"""The flow of rows in a run: they come to be, and are waited for at the readers."""

from __future__ import annotations

import time
from typing import Any

from bench.peers import fill
from bench.readers import Readers
from bench.scenarios import Case
from bench.scene import Scene
from bench.standin import push

Figures = dict[str, Any]
READY_SECONDS = 120.0  # most time that opening all streams may take
DRAIN_SECONDS = 15.0  # most time that rows may still arrive after the last came to be
LOOK_SECONDS = 0.5  # between two looks at what has arrived; three without news end a drain


def rows(scene: Scene) -> int:
    """Have rows come to be for as long as the case says; how many there are."""
    case, peer = scene.case, scene.peer
    if peer.polls:
        scene.standin.steady(case.rate, case.page)
        time.sleep(case.seconds)
        return scene.standin.idle()
    every, batch = (case.interval, True) if peer.push_every is None else (peer.push_every, False)
    path = fill(peer.push_path, scene.words)
    return push(scene.places, scene.port, path, rate=case.rate, every=every, batch=batch, seconds=case.seconds)


def drained(readers: Readers, total: int) -> Figures:
    """What the readers tell once each stream has all rows, or no more arrive."""
    # With gzip most streams are not inflated, so this ends by silence: the others may still get their bytes.
    told, still, end = readers.report(), 0, time.monotonic() + DRAIN_SECONDS
    while still < 3 and told["rows"] < total * told["open"] and time.monotonic() < end:
        time.sleep(LOOK_SECONDS)
        last, told = told["rows"], readers.report()
        still = still + 1 if told["rows"] == last else 0
    return told


def streams(told: Figures) -> Figures:
    """How many streams are open, and how many are not."""
    return {key: told[key] for key in ("open", "failed", "closed_early")}


def polls_per_interval(case: Case, polls: int, elapsed: float) -> float:
    """Questions in one interval and environment, of so many in so many seconds."""
    return round(polls * case.interval / 1000 / elapsed / case.environments, 3)
