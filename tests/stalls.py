"""Runs pytest while random processes of the run stand still: finds tests that hold on a quick machine only.

Each failure is a question: does the test ask for more than was promised, or was a promise broken? A promise in seconds
may be broken by a stall as long as that. Needs Linux.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

STALL_SECONDS: Final = (0.3, 1.2)


def descendants(pid: int) -> list[int]:
    """All processes below one, without itself."""
    found: list[int] = []
    ahead = [pid]
    while ahead:
        for listed in Path(f"/proc/{ahead.pop()}/task").glob("*/children"):
            with suppress(OSError):  # it has ended
                children = [int(child) for child in listed.read_text().split()]
                found += children
                ahead += children
    return found


def stall(pid: int, seconds: float) -> None:
    """Have a process stand still; harmless when it has ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)


def main() -> int:
    """Run pytest as the command line says; returns its status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.stalls", description=__doc__, epilog="All other arguments are pytest's."
    )
    parser.add_argument("--each", type=float, default=0.3, help="seconds from one stall to the next, on average (0.3)")
    parser.add_argument("--seed", type=int, default=None, help="what chance begins with; one of its own when left out")
    given, rest = parser.parse_known_args()
    if not 0.02 <= given.each <= 3600:
        parser.error("--each must be 0.02 to 3600")
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    print(
        f"seed {seed}: each {given.each:g} s a process stands still for {STALL_SECONDS[0]} to {STALL_SECONDS[1]} s",
        flush=True,
    )
    chance = random.Random(seed)
    stalls = list[threading.Thread]()
    run = subprocess.Popen([sys.executable, "-m", "pytest", *rest])
    try:
        while run.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                run.wait(chance.expovariate(1 / given.each))
            if run.returncode is None:
                one = chance.choice([run.pid, *descendants(run.pid)])
                stalls.append(threading.Thread(target=stall, args=(one, chance.uniform(*STALL_SECONDS))))
                stalls[-1].start()
    except KeyboardInterrupt:
        run.wait()
    for each in stalls:
        each.join()  # nobody is left standing
    print(f"{len(stalls)} stalls")
    return run.returncode


if __name__ == "__main__":
    sys.exit(main())
