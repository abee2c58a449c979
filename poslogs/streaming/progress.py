"""The progress of an environment's polls: counts that only grow."""

from __future__ import annotations


class Progress:
    """What the polls of a feed have brought, those of other processes among them. Its poller alone counts."""

    __slots__ = ("ends", "entries", "rounds")

    def __init__(self) -> None:
        self.entries = 0  # how many the windows took in
        self.rounds = 0  # polls that found nothing new: the end of the log was reached
        self.ends = 0  # polls that reached the end of the log as it was then, with new entries or without
