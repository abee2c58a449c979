"""The story of a reader around the first row that went wrong: what was listed, taken away, asked and given then."""

from __future__ import annotations

from tests.soak.judge import Verdict
from tests.soak.ledger import Row
from tests.soak.readers import Subscriber

AROUND_SECONDS = 15.0
MOST = 12  # most connections in a story
GIVEN = 6  # entries before and after the row


def story(subscriber: Subscriber, verdict: Verdict) -> list[str]:
    """Lines for people, with seconds since the row was listed; none when nothing went wrong."""
    wrong = [*verdict.disordered, *verdict.doubled, *verdict.lost]
    listing, journal = subscriber.environment.listing, subscriber.journal
    rows = listing.rows()
    if not wrong or wrong[0] not in rows:
        return []
    row = rows[wrong[0]]
    fell = [f"{at - row.at:+.2f}" for at in listing.restores]
    told = [f"{at - row.at:+.2f}" for at in journal.told]
    lines = [f"{subscriber.manner}: {_row(row, row)}; restores at {fell}, told of them at {told}"]
    for one in [one for one in journal.connections if _is_near(row.at, one.opened, one.ended)][-MOST:]:
        had = [at for at in journal.ats if one.opened <= at <= (one.ended or float("inf"))]
        spans = {"asked": one.opened, "answered": one.head, "given": had[0] if had else None, "ended": one.ended}
        times = ", ".join(f"{word} {at - row.at:+.2f}" for word, at in spans.items() if at is not None)
        lines.append(
            f"  {times} ({one.how}): after {one.position} of {one.position_at - row.at:+.2f}, {len(had)} entries"
        )
    for index, serial in enumerate(journal.serials):
        if serial == row.serial:
            for near in range(max(0, index - GIVEN), min(len(journal.serials), index + GIVEN + 1)):
                at, other = journal.ats[near], rows.get(journal.serials[near])
                lines.append(f"  given {at - row.at:+.2f}: {_row(other, row) if other else 'no row'}")
    return lines


def _row(row: Row, since: Row) -> str:
    late = ", late" if row.late else ""
    again = "" if row.restore is None else f", its id given out again by the restore at {row.restore - since.at:+.2f}"
    return f"row {row.serial}, id {row.id}, listed {row.at - since.at:+.2f}{late}{again}"


def _is_near(at: float, opened: float, ended: float | None) -> bool:
    return opened < at + AROUND_SECONDS and (ended is None or ended > at - AROUND_SECONDS)
