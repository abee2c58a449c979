"""The start of a fleet: what one process has of it, where the settings name a Redis, and what is counted by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from poslogs.access.limits import Limits
from poslogs.fleet.chosen import engine_of
from poslogs.platformos.environments import Environment
from poslogs.settings import Settings
from poslogs.streaming.sharing import Share, nobody

if TYPE_CHECKING:
    from poslogs.access.slots import Slots
    from poslogs.fleet.engine import Engine
    from poslogs.fleet.members import Members
    from poslogs.fleet.places import Places
    from poslogs.fleet.pokes import Pokes
    from poslogs.fleet.polls import Polls


@dataclass(frozen=True)
class Fleet:
    """What one process has of the fleet: made before a fork, begun after it."""

    engine: Engine
    members: Members
    places: Places
    pokes: Pokes
    polls: Polls

    def begin(self) -> None:
        """Take part from now on in this process, which serves; wait until Redis was tried, for a moment at most."""
        self.places.begin()
        self.pokes.begin()
        self.engine.reach()

    def limits(self) -> Limits:
        """Request rates over all processes."""
        from poslogs.fleet.rates import SCHEME  # registers it with `limits`

        return Limits(f"{SCHEME}://", {"engine": self.engine})


def fleet_of(settings: Settings, slots: Slots[Any]) -> Fleet | None:
    """What processes share, these slots too; None where each process is alone. Raises ConfigError as `engine_of`."""
    engine = engine_of(settings)
    if engine is None:
        return None
    from poslogs.fleet.members import Members
    from poslogs.fleet.places import Places
    from poslogs.fleet.pokes import Pokes
    from poslogs.fleet.polls import Polls

    members = Members(engine)
    places = Places(engine, members)
    slots.share(places)
    return Fleet(engine, members, places, Pokes(engine, slots.look_after), Polls(engine, members))


def shares_of(shared: Fleet | None) -> Callable[[Environment], Share]:
    """What the pollers of an environment share with other processes."""
    return nobody if shared is None else shared.polls.share
