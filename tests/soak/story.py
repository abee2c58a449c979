"""The story of a reader around the first row that it lost: what was listed, taken away and asked at that time."""

from __future__ import annotations

from tests.soak.judge import Verdict
from tests.soak.readers import Subscriber

AROUND_SECONDS = 15.0
MOST = 12  # connections that are told of


def story(subscriber: Subscriber, verdict: Verdict) -> list[str]:
    """Lines for people, with seconds since the row was listed; none when nothing was lost."""
    if not verdict.lost:
        return []
    listing, journal = subscriber.environment.listing, subscriber.journal
    row = listing.rows()[verdict.lost[0]]
    fell = [f"{at - row.at:+.2f}" for at in listing.restores]
    told = [f"{at - row.at:+.2f}" for at in journal.told]
    kind = "late, " if row.late else ""
    kind += "" if row.restore is None else f"its id given out again by the restore at {row.restore - row.at:+.2f} s, "
    lines = [f"row {row.serial}, id {row.id}, {kind}restores at {fell}, told of them at {told}"]
    near = [
        one
        for one in journal.connections
        if one.opened - row.at < AROUND_SECONDS and (one.ended is None or one.ended - row.at > -AROUND_SECONDS)
    ]
    for one in near[-MOST:]:
        spans = {"asked": one.opened, "answered": one.head, "ended": one.ended}
        times = ", ".join(f"{word} {at - row.at:+.2f}" for word, at in spans.items() if at is not None)
        had = [at for at in journal.ats if one.opened <= at <= (one.ended or float("inf"))]
        lines.append(
            f"  {times} ({one.how}): after {one.position} of {one.position_at - row.at:+.2f}, {len(had)} entries"
        )
    return lines
