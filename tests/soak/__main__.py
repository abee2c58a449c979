"""`python -m tests.soak --seconds 60 --seed 7`: exit status 1 when anything was lost, doubled or disordered."""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

from tests.soak.driver import soak
from tests.soak.report import table

MOST_SECONDS = 4 * 3600  # what is listed and delivered is remembered until the end


def main() -> int:
    """Run one soak as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--kind", choices=("gevent", "gthread"), default="gevent")
    parser.add_argument("--log", type=Path, help="where to write the server's log")
    given = parser.parse_args()
    if not 1 <= given.seconds <= MOST_SECONDS:
        parser.error(f"--seconds must be 1 to {MOST_SECONDS}")
    print(f"seed {given.seed}, {given.kind}, {given.seconds:g} s", flush=True)
    outcome = soak(given.seconds, given.seed, given.kind, tell=lambda line: print(line, flush=True))
    print(table(outcome))
    if given.log:
        given.log.write_text(outcome.output)
    return 1 if outcome.troubles else 0


if __name__ == "__main__":
    sys.exit(main())
