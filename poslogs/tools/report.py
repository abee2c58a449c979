"""Reporting: what platformos.logs.report does."""

from __future__ import annotations

import time
from typing import Any

from poslogs.platformos.environments import Environment
from poslogs.streaming import report
from poslogs.streaming.backfill import Asker
from poslogs.streaming.frames import moment
from poslogs.streaming.report import Report
from poslogs.tools.inputs import Input
from poslogs.tools.schema import MINUTES
from poslogs.tools.selection import selection_of, start_of
from poslogs.tools.toolbox import Toolbox


def report_on(toolbox: Toolbox, environment: Environment, input_: Input, asker: Asker) -> dict[str, Any]:
    """What came after `lastId`, within the last `minutes`, and is selected, in numbers.

    Raises BadInput, Unavailable when platformOS gives nothing, and TokenRefused when it never will.
    """
    start, selection = start_of(input_, env=environment.name), selection_of(input_, late=False)
    minutes = input_.get("minutes", MINUTES[1] if start.position is None else None)
    since = "" if minutes is None else moment(time.time() - 60 * minutes)
    with toolbox.asking(environment, asker) as ask:
        found = report.read(ask, Report(environment.name, since, selection), start.position or 0)
    return found | {"truncated": found["truncated"] or toolbox.misses_rows(environment)}
