"""The judge: what a reader was given against what was listed for it."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field

from tests.soak.ledger import Connection, Journal, Row
from tests.soak.readers import Manner

TAIL_SECONDS = 20.0  # a reader that asked for what comes from now on has begun after so long
OPENING_SECONDS = 1.0  # a connection stands so long after its answer began, on a loaded machine
PATIENCE_SECONDS = 8.0  # a late row has come so long after a row was delivered that was listed after it


@dataclass
class Verdict:
    """What was wrong with what one reader was given; ids each."""

    lost: list[int] = field(default_factory=list)
    doubled: list[int] = field(default_factory=list)
    disordered: list[int] = field(default_factory=list)
    invented: list[int] = field(default_factory=list)
    missed_away: list[int] = field(default_factory=list)  # late rows that became visible while it was away
    missed_above: list[int] = field(default_factory=list)  # of those, such that lie above where it resumed
    missed_below: list[int] = field(default_factory=list)  # late rows below the position that it first asked after
    began: float = 0.0  # seconds from asking to the listing of its first row, where it asked for what comes

    @property
    def good(self) -> bool:
        """Nothing is wrong; late rows that were missed while away are an open question."""
        return not (self.lost or self.doubled or self.disordered or self.invented)


Span = tuple[float, float]


def judge(manner: Manner, start_id: int | None, journal: Journal, rows: list[Row], blanks: list[Span]) -> Verdict:
    """Compare; `rows` are all that were listed, ascending, and `blanks` the times when answers held none of them."""
    verdict = Verdict()
    listed = {row.id: row for row in rows}
    wanted = [row for row in rows if row.matches(manner.filter)]
    given = list(journal.ids)
    verdict.doubled = sorted(number for number, count in Counter(given).items() if count > 1)
    wanted_ids = {row.id for row in wanted}
    verdict.invented = sorted(set(given) - wanted_ids)
    ordered = [number for number in given if not (manner.live and number in listed and listed[number].late)]
    high = 0
    for number in ordered:
        if number < high:
            verdict.disordered.append(number)
        high = max(high, number)
    had = set(given)
    verdict.disordered = sorted(set(verdict.disordered) - set(verdict.doubled))
    start, opened = _start(manner, start_id, journal, ordered, blanks)
    for row in wanted:
        if row.id in had:
            continue
        if not row.late:
            if row.id > start or (row.at > opened + TAIL_SECONDS):
                verdict.lost.append(row.id)
        elif manner.live:
            _late(row, start, journal, listed, verdict)
    first = next((number for number in ordered if number in listed), None)
    if "tail" in manner.input and manner.input["tail"] == 0 and first is not None:
        verdict.began = max(0.0, listed[first].at - opened)
    return verdict


def _start(
    manner: Manner, start_id: int | None, journal: Journal, ordered: list[int], blanks: list[Span]
) -> tuple[float, float]:
    """The position after which all is due, and when the reader asked for it.

    With a tail that is where its first row lies; without anything, what platformOS gave at first: all, or nothing.
    """
    without = [connection.opened for connection in journal.connections if connection.position in (None, start_id)]
    opened = max(without, default=float("inf"))
    if start_id is not None:
        return start_id, opened
    if "tail" not in manner.input and not any(start < opened + TAIL_SECONDS and opened < end for start, end in blanks):
        return 0, opened
    return (ordered[0] - 1 if ordered else float("inf")), opened


def _late(row: Row, start: float, journal: Journal, listed: dict[int, Row], verdict: Verdict) -> None:
    """A late row that did not come to a live reader: lost, or missed for a reason."""
    connections = journal.connections
    if not connections or row.at < connections[0].opened:
        if row.id > start:
            verdict.missed_above.append(row.id)
        return
    over = next((c for c in connections if c.head and c.head + OPENING_SECONDS < row.at < (c.ended or 0)), None)
    if over is not None and _had_time(row, over, journal, listed):
        below = row.id <= (start if over.position is None else over.position)
        if not below:
            verdict.lost.append(row.id)
            return
        if over is connections[0]:
            verdict.missed_below.append(row.id)
            return
    later = next((c for c in connections if c.opened > row.at), None)
    verdict.missed_away.append(row.id)
    if later is not None and later.position is not None and later.position < row.id:
        verdict.missed_above.append(row.id)


def _had_time(row: Row, connection: Connection, journal: Journal, listed: dict[int, Row]) -> bool:
    """Whether a row listed after this one was delivered in the connection, long before it ended."""
    first = bisect_right(journal.ats, connection.opened)
    for number, at in zip(journal.ids[first:], journal.ats[first:], strict=True):
        if at > (connection.ended or 0) - PATIENCE_SECONDS:
            return False
        other = listed.get(number)
        if other is not None and not other.late and other.at > row.at + 0.5:
            return True
    return False
