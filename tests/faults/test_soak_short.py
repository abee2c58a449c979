"""The soak (tests/soak), for a few seconds and from one seed: `python -m tests.soak` runs it for as long as asked."""

from __future__ import annotations

import pytest

from tests.soak.driver import soak
from tests.soak.report import ends, table

SEED = 7
SECONDS = 8.0


@pytest.mark.slow
@pytest.mark.timeout(180)  # it may wait for readers that catch up on a busy machine
def test_amid_random_faults_every_reader_gets_every_entry_once_in_order() -> None:
    """No byte of another environment comes, though readers stall and vanish, and nothing is leaked."""
    told: list[str] = []
    outcome = soak(SECONDS, SEED, "gevent", tell=told.append)
    assert outcome.troubles == [], "\n".join([*told, table(outcome)])
    assert outcome.faults.total() > 3
    assert outcome.strangers.total() > 3
    assert all(subscriber.journal.serials for subscriber in outcome.subscribers), "a reader without any entry"
    assert sum(subscriber.never_read for subscriber in outcome.subscribers) > 3
    assert ends(outcome)["vanished"] > 3
    assert outcome.asked_how_it_is > 3
    assert sum(newcomers.count["readers with all there was"] for newcomers in outcome.newcomers) > 1
    assert all(environment.first.given for environment in outcome.environments)
