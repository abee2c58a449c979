"""The judge: which rows a reader must have, and in which order."""

from __future__ import annotations

import itertools
import math
from collections import Counter

from tests.schedule.reader import Reader
from tests.schedule.upstream import Log, timestamp


def _expected(reader: Reader, log: Log) -> list[int]:
    wish = reader.wish
    rows = [row for row in log.rows if wish.filter is None or row.kind == wish.filter]
    return [row.serial for row in rows]


def missing(reader: Reader, log: Log) -> str:
    """The rows that a reader lacks; empty when it has all that it must have."""
    got = set(reader.serials)
    expected = _expected(reader, log)
    since = _since(reader, log)
    if lacks := [serial for serial in expected if serial not in got and serial >= since]:
        now = reader.now
        return (
            f"{reader.name} ({reader.wish}) lacks {len(lacks)} rows of {len(expected)}, first {lacks[:5]}; "
            f"connection {reader.connections}, last id {now and now.last_id} of {log.top}, "
            f"heartbeats {now and now.heartbeats}, told {now and now.told[-2:]}"
        )
    return ""


def _since(reader: Reader, log: Log) -> int:
    """The first serial number that a reader must have."""
    since = log.last_from if log.unclear else log.reset_at
    for falls, serial, had in reader.states[1:]:
        if falls and falls == log.resets and had < log.reset_at:
            # It came back with an id from before ids were reset: what was listed meanwhile it may lack.
            since = max(since, serial + 1)
    if reader.first.since is not None:
        first = next((row.serial for row in log.rows if timestamp(row.at) >= reader.first.since), since)
        since = max(since, min([first, *reader.serials[:1]]))
    elif reader.first.position is None:
        since = max(since, reader.serials[0] if reader.serials else log.last_from)
    elif reader.states[0][0] == log.resets:
        since = max(since, log.serial_after(reader.first.position))
    return since


def disorder(reader: Reader, log: Log) -> str:
    """What is wrong with the order of its rows; empty when nothing is."""
    got = reader.serials
    lives = {row.serial for row in log.rows}  # the others were lost as ids were reset
    if log.unclear:
        return ""
    who = f"{reader.name} ({reader.wish})"
    # What is new since ids were reset may come again once that is noticed, as docs/promises.md says.
    new = log.reset_first or math.inf
    if repeated := [serial for serial, count in Counter(got).items() if count > 1 and serial < new]:
        return f"{who} got rows twice: {repeated[:10]}"
    if wrong := set(got) & lives - set(_expected(reader, log)):
        return f"{who} got rows that its filter leaves out: {sorted(wrong)[:5]}"
    if reader.wish.live and log.lagging:
        return ""  # what a replica did not list yet as the reader came may be listed late
    listed = [serial for serial in got if serial in lives]
    # A reader of a tail that began between the two may have had some of what is new: then all of it comes, in order.
    last = reversed(dict.fromkeys(reversed(listed)))
    for before, after in itertools.pairwise(last if log.reset_first else dict.fromkeys(listed)):
        if after < before:
            return f"{who} got row {after} behind row {before}: {got[-30:]}"
    return ""
