"""The polls of a fleet: one question an interval and environment, however many processes have readers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from poslogs.fleet import poll_scripts
from poslogs.fleet.listener import Listener
from poslogs.fleet.poll_bus import PollBus
from poslogs.per_process import PerProcess
from poslogs.streaming.clock import MONOTONIC
from poslogs.streaming.shared import Shared
from poslogs.supervisor import SUPERVISOR, Supervisor

if TYPE_CHECKING:
    from poslogs.fleet.engine import Engine
    from poslogs.fleet.members import Members
    from poslogs.platformos.environments import Environment
    from poslogs.streaming.sharing import Share, Sharing


class Polls:
    """Makes what pollers share by an engine (docs/decisions/0020-a-fleet.md)."""

    def __init__(self, engine: Engine, members: Members, supervisor: Supervisor = SUPERVISOR) -> None:
        self.engine = engine
        self.members = members
        self.claim = engine.script(poll_scripts.CLAIM)
        self.publish = engine.script(poll_scripts.PUBLISH)
        self.look = engine.script(poll_scripts.LOOK)
        self.hold = engine.script(poll_scripts.HOLD)
        self.done = engine.script(poll_scripts.DONE)
        self.listener = PerProcess(lambda: Listener(engine, supervisor))

    def share(self, environment: Environment) -> Share:
        """What the pollers of an environment share."""

        def share(wake: threading.Event) -> Sharing:
            return Shared(PollBus(self, environment, wake), MONOTONIC)

        return share
