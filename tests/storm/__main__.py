"""One storm from the command line; exit status 1 when anything was wrong."""

from __future__ import annotations

import argparse
import random
import signal
import sys

from tests.storm.storm import Storm

MOST_SECONDS = 3600


def main() -> int:
    """Run one storm as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.storm", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long it goes on (30); the end takes more")
    parser.add_argument("--seed", type=int, default=None, help="what chance begins with; one of its own when left out")
    parser.add_argument("--kind", choices=("gevent", "gthread"), default="gevent", help="gunicorn's worker (gevent)")
    parser.add_argument("--direct", choices=("on", "off"), default="on", help="POSLOGS_DIRECT (on)")
    given = parser.parse_args()
    if not 1 <= given.seconds <= MOST_SECONDS:
        parser.error(f"--seconds must be 1 to {MOST_SECONDS}")
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server it has started ends too
    tally = Storm(given.kind, given.direct == "on", seed, given.seconds).run()
    print(tally)
    return 1 if tally.troubles else 0


if __name__ == "__main__":
    sys.exit(main())
