"""How many examples each test tries: a share of FUZZ_EXAMPLES, which is the number for all of them together."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from tests.support.tries import IN_CI

# About ten seconds of one core in CI, four elsewhere; `make fuzz` asks for many more, and for others at each run.
DEFAULT_EXAMPLES = 2000 if IN_CI else 800


def share(part: float) -> settings:
    """The settings of a test that tries this part of all examples; the parts of all tests add up to 1."""
    asked = os.environ.get("FUZZ_EXAMPLES")
    return settings(
        max_examples=max(1, int(int(asked or DEFAULT_EXAMPLES) * part)),
        deadline=None,  # the machine may be busy
        derandomize=asked is None,  # the same examples at each `make test`
        database=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
