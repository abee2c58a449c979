"""Capacity: how many connections and streams a worker may hold, by its descriptors and threads."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from typing import Final

OWN_FILES: Final = 60  # descriptors for what is not a client's: listeners, polls of platformOS, files that are read
SPARE_FILES: Final = 1000  # descriptors beyond one for each connection, where the system gives as many
LEAST_CONNECTIONS: Final = 8


@dataclass(frozen=True)
class Capacity:
    """What a worker may hold at once. Connections beyond it wait in the kernel's queue."""

    connections: int  # those that gunicorn counts
    streams: int  # fewer than connections or threads, so that requests are still answered


def capacity(connections: int, files: int, streams: int = 0, *, threads: int = 0, direct: bool = False) -> Capacity:
    """The capacity for so many wished connections and streams (0: as many as there is room for).

    `files` is how many descriptors the process may have. `threads` is 0 where greenlets serve. `direct`: gunicorn
    does not count the connections of streams.
    """
    files -= OWN_FILES
    if threads:  # gthread opens one more for a connection that has not asked yet
        files = max(files - threads, files // 2)
    connections = max(LEAST_CONNECTIONS, min(connections, files))
    room = min(connections, threads) if threads else connections
    reserve = min(16 if threads else 200, max(4, room // 4))
    streams = min(streams or room, room - reserve)
    if direct:
        connections = max(reserve, min(connections, files - streams))
    return Capacity(connections, streams)


def files() -> int:
    """How many descriptors this process may have."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def raise_files(connections: int) -> None:
    """Let this process have as many descriptors as it may ask for, and may need for so many connections."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + SPARE_FILES
    wanted = max(now, needed) if most == resource.RLIM_INFINITY or most > needed else most
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
