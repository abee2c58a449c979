"""Fault 31: a storm of readers that stall, leave and come back; streams of all others go on, and new ones begin."""

from __future__ import annotations

import pytest

from tests.storm.lone import Lone
from tests.storm.storm import Storm

SERVERS = [
    pytest.param("gevent", True, id="gevent"),
    pytest.param("gevent", False, id="gevent, direct off"),
    pytest.param("gthread", True, id="gthread"),
]
SOON = [SERVERS[0], SERVERS[2]]  # what make test has time for; the long tests have all
SEED = 7
NO_RATE = {"requests": "1000000 per minute"}


@pytest.mark.slow
@pytest.mark.timeout(600)  # what was missed meanwhile is caught up with, however busy the machine is
@pytest.mark.parametrize(("kind", "direct"), SOON)
def test_a_storm_of_readers_that_stall_and_vanish_harms_no_other_stream(kind: str, direct: bool) -> None:
    """Witnesses, old and new, of two clients get every entry of their own environment, heartbeats, and no end."""
    tally = Storm(kind, direct, SEED, seconds=8).run()
    assert not tally.troubles, f"\n{tally}"
    assert tally.opened["staller"] > 60, f"\n{tally}"


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("kind", "direct"), SERVERS)
def test_a_storm_of_a_minute_harms_no_other_stream(kind: str, direct: bool, seed: int) -> None:
    """The same storm lasts for a minute."""
    tally = Storm(kind, direct, seed, seconds=60).run()
    assert not tally.troubles, f"\n{tally}"
    assert tally.opened["staller"] > 60, f"\n{tally}"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kind", "direct"), SERVERS[:1])  # the others have no stream that two could drive
def test_a_client_that_resets_its_stalled_streams_amid_a_call_harms_no_other(kind: str, direct: bool) -> None:
    """Seven streams stall and are reset amid a call, and two begin far back: all that one client may have."""
    tally = Lone(kind, direct, SEED, seconds=12, pace=0, limits=NO_RATE).run()
    assert not tally.troubles, f"\n{tally}"
    assert tally.opened["sudden"] >= 2, f"\n{tally}"


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("kind", "direct"), SERVERS)
def test_a_client_within_its_default_limits_harms_no_other(kind: str, direct: bool, seed: int) -> None:
    """The same client keeps to the default rates for a minute and a half."""
    tally = Lone(kind, direct, seed, seconds=90).run()
    assert not tally.troubles, f"\n{tally}"
    assert tally.opened["sudden"] >= 2, f"\n{tally}"
