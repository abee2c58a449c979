"""The bus: what the processes of a fleet need of the place where they meet, for one environment and one poller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Reply(Protocol):
    """The reply to a claim, and how all stands at that moment."""

    @property
    def granted(self) -> bool:
        """The next question is this process's: no other asks before it is done, or its claim has lapsed."""

    @property
    def wait(self) -> float:
        """Seconds until the claim is to be tried again, where it was not granted."""

    @property
    def tip(self) -> str:
        """The id of the last outcome that was published; "" when nothing is known here."""

    @property
    def high(self) -> int | None:
        """Where the window of a process ends that has taken in all outcomes; None: nobody has said yet."""

    @property
    def age(self) -> float | None:
        """Seconds since the last question; None: nobody has asked yet."""

    @property
    def late(self) -> bool:
        """Whether a reader somewhere wants rows that became visible late."""

    @property
    def whole(self) -> bool:
        """Whether some process waits for an answer with all that is listed."""

    @property
    def rests(self) -> bool:
        """Whether nobody wanted late rows at the last question."""

    @property
    def failing(self) -> bool:
        """Whether the last question failed."""

    @property
    def answered(self) -> int:
        """How many questions were answered."""

    @property
    def rounds(self) -> int:
        """How many of them found nothing new."""

    @property
    def resets(self) -> Sequence[tuple[str, int]]:
        """The last id resets, in order: the first outcome after each, and where readers from before it continue."""


class Note(NamedTuple):
    """What is noted of an answered question beside what it brought."""

    ends: bool = False  # it found nothing new
    syncs: bool = False  # it has all that is listed
    rests: bool = False  # nobody wants late rows
    goes_on: bool = False  # more questions follow under this claim
    back: int | None = None  # it is the first after an id reset, and readers from before that continue there


class Published(Protocol):
    """An outcome that was published."""

    @property
    def id(self) -> str:
        """Names it; a later one has a greater id (see `is_after`)."""

    @property
    def before(self) -> str:
        """The id of the outcome that its publisher had taken in last."""

    @property
    def data(self) -> bytes:
        """The outcome, packed."""


class Bus(Protocol):
    """Where processes meet. Nothing waits longer than a fraction of a second; what cannot be asked gives None."""

    def claim(
        self, cursor: str, high: int, interval: float, *, late: float | None, whole: bool, joins: bool
    ) -> Reply | None:
        """Claim the next question, `interval` seconds after the last. None: the bus is away.

        It is granted to a process that has taken in everything up to `cursor`, if that is the tip; or to one that
        `joins`, if no window ends past its `high`. `late`: seconds for which a reader here wants late rows. `whole`:
        this process waits for an answer with all that is listed.
        """

    def look(self) -> Reply | None:
        """How all stands; nothing is claimed. None: the bus is away."""

    def publish(self, cursor: str, data: bytes, high: int, note: Note) -> Reply | None:
        """Publish what an answered question brought, and give the claim back unless the question goes on.

        The reply is granted if the claim had not lapsed: else it counts nowhere. None: the bus is away, and it may
        count. Empty data is not published. `high`: where windows end after it.
        """

    def failed(self, cursor: str, data: bytes, wait: float) -> Reply | None:
        """Publish that a question failed, give the claim back, and let nobody ask for `wait` seconds; the same."""

    def hold(self) -> None:
        """Keep the claim for some seconds more from now on."""

    def done(self) -> None:
        """Give the claim back."""

    def follow(self, cursor: str) -> None:
        """Have what was published after an id come; "" for all that is there."""

    def came(self) -> Sequence[Published]:
        """What has come since the last call, in order."""

    def end(self) -> None:
        """Nothing is to come any more."""


def is_after(one: str, other: str) -> bool:
    """Whether an id is greater than another; "" is less than any."""
    return _parts(one) > _parts(other)


def _parts(id_: str) -> tuple[int, ...]:
    return tuple(map(int, id_.split("-"))) if id_ else ()
