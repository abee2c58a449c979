"""Play seeds, each an order of events of its own; exit status 1 when one of them fails."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from types import FrameType

from tests.schedule import patch
from tests.schedule.scheduler import Scheduler
from tests.schedule.turns import Held

MOST_SECONDS = 60  # real ones, for one seed; most take a tenth of one


def main() -> int:
    """Play as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.schedule", description=__doc__)
    parser.add_argument(
        "--seeds", default="0:100", help="first and one past the last, or some alone: 7 or 7,12 (0:100)"
    )
    parser.add_argument("--strict", action="store_true", help="no lock may be held where its holder may wait")
    parser.add_argument(
        "--without", default="", help="points that change no turn, such as set,clear,send: under gevent these do not"
    )
    parser.add_argument("--brief", action="store_true", help="one line for each failure, without its last turns")
    parser.add_argument("--turns", action="store_true", help="print the last turns of seeds that do not fail, too")
    parser.add_argument("--log", action="store_true", help="print what poslogs logs")
    parser.add_argument("--seconds", type=float, default=0.0, help="begin no further seed after so long; 0: no bound")
    parser.add_argument("--fleet", action="store_true", help="several processes that share the poll")
    parser.add_argument("--faults", help="of a fleet: some of kill,freeze,flush,away,slow,cut,reset,restart")
    given = parser.parse_args()
    first, colon, end = given.seeds.partition(":")
    seeds: Sequence[int] = range(int(first), int(end)) if colon else [int(each) for each in first.split(",")]
    patch.install()  # before poslogs is imported
    from tests.schedule import fleet, house, scenario

    signal.signal(signal.SIGALRM, _stuck)
    house.furnish()
    house.LOG.aloud = given.log
    gc.collect()
    gc.freeze()
    failed: list[int] = []
    held: dict[Held, int] = {}
    began, played = time.perf_counter(), 0
    for seed in seeds:
        if given.seconds and time.perf_counter() - began > given.seconds:
            break
        played += 1
        if given.log:
            print(f"seed {seed}:", flush=True)
        signal.alarm(MOST_SECONDS)
        if given.fleet:
            run = fleet.play(seed, None if given.faults is None else set(given.faults.split(",")) - {""})
        else:
            run = scenario.play(seed, strict=given.strict, without=given.without.split(","))
        for note, count in run.held.items():
            held[note] = held.get(note, 0) + count
        if run.failure is not None:
            failed.append(seed)
        if run.failure is not None or given.turns:
            _tell(seed, run, brief=given.brief)
    for note in sorted(held):
        print(f"held: acquired at {note.lock}, across {note.kind} at {note.where} ({held[note]} times)")
    seconds = time.perf_counter() - began
    print(f"{played} seeds, {len(failed)} failed: {failed}; {seconds:.1f} s, {played / seconds:.1f} seeds a second")
    return 1 if failed else 0


def _stuck(_number: int, frame: FrameType | None) -> None:
    """Something waits as no scheduler knows of, or goes round without a point."""
    print(f"a seed takes more than {MOST_SECONDS} s, and is here:", flush=True)
    traceback.print_stack(frame, file=sys.stdout)
    sys.stdout.flush()
    os._exit(1)


def _tell(seed: int, run: Scheduler, *, brief: bool) -> None:
    reason = str(run.failure or "all is well")
    print(f"seed {seed}: {reason.splitlines()[0][:300] if brief else reason}", flush=True)
    if brief:
        return
    print(f"  the last turns of {run.steps} steps:")
    for turn in run.turns:
        print(f"  {turn.number:6} {turn.now:10.4f} {turn.name:24} {turn.kind:8} {turn.where}")
    print(f"  again: python -m tests.schedule --seeds {seed}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
