"""Random faults and random readers for a while; exit status 1 when anything was lost, doubled, disordered or leaked."""

from __future__ import annotations

import argparse
import random
import signal
import sys
from pathlib import Path

from tests.soak.driver import soak
from tests.soak.report import table

MOST_SERVERS = 8
MOST_SECONDS = 4 * 3600  # what is listed and delivered is remembered until the end


def main() -> int:
    """Run one soak as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="how long faults go on (60); the end takes up to 4 min"
    )
    parser.add_argument("--seed", type=int, default=None, help="what chance begins with; one of its own when left out")
    parser.add_argument("--kind", choices=("gevent", "gthread"), default="gevent", help="gunicorn's worker (gevent)")
    parser.add_argument("--direct", choices=("on", "off"), default="on", help="POSLOGS_DIRECT (on)")
    parser.add_argument("--fleet", type=int, default=0, help="this many servers over one Redis, which has faults too")
    parser.add_argument("--log", type=Path, help="a file for the server's log")
    given = parser.parse_args()
    if given.seed is None:
        given.seed = random.SystemRandom().randrange(10**6)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server it has started ends too
    if not 1 <= given.seconds <= MOST_SECONDS:
        parser.error(f"--seconds must be 1 to {MOST_SECONDS}")
    if given.fleet and not 2 <= given.fleet <= MOST_SERVERS:
        parser.error(f"--fleet must be 2 to {MOST_SERVERS}")
    of = f", a fleet of {given.fleet}" if given.fleet else ""
    print(f"seed {given.seed}, {given.kind}, direct {given.direct}{of}, {given.seconds:g} s", flush=True)
    outcome = soak(
        given.seconds,
        given.seed,
        given.kind,
        given.direct,
        tell=lambda line: print(line, flush=True),
        fleet=given.fleet,
    )
    print(table(outcome))
    if given.log:
        given.log.write_text("\n".join(outcome.outputs))
    return 1 if outcome.troubles else 0


if __name__ == "__main__":
    sys.exit(main())
