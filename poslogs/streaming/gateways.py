"""The gateways of one environment: its connections to platformOS, lent to one question at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from poslogs.platformos.entries import Page
from poslogs.platformos.environments import Environment
from poslogs.platformos.gateway import Gateway, GatewayError

Fresh = Callable[[str], Environment | None]  # an environment of a name as it is configured at this moment


def unknown(_: str) -> Environment | None:
    """What `Fresh` says where nobody can look."""
    return None


class Gateways:
    """Lends spare gateways. If there is none, it opens one with the environment's current credentials."""

    def __init__(
        self,
        environment: Environment,
        open_gateway: Callable[[Environment], Gateway],
        most: int,
        fresh: Fresh = unknown,
    ) -> None:
        """`most`: how many are kept open between questions. `fresh` is asked where credentials are refused."""
        self.environment = environment
        self._open = open_gateway
        self._most = most
        self._fresh = fresh
        self._lock = threading.Lock()
        self._users = 0
        self._spare: list[tuple[Environment, Gateway]] = []

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Inside, gateways that are given back stay open for the next question, until the last such user leaves."""
        with self._lock:
            self._users += 1
        try:
            yield
        finally:
            spare: list[tuple[Environment, Gateway]] = []
            with self._lock:
                self._users -= 1
                if not self._users:
                    spare, self._spare = self._spare, []
            for _, gateway in spare:
                gateway.close()

    @contextmanager
    def lent(self) -> Iterator[Gateway]:
        """A gateway that nobody else uses meanwhile."""
        environment, gateway = self._borrow()
        try:
            yield gateway
        finally:
            with self._lock:
                keep = self._users > 0 and environment is self.environment and len(self._spare) < self._most
                if keep:
                    self._spare.append((environment, gateway))
            if not keep:
                gateway.close()

    def asked(self, ask: Callable[[Gateway], Page]) -> Page:
        """What a question brings that is asked of a lent gateway. Raises GatewayError.

        A refusal of credentials that were renewed meanwhile says nothing, also where nobody has read the new ones yet:
        the question is asked again with those, at once.
        """
        while True:
            environment = self.environment
            try:
                with self.lent() as gateway:
                    return ask(gateway)
            except GatewayError as error:
                if error.refused and environment is self.environment:
                    self._renew(environment)
                if not error.refused or environment is self.environment:
                    error.environment = environment
                    raise

    def _renew(self, refused: Environment) -> None:
        """Go on with other credentials where there are some by now."""
        now = self._fresh(refused.name)
        if now is not None and now != refused and now.url == refused.url:
            self.environment = now

    def _borrow(self) -> tuple[Environment, Gateway]:
        while True:
            with self._lock:
                current = self.environment
                environment, gateway = self._spare.pop() if self._spare else (current, None)
            if gateway is None:
                return current, self._open(current)
            if environment is current:
                return environment, gateway
            gateway.close()  # it was opened with earlier credentials
