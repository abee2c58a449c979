"""Sharing: how the poller of one process shares its polls with those of others; alone, it asks whenever it wants."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from poslogs.platformos.environments import Environment
from poslogs.streaming.bus import Reply
from poslogs.streaming.outcome import Outcome

if TYPE_CHECKING:
    from poslogs.streaming.uptake import Uptake


class Wish(NamedTuple):
    """What a poller wants as its next question is due."""

    interval: float  # seconds from the question before, whoever asked it
    late: bool  # a reader here wants rows that became visible late
    high: int  # where its window ends
    linger: float  # seconds for which the wish counts, unless it is renewed


class Terms(NamedTuple):
    """Whether a question may be asked, and how."""

    wait: float = 0.0  # seconds until it is to be tried again; 0.0: it may be asked now, and must
    late: bool = False  # a reader, here or elsewhere, wants rows that became visible late
    whole: bool = False  # others have to learn what is listed: rows that are known here count too
    since: int | None = None  # ask no higher than after this position
    age: float | None = None  # seconds since the last question that anybody asked, where that is known

    @classmethod
    def of(cls, reply: Reply) -> Terms:
        """The terms by a reply to a claim."""
        return cls(0.0 if reply.granted else reply.wait, reply.late, reply.whole, age=reply.age)


class Fenced(Exception):
    """An outcome came too late: other processes have gone on without it."""


class Sharing(Protocol):
    """What a poller does with other processes. It is one poller's own, and only that poller calls it."""

    @property
    def loads(self) -> bool:
        """Whether where the window begins is not known yet: others may tell."""

    def take_in(self, uptake: Uptake) -> bool:
        """Take in what other processes found; False when the poller must end."""

    def claim(self, wish: Wish, uptake: Uptake) -> Terms:
        """Ask whether the next question may be asked. If so, no other process asks before `done`."""

    def confirm(self, uptake: Uptake) -> bool:
        """See that the window has all that others have found; False where only a question of its own can tell."""

    def publish(self, outcome: Outcome, uptake: Uptake, *, ends: bool, goes_on: bool) -> bool:
        """Let others have an outcome before it is taken in here; False: it comes too late, and counts nowhere.

        `ends`: the end of the log was reached, and nothing is new. `goes_on`: more questions follow under this claim.
        """

    def failed(self, sentence: str, wait: float, uptake: Uptake) -> None:
        """Let others know that a question failed, and that nobody asks for `wait` seconds."""

    def goes_on(self) -> None:
        """Note that questions under this claim are still asked."""

    def done(self) -> None:
        """Give the claim back, if there is one."""

    def end(self) -> None:
        """The poller ends."""


Share = Callable[[threading.Event], Sharing]  # made for a poller that this event wakes


class Alone:
    """The sharing of a process that is alone."""

    @property
    def loads(self) -> bool:
        """It begins where its first reader is."""
        return False

    def take_in(self, uptake: Uptake) -> bool:  # noqa: ARG002 - as others need it; so with those below
        """Nothing comes."""
        return True

    def claim(self, wish: Wish, uptake: Uptake) -> Terms:  # noqa: ARG002
        """It may always ask."""
        return Terms(late=wish.late)

    def confirm(self, uptake: Uptake) -> bool:  # noqa: ARG002
        """There are no others."""
        return True

    def publish(self, outcome: Outcome, uptake: Uptake, *, ends: bool, goes_on: bool) -> bool:  # noqa: ARG002
        """Nobody else wants it."""
        return True

    def failed(self, sentence: str, wait: float, uptake: Uptake) -> None:
        """Nobody else asks."""

    def goes_on(self) -> None:
        """Nobody waits."""

    def done(self) -> None:
        """There is no claim."""

    def end(self) -> None:
        """There is nothing to end."""


def alone(_wake: threading.Event) -> Sharing:
    """The sharing of a process that is alone."""
    return Alone()


def nobody(_environment: Environment) -> Share:
    """Of no environment are the polls shared."""
    return alone
