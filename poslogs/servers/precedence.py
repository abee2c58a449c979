"""Precedence: which connections are closed first where there is hardly room for others, and which are not.

gunicorn's master imports this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from poslogs.servers.sockets import has_unread
from poslogs.servers.visit import READING, WAITING, Visit


def first_to_go(visits: Iterable[Visit], now: float, *, threads: bool = False) -> Iterator[tuple[Visit, float]]:
    """Those that may be cut, the first first, each with its `since` from before it was ranked. `now` is monotonic.

    `threads`: threads are short, not connections. A visit in another thread may go on at any time: it must be cut only
    if its `since` is still the same.
    """
    ranked = [
        (rank, since, visit)
        for visit, since in [(visit, visit.since) for visit in visits]
        if (rank := visit.rank(now, threads)) is not None
    ]
    return ((visit, since) for _, since, visit in sorted(ranked, key=lambda it: it[:2]) if not is_owed(visit))


def is_owed(visit: Visit) -> bool:
    """Whether it seems to wait for its client, and its client has sent what the server has not read yet."""
    return visit.state in (WAITING, READING) and has_unread(visit.socket())
