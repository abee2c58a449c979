"""The membership of a process among those that share the polls of an environment: how it stands to them."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from poslogs.streaming.bus import Reply, is_after
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
        self.outdated = False  # one has shown that the window is of the log before an id reset
        self.alone = False  # the last question was asked for this process alone
        self.left = ""  # the last outcome that it had taken in as a member; "": it was none
        self.noticed: int | None = None  # ids were reset since, as it has seen by itself: where readers continue
        self.forces = False  # no other process knows of that
        self.back: int | None = None  # it loads what came since ids were reset: where readers continue
        self.clock = clock
        self._since = clock()  # since when something is waited for in this state
        self._sure: tuple[str, float, int] | None = None  # the outcome with which the window has all, as of when,
        self._looks: tuple[int, float] | None = None  # and how many questions were answered; and at a moment before

    def be(self, state: State) -> None:
        """Change the state."""
        self.state = state
        self.misses = self.outdated = self.alone = self.forces = False
        self.back = None
        if state is State.MEMBER:
            self.noticed = None
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
        if self.state is State.LOADING and not self.left:
            uptake.start_over()  # what was loaded so far may be of the log before an id reset that is told further on
        elif self.state is State.LOADING:
            uptake.loaded()
            self.left = self.cursor or self.left
        elif self.state is State.MEMBER:
            self.left = self.cursor
        if self.state in (State.LOADING, State.MEMBER):
            uptake.lookback.doubt()
        self.be(State.JOINING)
        self.cursor, self.goal, self.follows = "", "", False

    def notice(self, position: int) -> None:
        """Ids were reset, as this process has seen by itself."""
        self.noticed = position if self.noticed is None else min(self.noticed, position)

    def missed(self, reply: Reply, high: int) -> list[tuple[str, int]]:
        """The id resets that others have told since this process was a member; none where it was none.

        Those before which its window, up to `high`, held nothing that they took away do not count, now or later.
        """
        told = [(id_, back) for id_, back in reply.resets if self.left and is_after(id_, self.left)]
        while told and told[0][1] >= high:
            self.left = told.pop(0)[0]
        return told

    def load_again(self, back: int, goal: str, uptake: Uptake) -> None:
        """Load anew what came since ids were reset, up to an outcome; readers from before that continue at `back`."""
        self.be(State.LOADING)
        self.cursor, self.goal, self.back, self.follows = "", goal, back, True
        uptake.load()

    def loaded(self, uptake: Uptake) -> bool:
        """All that is there was taken in; False when the poller must end."""
        self.be(State.MEMBER)
        return uptake.loaded()

    def expect(self, tip: str, moment: float, answered: int) -> None:
        """With this outcome the window has all that others knew at a moment, as so many questions were answered."""
        self._sure = tip, moment, answered
        self._looks = self._looks or (answered, moment)

    @property
    def expects(self) -> bool:
        """Whether such an outcome is waited for."""
        return self._sure is not None

    def see(self, uptake: Uptake) -> None:
        """See whether it has come."""
        if self._sure is not None and not is_after(self._sure[0], self.cursor):
            _, moment, answered = self._sure
            uptake.sure(moment, looked=False)
            self._sure = None
            if self._looks is not None and answered >= self._looks[0] + 2:  # the second was asked after that
                uptake.sure(self._looks[1], looked=True)
                self._looks = None
