"""Promise 10: the soak has a fleet form: three processes and Redis amid random faults, nothing lost, nothing twice."""

from __future__ import annotations

import pytest

from tests.soak.driver import soak
from tests.soak.report import table

SEED = 7
SECONDS = 30.0


@pytest.mark.long
@pytest.mark.timeout(900)  # it may wait for readers that catch up on a busy machine
@pytest.mark.parametrize("kind", ["gevent", "gthread"])
def test_amid_random_faults_every_reader_of_a_fleet_gets_every_entry_once_in_order(kind: str) -> None:
    """Processes are killed and frozen, Redis dies, hangs and is flushed, platformOS fails, and readers roam."""
    told: list[str] = []
    outcome = soak(SECONDS, SEED, kind, tell=told.append, fleet=3)
    assert outcome.troubles == [], "\n".join([*told, table(outcome)])
    assert sum(count for name, count in outcome.faults.items() if name.startswith("Redis")) > 2
    assert outcome.faults.total() > 10
    assert all(subscriber.journal.serials for subscriber in outcome.subscribers), "a reader without any entry"
    assert outcome.asked_how_it_is > 10
