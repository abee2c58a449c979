"""The newest rows: whether a reader that asked for a number of them was given neither more nor fewer."""

from __future__ import annotations

from collections.abc import Sequence

from tests.soak.ledger import Listing

SLOW_SECONDS = 15.0  # a reader that waits longer may be given later ones: how long the server looks back is bounded
NOTED_SECONDS = 1.0  # how long before it is noted as listed a row may be given


def newest(given: Sequence[int], count: int, listing: Listing, asked: float, came: float) -> str:
    """What is wrong with where the rows given (serials, in order) begin; "" when nothing is, or when it is unknown.

    `asked`: when they were asked for, and `came`: when the first of them was there, monotonic. What was listed in
    between may be among the newest `count`, or not. The reader had no filter.
    """
    rows = listing.rows()
    had = [rows[serial] for serial in given[:count] if serial in rows]
    ordinary = [row for row in had if not row.late]
    if not ordinary or any(at < came and at > asked - NOTED_SECONDS for at in listing.restores):
        return ""
    first = ordinary[0]
    late = len([row for row in had if row.late])
    from_there = [row for row in rows.values() if row.id >= first.id]
    there = [row for row in from_there if row.serial not in listing.withdrawn]
    most = [row for row in there if row.at < asked - NOTED_SECONDS and not row.late]
    if len(most) > count:
        return f"begins with row {first.serial}, {len(most)} before the end of which {count} were asked for"
    least = [row for row in from_there if row.at < came + NOTED_SECONDS]
    if len(least) + late < count and first.id > min(row.id for row in rows.values()):
        return f"begins with row {first.serial}, only {len(least)} before the end of which {count} were asked for"
    return ""
