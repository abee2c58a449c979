"""Lifelike rows: what a shop writes into its log, the same each time they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Any

from poslogs.platformos.demo_texts import (
    DAILY,
    EMAILS,
    ERRORS,
    OUTAGES,
    PRODUCTS,
    WARNINGS,
    Cast,
    Dice,
    Line,
    Scene,
    fail,
)
from tests.support.rows import MISSING

HOST = "harbor-goods.example.com"
SCENES: tuple[Scene, ...] = (*DAILY * 3, *WARNINGS, *ERRORS)


def lines(seed: str, scenes: tuple[Scene, ...] = SCENES) -> Iterator[Line]:
    """Lines without end, as they follow from the seed."""
    dice = Dice(seed)
    order = 1_204_000
    while True:
        order += 1
        yield from dice.pick(scenes)(_cast(dice, order))


def outage(seed: str, errors: int) -> list[Line]:
    """What an outage of a payment gateway leaves in a log: an omen, errors, and no end yet."""
    dice = Dice(seed)
    return [Line("warn", OUTAGES[0].omen), *(fail(OUTAGES[0], n, _cast(dice, 1_204_500 + n)) for n in range(errors))]


def rows(told: Iterator[Line] | list[Line], count: int, begin: datetime, end: datetime) -> list[dict[str, Any]]:
    """The next `count` lines as rows, spread evenly from `begin` to `end`."""
    step = (end - begin) / max(1, count)
    return [_row(line, begin + step * n) for n, line in enumerate(islice(told, count))]


def quick_rows(count: int, seed: str, kinds: int = 2000) -> list[dict[str, Any]]:
    """`count` rows of now that repeat `kinds` different ones, so that many are made in a short time."""
    some = list(islice(lines(seed), kinds))
    now = datetime.now(UTC)
    made = [_row(line, now) for line in some]
    return list(islice(chain.from_iterable(made for _ in range(count // kinds + 1)), count))


def before(moment: datetime, **kw: float) -> datetime:
    """The moment that lies before another by `kw`, as for timedelta."""
    return moment - timedelta(**kw)


def _cast(dice: Dice, order: int) -> Cast:
    return Cast(HOST, order, dice.pick(EMAILS), dice.pick(PRODUCTS), dice)


def _row(line: Line, moment: datetime) -> dict[str, Any]:
    return {
        "created_at": moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z",
        "error_type": MISSING if line.error_type is None else line.error_type,
        "message": line.message,
        "data": MISSING if line.data is None else line.data,
    }
