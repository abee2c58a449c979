"""Capacity: how many connections and streams a worker may hold, by its descriptors and threads."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from typing import Final

OWN_FILES: Final = 60  # descriptors for listeners, polls of platformOS and files, which are not clients'
SPARE_FILES: Final = 1000  # descriptors beyond one for each connection, where the system gives as many
UNLIMITED_FILES: Final = 1_000_000  # the number that is assumed where the system sets no limit
LEAST_CONNECTIONS: Final = 8
KEPT_THREADS: Final = 2  # for requests beside streams
LEAST_THREADS: Final = KEPT_THREADS + 1  # with fewer there is no room for a stream


@dataclass(frozen=True)
class Capacity:
    """What a worker may hold at once. Connections beyond it wait in the kernel's queue."""

    connections: int  # those that gunicorn counts
    streams: int  # 0 or more, fewer than connections or threads, so that requests are still answered


def capacity(
    connections: int, files: int, streams: int | None = None, *, threads: int | None = None, direct: bool = False
) -> Capacity:
    """The capacity nearest to the wished connections and streams (None: as many streams as there is room for).

    `files` is how many descriptors the process may have. `threads` is None where greenlets serve. `direct`: streams
    are not among the connections that gunicorn counts.
    """
    files -= OWN_FILES
    if threads is not None:  # gthread opens one more for a connection that has not asked yet
        files = max(files - threads, files // 2)
    connections = max(LEAST_CONNECTIONS, min(connections, files))
    room = connections if threads is None else min(connections, threads)
    reserve = min(200, max(4, room // 4)) if threads is None else min(16, max(KEPT_THREADS, room // 4))
    most = max(0, room - reserve)
    streams = most if streams is None else min(streams, most)
    if direct:
        connections = max(reserve, min(connections, files - streams))
    return Capacity(connections, streams)


def room(threads: int | None) -> int | None:
    """How many threads streams and calls may hold together, of `threads`; None where greenlets serve.

    Two are left for probes and refusals, one where there are fewer than eight.
    """
    return None if threads is None else max(0, threads - max(1, min(KEPT_THREADS, threads // 4)))


def files() -> int:
    """How many descriptors this process may have."""
    now = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return UNLIMITED_FILES if now == resource.RLIM_INFINITY else now


def raise_files(connections: int) -> None:
    """Raise the limit of descriptors to what `connections` need, as far as the system allows."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + SPARE_FILES
    wanted = max(now, needed) if most == resource.RLIM_INFINITY or most > needed else most
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
