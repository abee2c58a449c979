"""Two kinds of run for fleets: processes that are servers of their own, and what Redis spends on each command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from bench.errors import RunFailed
from bench.flow import READY_SECONDS, Figures, drained, polls_per_interval, rows
from bench.machine import Sample
from bench.places import HERE
from bench.scene import Scene

TRIES = 3  # of a run in which the poll went to another process
COMMANDS_SECONDS = 300  # at most, for all commands


@dataclass(frozen=True, slots=True)
class _At:
    """What one server's streams have told, and the CPU seconds that it spent meanwhile."""

    told: Figures
    cpu: float


def apart(scene: Scene) -> Figures:
    """The case's streams at each server: latency and CPU a frame at the one that polls, and at the others.

    Without an engine all of them poll. Raises RunFailed if the poll did not stay at one process in any of TRIES tries.
    """
    case = scene.case
    seconds = TRIES * (case.seconds + case.settle + 20) + READY_SECONDS + 60
    with ExitStack() as stack:
        crowds = [
            stack.enter_context(scene.readers(case.streams, seconds, at_once=case.at_once, server=server))
            for server in scene.servers
        ]
        for readers in crowds:
            readers.ready(READY_SECONDS)
        for _ in range(TRIES):
            time.sleep(case.settle)
            polling = scene.polling()
            scene.standin.reset()
            for readers in crowds:
                readers.mark()
            before, began = scene.samples(), time.monotonic()
            total = rows(scene)
            told = [drained(readers, total) for readers in crowds]
            after, polls = scene.samples(), scene.standin.stats()["requests"]
            elapsed = time.monotonic() - began
            if polling and scene.polling() == polling:
                break
        else:
            raise RunFailed("The poll went from one process to another.")
    all_ = [_At(one, spent) for one, spent in zip(told, _spent(before, after), strict=True)]
    others = [at for number, at in enumerate(all_) if number not in polling]
    open_ = sum(at.told["open"] for at in all_)
    return {
        **{name: sum(at.told[name] for at in all_) for name in ("failed", "closed_early", "gaps", "repeats")},
        "open": open_,
        "rows": total,
        "complete": round(sum(at.told["rows"] for at in all_) / max(1, total * open_), 4),
        **_part("polling", [all_[number] for number in sorted(polling)]),
        **(_part("other", others) if others else {}),
        "polls_per_interval": polls_per_interval(case, polls, elapsed),
    }


def _spent(before: Sequence[Sample], after: Sequence[Sample]) -> list[float]:
    return [later.cpu - at.cpu for at, later in zip(before, after, strict=True)]


def _part(name: str, servers: Collection[_At]) -> Figures:
    """Figures of some servers: the latencies of the slowest, and CPU for the frames of all."""
    frames = sum(at.told["rows"] for at in servers)
    return {
        f"{name}_p50_ms": max(at.told["lat_from_page_ms"]["p50"] for at in servers),
        f"{name}_p99_ms": max(at.told["lat_from_page_ms"]["p99"] for at in servers),
        f"{name}_cpu_s_per_mframe": round(sum(at.cpu for at in servers) * 1e6 / max(1, frames), 4),
    }


def commands(scene: Scene) -> Figures:
    """Microseconds of Redis's CPU for each command of the shared poll, as commands.py gives them to it."""
    if scene.redis is None:
        raise RunFailed("A server without a Redis has no commands.")
    # -P: or the folder of that file would hide the package redis
    command = [sys.executable, "-P", str(HERE / "commands.py"), str(scene.redis.port), str(scene.case.rows)]
    env = {**os.environ, "PYTHONPATH": str(scene.places.project)}
    try:
        done = subprocess.run(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=COMMANDS_SECONDS,
        )
        figures: Figures = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        raise RunFailed(f"The commands could not be measured: {error}.") from error
    return figures
