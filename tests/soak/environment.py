"""An environment: a platformOS of its own, the rows that it lists, and what it does wrong."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from tests.soak.clients import token
from tests.soak.faults import PlatformFaults
from tests.soak.first import FirstAnswers
from tests.soak.ledger import Listing
from tests.soak.source import Source
from tests.support.platformos import PlatformOS
from tests.support.server import Server


class Environment:
    """One environment of the server's, apart from every other; its rows and faults have chances of their own."""

    def __init__(self, name: str, platformos: PlatformOS, seed: int) -> None:
        self.name = name
        self.token = token(name)  # of the client that reads it
        self.platformos = platformos
        self.listing = Listing()
        self.source = Source(name, platformos, self.listing, f"{seed} {name} rows")
        self.first = FirstAnswers(f"{seed} {name} first answers")
        platformos.instead = self.first.body
        self.quiet = threading.Lock()  # held while the host must do nothing to the server
        self.steady = threading.Lock()  # held while nothing must become of a fleet's Redis, or something does
        self._seed = f"{seed} {name} answers"

    def faults(self, servers: Sequence[Server]) -> PlatformFaults:
        """What its platformOS does wrong to these servers."""
        return PlatformFaults(
            self.name, self.platformos, self.source, self.first, servers, (self.steady, self.quiet), self._seed
        )
