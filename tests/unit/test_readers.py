"""What readers promise their feed: which are here, the shortest interval, and whether any wants late rows."""

from __future__ import annotations

from poslogs.streaming.readers import Readers
from tests.unit.doubles import LIVE, Follower


def test_the_shortest_interval_is_that_of_those_who_are_here() -> None:
    """Two of 3 s and one of 60 s come and go. To leave twice counts once."""
    readers = Readers(0.0)
    first, second, slow = Follower(interval=3.0), Follower(interval=3.0), Follower(interval=60.0, selection=LIVE)
    for reader in (first, second, slow, slow):
        readers.add(reader)
    assert (len(readers), readers.interval, readers.live) == (3, 3.0, 1)
    readers.discard(first, 1.0)
    readers.discard(first, 2.0)
    assert (len(readers), readers.interval, readers.left) == (2, 3.0, 1.0)
    readers.discard(second, 3.0)
    assert (list(readers), readers.interval) == ([slow], 60.0)
    readers.discard(slow, 4.0)
    assert (len(readers), readers.live, readers.left) == (0, 0, 4.0)
