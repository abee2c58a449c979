"""The stand of an environment's polls: how all stands, as Redis replies to each question of a poller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Stand(NamedTuple):
    """What its fields mean stands in `poslogs.streaming.bus.Reply`."""

    granted: bool
    wait: float
    tip: str
    high: int | None
    age: float | None
    late: bool
    whole: bool
    rests: bool
    failing: bool
    answered: int
    rounds: int
    who: str  # the process that asked last
    resets: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, reply: Sequence[Any]) -> Stand:
        """The reply of a script."""
        granted, wait, tip, high, age, late, whole, rests, failing, answered, rounds, who, resets = reply
        return cls(
            bool(granted), wait / 1000, tip.decode(), int(high) if high else None, age / 1000 if age >= 0 else None,
            bool(late), bool(whole), bool(rests), bool(failing), answered, rounds, who.decode(), _resets(resets),
        )  # fmt: skip


def _resets(text: bytes) -> tuple[tuple[str, int], ...]:
    return tuple((id_, int(back)) for id_, _, back in (each.partition(":") for each in text.decode().split()))
