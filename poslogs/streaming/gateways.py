"""The gateways of one environment: its connections to platformOS, lent to one question at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from poslogs.platformos.entries import Page
from poslogs.platformos.environments import Environment
from poslogs.platformos.gateway import Gateway, GatewayError


class Gateways:
    """Lends spare gateways. If there is none, it opens one with the environment's current credentials."""

    def __init__(self, environment: Environment, open_gateway: Callable[[Environment], Gateway], most: int) -> None:
        """`most`: how many are kept open between questions."""
        self.environment = environment
        self._open = open_gateway
        self._most = most
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

        A refusal of credentials that were renewed meanwhile says nothing: the question is asked again with the new
        ones, at once.
        """
        while True:
            environment = self.environment
            try:
                with self.lent() as gateway:
                    return ask(gateway)
            except GatewayError as error:
                if not error.refused or environment is self.environment:
                    error.environment = environment
                    raise

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
