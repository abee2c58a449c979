"""A slot: the right to one open stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from poslogs.access.client import Client


class Holder(Protocol):
    """A stream, as far as slots know it."""

    @property
    def poked(self) -> bool:
        """The heartbeat that a poke asked for is not on its way yet."""

    def disconnected(self) -> None:
        """Note that its reader has left, so that it gives its slot back soon. Does not wait."""

    def poke(self) -> None:
        """Write a heartbeat now."""


class Places(Protocol):
    """The places of clients in several processes together."""

    def take(self, client: Client) -> str | None:
        """A lease on one of the client's places; None when all are taken."""

    def give_back(self, lease: str) -> None:
        """Give a place back. Does not wait."""

    def call_out(self, client: Client) -> None:
        """Have the other processes call `look_after`. Does not wait."""


H = TypeVar("H", bound=Holder)


class Slot(Generic[H]):
    """A client's place for one stream. `gone` returns whether its reader has left, None when that is unknown."""

    __slots__ = ("client", "gone", "holder", "lease")

    def __init__(self, client: Client, holder: H, gone: Callable[[], bool | None]) -> None:
        self.client = client
        self.holder = holder
        self.gone = gone
        self.lease: str | None = None

    def look(self) -> None:
        """Find out whether its reader has left, and have it given back soon if so. Does not wait."""
        if self.gone():
            self.holder.disconnected()
        else:
            self.holder.poke()
