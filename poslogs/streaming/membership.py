"""The membership of a process among those that share the polls of an environment: how it stands to them."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from poslogs.streaming.bus import is_after
from poslogs.streaming.uptake import Uptake


class State(Enum):
    """How a process stands to the others (docs/decisions/0020-a-fleet.md)."""

    LOADING = "it takes in what is there, and its readers wait"
    MEMBER = "it has taken in all outcomes up to its cursor, and may claim the next question"
    JOINING = "its window goes on, but it is unknown what others have found"
    AWAY = "the bus is away: it asks for itself"


class Membership:
    """One poller's. Only its poller changes it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.state = State.LOADING
        self.cursor = ""  # the last outcome that was taken in; "": none
        self.goal = ""  # the outcome with which loading ends; "": not known yet
        self.follows = False  # the bus was told from where on outcomes are wanted
        self.misses = False  # an answer to join with did not fit
        self.alone = False  # the last question was asked for this process alone
        self.clock = clock
        self._since = clock()  # since when something is waited for in this state
        self._sure: tuple[str, float] | None = None  # the outcome with which the window has all, and as of when
        self._looks: tuple[int, float] | None = None  # how many questions were answered at a moment
        self._answered = 0  # and since

    def be(self, state: State) -> None:
        """Change the state."""
        self.state = state
        self.misses = self.alone = False
        self._sure = self._looks = None
        self.wait()

    def wait(self) -> None:
        """Begin to wait for something."""
        self._since = self.clock()

    def has_waited(self, seconds: float) -> bool:
        """Whether that was waited for so long."""
        return self.clock() > self._since + seconds

    def join(self, uptake: Uptake) -> None:
        """It is unknown from now on what others have found."""
        if self.state is State.LOADING:
            uptake.loaded()
        self.be(State.JOINING)
        self.cursor, self.follows = "", False

    def load(self, uptake: Uptake) -> bool:
        """All that is there was taken in; False when the poller must end."""
        self.be(State.MEMBER)
        return uptake.loaded()

    def expect(self, tip: str, moment: float, answered: int) -> None:
        """With this outcome the window has all that others knew at a moment, as so many questions were answered."""
        self._sure = tip, moment
        self._looks = self._looks or (answered, moment)
        self._answered = answered

    @property
    def expects(self) -> bool:
        """Whether such an outcome is waited for."""
        return self._sure is not None

    def see(self, uptake: Uptake) -> None:
        """See whether it has come."""
        if self._sure is not None and not is_after(self._sure[0], self.cursor):
            uptake.sure(self._sure[1], looked=False)
            self._sure = None
            if self._looks is not None and self._answered >= self._looks[0] + 2:  # the second was asked after that
                uptake.sure(self._looks[1], looked=True)
                self._looks = None
