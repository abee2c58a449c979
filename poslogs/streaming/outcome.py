"""The outcome of a poll: all that a feed needs to know of it."""

from __future__ import annotations

from typing import NamedTuple

from poslogs.platformos.entries import Page
from poslogs.streaming.id_reset import IdReset


class Answered(NamedTuple):
    """An answer to the question for the rows after `since`."""

    page: Page
    since: int
    looks: bool = False  # the poll looked back for rows that became visible late
    rests: bool = False  # nobody wants such rows now
    whole: bool = False  # rows that were known are in it too
    began: int | None = None  # rows up to here that a first look finds were listed before anybody looked


class WasReset(NamedTuple):
    """Ids were reset."""

    found: IdReset


Outcome = Answered | WasReset
