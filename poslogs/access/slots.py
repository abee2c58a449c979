"""A slot: the right to one open stream."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from poslogs.access.client import Client
from poslogs.access.room import Room
from poslogs.errors import TooMany, Unavailable

POKES: Final = 4  # writes after which a server, and a proxy in front of it, notices that a reader has gone (decision 5)
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
    """A client's place for one stream. `gone` returns whether its reader has left, None when that is unknown."""

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

        At a limit, slots of streams whose readers have left are freed first, so that a page that is reloaded does not
        lock itself out. Raises TooMany (429) or Unavailable (503).
        """
        slot = Slot(client, holder, gone)
        refusal = self._admit(slot)
        if refusal is not None:
            refusal = self._admit_when_left(slot)
        if refusal is not None:
            raise refusal
        return lambda: self._release(slot)

    def _admit(self, slot: Slot[H]) -> TooMany | Unavailable | None:
        """Give a slot its place, or say why it has none."""
        with self._changed:
            if self._full():
                return _full_up()
            own = self._slots.get(slot.client.id, set())
            if len(own) >= slot.client.streams:
                return _too_many(slot.client)
            if not self.room.take():
                return _full_up()
            self._slots[slot.client.id] = own
            own.add(slot)
            self._open += 1
            return None

    def _admit_when_left(self, slot: Slot[H]) -> TooMany | Unavailable | None:
        """Give a slot the place of a reader that has left, or say why it has none.

        Only a write shows that some readers have left: a proxy whose client is gone keeps its connection to us until it
        cannot pass on what we write. A full server of threads has few enough streams to write to all of them.
        """
        with self._changed:
            own = list(self._slots.get(slot.client.id, ()))
        full = self._full()
        self._let_leave([other for other in (self.all() if full else own) if other.gone()])
        others = self.all() if full and self.room.places is not None else own
        for _ in range(POKES if others else 0):
            if self._admit(slot) is None:
                return None
            for other in others:
                other.holder.poke()
            with self._changed:
                self._changed.wait_for(lambda: self._has_place(slot.client), POKE_SECONDS)
        return self._admit(slot)

    def _has_place(self, client: Client) -> bool:
        return not self._full() and len(self._slots.get(client.id, ())) < client.streams

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

    def _let_leave(self, slots: list[Slot[H]]) -> None:
        """Have streams whose readers have left give their slots back; wait for that, LEAVE_SECONDS at most."""
        for slot in slots:
            slot.holder.disconnected()
        if slots:
            with self._changed:
                self._changed.wait_for(lambda: not any(self._has(slot) for slot in slots), LEAVE_SECONDS)

    def _has(self, slot: Slot[H]) -> bool:
        return slot in self._slots.get(slot.client.id, ())


def _too_many(client: Client) -> TooMany:
    return TooMany(
        f"Streams open for this client: {client.streams}, as many as it may have; "
        f"close one of them, or try again in {RETRY_SECONDS} s.",
        retry_after=RETRY_SECONDS,
    )


def _full_up() -> Unavailable:
    return Unavailable(
        f"This server has as many streams as it can hold; try again in {RETRY_SECONDS} s.",
        retry_after=RETRY_SECONDS,
    )
