"""What a poller needs of the feed that it polls for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from poslogs.streaming.batch import Batch
from poslogs.streaming.id_reset import IdReset
from poslogs.streaming.window import Window

if TYPE_CHECKING:
    from poslogs.streaming.poller import Poller


class Demand(NamedTuple):
    """What the readers of a feed want of its poller now."""

    interval: float | None  # seconds between two polls; None: no reader is here
    left: float = 0.0  # seconds for which the poller stays without readers


class Polled(Protocol):
    """What a poller needs of the feed that it polls for."""

    window: Window
    rounds: int  # polls that found nothing new: the end of the log was reached
    hurried: bool  # the next poll is due at once; the poller clears it

    def demand(self, poller: Poller, now: float) -> Demand | None:
        """What the readers want; None: this poller is to end."""

    def wants_late(self) -> bool:
        """Whether a reader wants rows that became visible late."""

    def admit(self, poller: Poller, page: Sequence[Batch], count: int) -> bool:
        """Take the batches of `count` entries into the window; False: this poller is to end."""

    def publish(self, page: Sequence[Batch]) -> None:
        """Give batches that the window has taken in to the readers."""

    def begin_anew(self, poller: Poller, found: IdReset) -> bool:
        """Ids were reset: go on with an empty window; False: this poller is to end."""

    def lags(self, *, may: bool) -> bool:
        """Whether readers follow, and none has taken the newest batch yet; if so, `wake` is set when one has.

        Never unless it `may`.
        """

    def wake(self) -> None:
        """Wake every reader."""
