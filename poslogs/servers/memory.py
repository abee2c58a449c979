"""Memory, as glibc keeps it: by default it holds on to much of what a server needed once."""

from __future__ import annotations

import ctypes
from typing import Final

ARENAS: Final = 2
_M_ARENA_MAX: Final = -8  # malloc.h


def share_arenas() -> None:
    """Have all threads take memory from ARENAS arenas. By default there are eight a core, and none ever shrinks.

    Only arenas that are made from now on count. Does nothing where the C library has no such option.
    """
    try:
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, ARENAS)
    except (AttributeError, OSError, TypeError):
        pass


def give_back() -> None:
    """Give free memory back to the system; takes some milliseconds. Does nothing where the C library cannot.

    Without it glibc keeps the many pieces that one answer of 32 MiB took.
    """
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        pass
