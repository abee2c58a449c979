"""How quick something is: a machine that stands still makes one of several tries late, and hardly all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

TRIES: Final = 3
WAIT_S: Final = 10.0  # in which each try must have its end, however late


def quickest(attempt: Callable[[], float], promised: float, tries: int = TRIES) -> float:
    """The fewest seconds that `attempt` tells, which is done once more while it took the promised seconds or longer."""
    fewest = attempt()
    for _ in range(1, tries):
        if fewest < promised:
            break
        fewest = min(fewest, attempt())
    return fewest
