"""The judge: what a reader was given against what was listed for it."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.soak.ledger import Journal, Listing, Row
from tests.soak.manner import Manner
from tests.soak.source import NOTICE_SECONDS

TAIL_SECONDS = 60.0  # a reader of what comes from now on has begun by then, though its questions are answered oddly
OPENING_SECONDS = 1.0  # how long after its answer began a connection is ready, on a loaded machine
NEAR_ROWS = 2000  # the number of rows in which the entry that came with a position is looked for
PATIENCE_SECONDS = 8.0  # how long after the delivery of a row that was listed later a late row must have come


@dataclass
class Verdict:
    """What was wrong with what one reader was given, and what nobody promises; serials of rows each."""

    lost: list[int] = field(default_factory=list)
    doubled: list[int] = field(default_factory=list)
    disordered: list[int] = field(default_factory=list)
    invented: list[int] = field(default_factory=list)
    missed_late: list[int] = field(default_factory=list)  # late rows that became visible while it was away
    missed_withdrawn: list[int] = field(default_factory=list)  # a restore took them away before it had them
    missed_stale: list[int] = field(default_factory=list)  # new rows below a position from before a restore
    late_again: list[int] = field(default_factory=list)  # late rows that it was given again after it came back
    late: int = 0  # late rows that it was given
    began: float = 0.0  # seconds from asking to the listing of its first row, where it asked for what comes

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.doubled or self.disordered or self.invented)


def judge(
    manner: Manner,
    start_id: int | None,
    journal: Journal,
    listing: Listing,
    due: Callable[[Row], bool] = lambda _: True,
) -> Verdict:
    """Compare; `due` decides which rows a reader that has left may be asked for.

    Lossless: a reader has every row that passes its filter and was listed above the position where it began, once;
    ordinary rows in platformOS's order. Without a position and a tail it began before the first row, whatever the
    first answers were. All of it is derived from what was listed and what the reader asked, never
    from what the server says. These are not promised, for these reasons:

    - a late row (visible under an id lower than one that was visible before) to a `logs.stream`, which has but one
      cursor; to a `logs.live`, one that became visible while the reader was away, or so close to where a connection
      began (or reported that ids were reset) that no poll had looked before it: a position is an id, and does not say
      whether the ids below it were there. In between it is due, PATIENCE_SECONDS after rows that were listed later.
    - a row that a restore took away before a poll saw it: nobody has it any more.
    - a row under an id that was given out again, to a reader that comes back with a position above it which is from
      before the restore, or from before the server had noticed and reported it: to platformOS that position says that
      the row was had. A reader that stays connected gets it. The server must be able to notice: the soak takes away
      only what the window has held.
    - order, and once only, for what a reader is given between a restore and the report of it: until the server has
      noticed, what it holds from before and what it reads now are two logs under the same ids.
    - once only, for a late row that a reader was given right before it left: when the feed itself first sees that row
      in the first PATIENCE_SECONDS of the next connection, nothing shows that the reader has it.
    """
    verdict = Verdict()
    rows = listing.rows()
    given = list(journal.serials)
    had = set(given)
    sure = _given_in_one_log(journal, listing)
    twice = [serial for serial, count in Counter(sure).items() if count > 1]
    verdict.late_again = [s for s in twice if s in rows and rows[s].late and manner.live and _came_back(s, journal)]
    verdict.doubled = sorted(set(twice) - set(verdict.late_again))
    verdict.invented = sorted(s for s in had if s not in rows or not rows[s].matches(manner.filter))
    first = dict(zip(reversed(given), reversed(journal.ats), strict=True))
    ordered = [rows[s] for s in dict.fromkeys(given) if s in rows and not (manner.live and rows[s].late)]
    # A restore that is noticed has a stream read again, and then it is given late rows that it had not.
    again = {row.serial for row in ordered if row.late and listing.epoch(first[row.serial]) != listing.epoch(row.at)}
    once = set(sure) - again
    in_one_log = [rows[s] for s in dict.fromkeys(sure) if s in once and s in rows]
    verdict.disordered = _disordered([row for row in in_one_log if not (manner.live and row.late)], listing)
    verdict.late = sum(1 for s in had if s in rows and rows[s].late)
    start, opened, began = _start(manner, start_id, journal, ordered)
    returns = {again: _returns(again, journal, rows, listing) for again in {row.restore for row in rows.values()}}
    for row in rows.values():
        if row.serial in had or not row.matches(manner.filter) or not due(row):
            continue
        if row.late and not manner.live:
            continue
        if row.serial in listing.withdrawn:
            verdict.missed_withdrawn.append(row.serial)
        elif row.late:
            lost = _late_is_due(row, journal, rows, listing)
            (verdict.lost if lost else verdict.missed_late).append(row.serial)
        elif row.id <= returns[row.restore]:
            verdict.missed_stale.append(row.serial)
        elif row.id > start or row.at > opened + TAIL_SECONDS or (row.restore is not None and row.restore > began):
            verdict.lost.append(row.serial)
    if manner.input.get("tail") == 0 and ordered:
        verdict.began = max(0.0, ordered[0].at - opened)
    return verdict


def _given_in_one_log(journal: Journal, listing: Listing) -> list[int]:
    """What was given, except between a restore and the report of it (or the reader's leaving, if that came first)."""
    spans = [span for restore in listing.restores for span in _between(restore, journal)]
    return [
        serial
        for serial, at in zip(journal.serials, journal.ats, strict=True)
        if not any(begin <= at <= end for begin, end in spans)
    ]


def _between(restore: float, journal: Journal) -> list[tuple[float, float]]:
    """From when to when a reader may be given both logs; nothing where the report comes later than it must.

    Each process of a fleet may have to notice by itself, and reports then: the last report counts.
    """
    last = restore + NOTICE_SECONDS
    reports = [at for at in journal.told if at >= restore]
    if journal.roams:
        reports = [at for at in reports if at < last][-1:]
    told = reports[0] if reports else None
    if told is not None and told < last:
        return [(restore, told)]
    return [(restore, c.ended) for c in journal.connections if c.ended is not None and restore <= c.ended < last]


def _came_back(serial: int, journal: Journal) -> bool:
    """Whether a row was given twice only, the second time right after the reader had come back."""
    ats = [at for given, at in zip(journal.serials, journal.ats, strict=True) if given == serial]
    opened = max((c.opened for c in journal.connections if c.opened < ats[-1]), default=0.0)
    return len(ats) == 2 and ats[0] < opened and ats[1] < opened + PATIENCE_SECONDS


def _disordered(ordered: list[Row], listing: Listing) -> list[int]:
    """The rows that came after one of a higher id, or of a later restore."""
    found = []
    high = (0, 0)
    for row in ordered:
        place = listing.epoch(row.at), row.id
        if place < high:
            found.append(row.serial)
        high = max(high, place)
    return found


def _start(manner: Manner, start_id: int | None, journal: Journal, ordered: list[Row]) -> tuple[float, float, float]:
    """The position after which all is due, when the reader asked for it, and when that position was right.

    With a tail it is where its first row lies, and right when that row was listed: platformOS may have answered only
    after a restore, and what the restore brought back before that row was none of the newest then.
    """
    without = [connection.opened for connection in journal.connections if connection.position in (None, start_id)]
    opened = max(without, default=float("inf"))
    if start_id is not None:
        return start_id, opened, opened
    if "tail" not in manner.input:
        return 0, opened, opened
    return (ordered[0].id - 1, opened, max(opened, ordered[0].at)) if ordered else (float("inf"), opened, opened)


def _returns(again: float | None, journal: Journal, rows: dict[int, Row], listing: Listing) -> float:
    """The highest position from before a restore with which the reader came back after it; below all without one.

    Rows up to it, under ids that the restore gave out again, count as had, as far as platformOS can know.
    """
    return max(
        (
            c.position
            for c in journal.connections
            if again is not None
            and c.position is not None
            and c.opened > again
            and _is_of_before(c.position, c.position_at, again, journal, rows, listing)
        ),
        default=float("-inf"),
    )


def _is_of_before(
    position: int, at: float, again: float, journal: Journal, rows: dict[int, Row], listing: Listing
) -> bool:
    """Whether a position that a reader was given at a moment is one of the log from before a restore.

    The entry that came with it decides. If none did, since the filter kept it back, the time decides: the reader may
    have stalled, or the server may not have noticed yet, but only for NOTICE_SECONDS and until the reader's notice.
    """
    end = bisect_right(journal.ats, at)
    for index in reversed(range(max(0, end - NEAR_ROWS), end)):
        serial = journal.serials[index]
        other = rows.get(serial)
        if other is not None and other.id == position:
            return serial in listing.withdrawn and other.at < again
        if other is not None and other.at < again and other.id < position:
            break
    told = next((moment for moment in journal.told if moment >= again), again + NOTICE_SECONDS)
    return at < max(again + OPENING_SECONDS, min(told, again + NOTICE_SECONDS))


def _late_is_due(row: Row, journal: Journal, rows: dict[int, Row], listing: Listing) -> bool:
    """Whether a late row that did not come was revealed while this live reader was there, looked for, and had time."""
    over = next((c for c in journal.connections if c.head is not None and c.head < row.at < (c.ended or 0)), None)
    if over is None or over.head is None:
        return False
    epoch = listing.epoch(row.at)
    settled = max([over.head, *(told for told in journal.told if told < row.at)]) + OPENING_SECONDS
    looked = had_time = False
    for serial, at in zip(journal.serials, journal.ats, strict=True):
        other = rows.get(serial)
        if other is None or other.late or not over.opened < at < (over.ended or 0):
            continue
        looked = looked or (other.at > settled and at < row.at - PATIENCE_SECONDS)
        later = other.at > row.at + 0.5 and listing.epoch(other.at) == epoch
        had_time = had_time or (later and max(at, over.awake) < (over.ended or 0) - PATIENCE_SECONDS)
    return looked and had_time
