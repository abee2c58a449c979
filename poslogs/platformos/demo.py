"""The simulated environments: rows of a small shop, computed from the clock."""

import time
from collections.abc import Callable, Container, Iterator
from datetime import UTC, datetime, timedelta

from poslogs.platformos import entries
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
    fail,
)
from poslogs.platformos.entries import Page
from poslogs.platformos.work import Turn, nobody

NAMES = ("staging", "production")
RETENTION_S = 3600  # rows older than this are gone
PAGE = 500  # rows in one answer at most

SLOT_MS = 12_000  # rows are made up slot by slot; an id is its row's moment in ms, so id // SLOT_MS is its slot
SPARE_MS = 100  # left free at the end of a slot, for rows whose moment was taken
GAP_MS = 700  # between two lines of one scene, at most
ALARM_SLOTS = 2  # an error and a warning in each two slots, so that any 60 s see both
OUTAGE_SLOTS = 20  # an outage in each 20 slots, about every 4 minutes
OUTAGE_ERRORS = (15, 30)
DAILY_SCENES = {"staging": 2, "production": 5}  # in a slot, besides errors, warnings and outages
ORDERS_PER_SLOT = 64

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DemoGateway:
    """Answers like a real environment's gateway, by its name and the clock alone.

    Two gateways of one name give the same row for the same id, in every process and on every machine. A row appears
    when the clock passes its moment, never later, and never changes.
    """

    def __init__(self, name: str, *, clock: Callable[[], float] = time.time, page: int = PAGE) -> None:
        """`name` is one of NAMES; `clock` gives seconds since 1970; `page` bounds the rows of one answer."""
        if name not in NAMES:
            raise ValueError(f"no demo environment is called {name!r}")
        self._name = name
        self._clock = clock
        self._page = page

    def after(self, last_id: int, known: Container[int] = (), turn: Turn = nobody) -> Page:
        """What a log of the last RETENTION_S seconds holds past `last_id`, without the rows `known`."""
        rows = self.rows(last_id)
        turn()
        return entries.read(rows, self._name, known, turn)

    def rows(self, last_id: int) -> list[object]:
        """The rows with an id above `last_id`, ascending: the oldest `page` of the last RETENTION_S seconds."""
        now = int(self._clock() * 1000)
        floor = max(last_id, now - RETENTION_S * 1000, 0)
        rows: list[object] = []
        for slot in range(floor // SLOT_MS, now // SLOT_MS + 1):
            rows += [_row(moment, line) for moment, line in _moments(self._name, slot) if floor < moment <= now]
            if len(rows) >= self._page:
                break
        return rows[: self._page]

    def close(self) -> None:
        """Do nothing: there is no connection."""


def _row(moment: int, line: Line) -> dict[str, object]:
    created_at = (EPOCH + timedelta(milliseconds=moment)).isoformat(timespec="milliseconds")
    row: dict[str, object] = {"id": moment, "created_at": created_at.replace("+00:00", "Z")}
    if line.error_type is not None:
        row["error_type"] = line.error_type
    row["message"] = line.message
    if line.data is not None:
        row["data"] = line.data
    return row


def _moments(name: str, slot: int) -> list[tuple[int, Line]]:
    """The lines of a slot in order, each with its own ms since 1970; none leaves the slot."""
    dice = Dice(name, "moments", slot)
    scenes = sorted(_scenes(name, slot), key=lambda _: dice.below(SLOT_MS))
    lines: dict[int, Line] = {}
    for turn, scene in enumerate(scenes):
        gap = min(GAP_MS, (SLOT_MS - SPARE_MS) // (len(scene) + 1))
        room = SLOT_MS - SPARE_MS - gap * len(scene)
        # each scene begins in its own part of the slot, so that no pause is long
        moment = slot * SLOT_MS + (turn * room + dice.below(room)) // len(scenes)
        for line in scene:
            moment += gap - dice.below(gap // 3)
            while moment in lines:
                moment += 1
            lines[moment] = line
    return sorted(lines.items(), key=lambda item: item[0])


def _scenes(name: str, slot: int) -> Iterator[list[Line]]:
    """What happens in a slot, each scene as its lines in order."""
    dice = Dice(name, "scenes", slot)
    casts = _casts(name, slot, dice)
    for _ in range(DAILY_SCENES[name]):
        yield dice.pick(DAILY)(next(casts))
    if _falls_on(slot, ALARM_SLOTS, name, "error"):
        yield dice.pick(ERRORS)(next(casts))
    if _falls_on(slot, ALARM_SLOTS, name, "warning"):
        yield dice.pick(WARNINGS)(next(casts))
    if _falls_on(slot, OUTAGE_SLOTS, name, "outage"):
        outage = dice.pick(OUTAGES)
        failures = [fail(outage, attempt, next(casts)) for attempt in range(dice.between(*OUTAGE_ERRORS))]
        yield [Line("warn", outage.omen), *failures, Line("info", outage.recovery)]


def _casts(name: str, slot: int, dice: Dice) -> Iterator[Cast]:
    """Casts for a slot's scenes; orders have seven digits, rise from slot to slot and start over after 19 days."""
    host = f"{name}.harbor-goods.example.com"
    first = 1_000_000 + slot * ORDERS_PER_SLOT % 9_000_000
    for order in range(first, first + ORDERS_PER_SLOT):
        yield Cast(host, order, dice.pick(EMAILS), dice.pick(PRODUCTS), dice)


def _falls_on(slot: int, every: int, *seed: str) -> bool:
    """Whether `slot` is the one among its `every` neighbours that the dice choose."""
    group, place = divmod(slot, every)
    return Dice(*seed, group).below(every) == place
