"""Fault 32: descriptors that are closed and used again at once; nobody is ended, or sent to, in place of another."""

from __future__ import annotations

import pytest

from tests.faults.test_31_storm import SERVERS, SOON
from tests.storm.identity import Identity

SEED = 7
FEW = 1_500  # on each server: an order that a machine happens to give; tests/schedule chooses it
MANY = 100_000


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kind", "direct"), SOON)
def test_a_stream_never_ends_because_another_left_whose_number_it_got(kind: str, direct: bool) -> None:
    """Many leave as soon as their stream is open, by FIN and RST, while others stay for seconds and see no end."""
    tally = Identity(kind, direct, SEED, seconds=400, connections=FEW).run()
    assert (tally.ended, tally.foreign) == (0, 0), f"\n{tally}"
    assert not tally.troubles, f"\n{tally}"
    assert tally.connections >= FEW, f"\n{tally}"


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("kind", "direct"), SERVERS)
def test_of_a_hundred_thousand_streams_none_is_taken_for_another(kind: str, direct: bool) -> None:
    """No healthy stream ends and no byte of another environment arrives."""
    tally = Identity(kind, direct, SEED, seconds=1800, connections=MANY).run()
    assert (tally.ended, tally.foreign) == (0, 0), f"\n{tally}"
    assert not tally.troubles, f"\n{tally}"
    assert tally.connections >= MANY, f"\n{tally}"
