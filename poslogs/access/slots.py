"""A slot: the right to one open stream."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from poslogs.access.client import Client
from poslogs.access.room import Room
from poslogs.errors import TooMany, Unavailable

POKES: Final = 2  # writes after which most servers notice that a reader has gone (docs/decisions/0005-disconnects.md)
POKE_SECONDS: Final = 0.05  # between two writes
LEAVE_SECONDS: Final = 1.0  # at most, for streams whose readers have left to give their slots back
RETRY_SECONDS: Final = 5


class Holder(Protocol):
    """A stream, as far as slots know it."""

    def disconnected(self) -> None:
        """Note that its reader has left, so that it gives its slot back soon. Does not wait."""

    def poke(self) -> None:
        """Write a heartbeat now."""


H = TypeVar("H", bound=Holder)


class Slot(Generic[H]):
    """A client's place for one stream. `gone` tells whether its reader has left, None when nobody can tell."""

    __slots__ = ("client", "gone", "holder")

    def __init__(self, client: Client, holder: H, gone: Callable[[], bool | None]) -> None:
        self.client = client
        self.holder = holder
        self.gone = gone


class Slots(Generic[H]):
    """The streams open in this process, counted for each client and in all.

    `capacity` bounds all of them, None does not. `room` is shared with calls.
    """

    def __init__(self, capacity: int | None = None, room: Room | None = None) -> None:
        self.capacity = capacity
        self.room = room or Room()
        self._changed = threading.Condition()
        self._slots: dict[str, set[Slot[H]]] = {}
        self._open = 0

    @property
    def open(self) -> int:
        """How many streams are open now."""
        return self._open

    def all(self) -> list[Slot[H]]:
        """The slots that are taken now."""
        with self._changed:
            return [slot for slots in self._slots.values() for slot in slots]

    def take(self, client: Client, holder: H, gone: Callable[[], bool | None]) -> Callable[[], None]:
        """Take a slot for the client; the returned function gives it back, and may be called more than once.

        At the limit, slots of streams whose readers have left are freed first, so that a page that is reloaded does
        not lock itself out. Raises TooMany (429) or Unavailable (503).
        """
        slot = Slot(client, holder, gone)
        if self._full():
            self._let_leave([other for other in self.all() if other.gone()])
        if not self._admit(slot):
            self._reclaim(client)
            if not self._admit(slot):
                raise TooMany(
                    f"Streams open for this client: {client.streams}, as many as it may have; "
                    f"close one of them, or try again in {RETRY_SECONDS} s.",
                    retry_after=RETRY_SECONDS,
                )
        return lambda: self._release(slot)

    def _admit(self, slot: Slot[H]) -> bool:
        with self._changed:
            if self._full():
                raise _full_up()
            own = self._slots.get(slot.client.id, set())
            if len(own) >= slot.client.streams:
                return False
            if not self.room.take():
                raise _full_up()
            self._slots[slot.client.id] = own
            own.add(slot)
            self._open += 1
            return True

    def _full(self) -> bool:
        return self.room.full or (self.capacity is not None and self._open >= self.capacity)

    def _release(self, slot: Slot[H]) -> None:
        with self._changed:
            own = self._slots.get(slot.client.id, set())
            if slot in own:
                own.discard(slot)
                self._open -= 1
                self.room.give_back()
                self._changed.notify_all()
            if not own:
                self._slots.pop(slot.client.id, None)

    def _reclaim(self, client: Client) -> None:
        """Free slots of the client's readers that have left: ask where the server can tell, else poke the streams."""
        with self._changed:
            slots = list(self._slots.get(client.id, ()))
        gone = [(slot, slot.gone()) for slot in slots]
        unsure = [slot for slot, left in gone if left is None]
        self._let_leave([slot for slot, left in gone if left])
        for _ in range(POKES if len(unsure) == len(slots) else 0):
            for slot in unsure:
                slot.holder.poke()
            with self._changed:
                self._changed.wait(POKE_SECONDS)

    def _let_leave(self, slots: list[Slot[H]]) -> None:
        """Have streams whose readers have left give their slots back; wait for that, LEAVE_SECONDS at most."""
        for slot in slots:
            slot.holder.disconnected()
        if slots:
            with self._changed:
                self._changed.wait_for(lambda: not any(self._has(slot) for slot in slots), LEAVE_SECONDS)

    def _has(self, slot: Slot[H]) -> bool:
        return slot in self._slots.get(slot.client.id, ())


def _full_up() -> Unavailable:
    return Unavailable(
        f"This server has as many streams as it can hold; try again in {RETRY_SECONDS} s.",
        retry_after=RETRY_SECONDS,
    )
