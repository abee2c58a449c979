"""Reporting: what platformos.logs.report does."""

from __future__ import annotations

import time
from typing import Any

from poslogs.platformos.environments import Environment
from poslogs.streaming import report
from poslogs.streaming.backfill import Asker
from poslogs.streaming.frames import moment
from poslogs.streaming.report import Report
from poslogs.streaming.stream import Start
from poslogs.tools import times
from poslogs.tools.inputs import Input
from poslogs.tools.schema import MINUTES
from poslogs.tools.selection import selection_of, start_of
from poslogs.tools.toolbox import Toolbox


def report_on(
    toolbox: Toolbox,
    environment: Environment,
    input_: Input,
    asker: Asker,
    start: Start | None = None,
    chars: int = report.MAX_CHARS,
) -> dict[str, Any]:
    """What came after `lastId`, since a time or within the last `minutes`, up to `until`, and is selected, in numbers.

    `start` is where the input begins in this environment, if that is not for the input alone to say. The report stays
    below so many `chars` as JSON. Raises BadInput,
    Unavailable when platformOS gives nothing, and TokenRefused when it never will.
    """
    start = start or start_of(input_, env=environment.name)
    selection, until = selection_of(input_, late=False), input_.get("until", "")
    minutes = input_.get("minutes")
    if minutes is None and start.position is None and start.since is None:
        minutes = MINUTES[1]
    since = "" if minutes is None else times.before(until or moment(time.time()), 60 * minutes)
    with toolbox.asking(environment, asker) as ask:
        counted = Report(environment.name, since, selection, chars)
        found = report.read(ask, counted, start.position or 0, since=start.since or "", until=until)
    return found | {"truncated": found["truncated"] or toolbox.misses_rows(environment)}
