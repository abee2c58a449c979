"""An id: the number by which platformOS names a row, and readers a position."""

from __future__ import annotations

import re
from typing import Final

MAX_ID: Final = 2**63 - 1


def position(value: object) -> int | None:
    """The number of an id (1 to MAX_ID) or a position (from 0), as a number or digits; None for anything else."""
    if isinstance(value, str):
        return int(value) if _DIGITS.fullmatch(value) and int(value) <= MAX_ID else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value <= MAX_ID or value != int(value):
        return None
    return int(value)


_DIGITS: Final = re.compile(r"[0-9]{1,19}")
