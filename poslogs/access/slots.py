"""The slots: how many streams may be open, and what makes room for one more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Generic

from poslogs.access.client import Client
from poslogs.access.room import Room
from poslogs.access.slot import H, Places, Slot
from poslogs.errors import TooMany, Unavailable

POKES: Final = 4  # writes after which a server, and a proxy in front of it, notices that a reader has gone (decision 5)
POKE_SECONDS: Final = 0.05  # between two writes, at least
LEAVE_SECONDS: Final = 1.0  # at most, for streams whose readers have left to give their slots back
RETRY_SECONDS: Final = 5
ELSEWHERE_SECONDS: Final = 0.25  # at most, until a place in another process that a reader has left is asked for last


class Slots(Generic[H]):
    """The streams open in this process, counted for each client and in all.

    `capacity` bounds all of them, None does not. `room` is shared with calls.
    """

    def __init__(self, capacity: int | None = None, room: Room | None = None) -> None:
        self.capacity = capacity
        self.room = room or Room()
        self._places: Places | None = None
        self._changed = threading.Condition()
        self._slots: dict[str, set[Slot[H]]] = {}
        self._open = 0

    @property
    def open(self) -> int:
        """How many streams are open now."""
        return self._open

    def share(self, places: Places) -> None:
        """Give a client its number of streams in all processes together."""
        self._places = places

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
        if self._places is not None:
            self._lease(slot, self._places)
        return lambda: self._release(slot)

    def look_after(self, key: str) -> None:
        """Find out which readers of a client have left, by its key, so that their slots are given back soon."""
        for slot in self.all():
            if slot.client.key == key:
                slot.look()

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

    def _lease(self, slot: Slot[H], places: Places) -> None:
        """Lease one of the client's places for a slot. Raises TooMany, and has released the slot then."""
        try:
            slot.lease = places.take(slot.client) or self._lease_when_left(slot, places)
            if slot.lease is None:
                raise _too_many(slot.client)
        except BaseException:
            self._release(slot)
            raise

    def _lease_when_left(self, slot: Slot[H], places: Places) -> str | None:
        """Lease the place of a reader that has left, here or elsewhere; None when there is none."""
        end = time.monotonic() + ELSEWHERE_SECONDS
        for _ in range(POKES):
            places.call_out(slot.client)
            with self._changed:
                own = [other for other in self._slots.get(slot.client.id, ()) if other is not slot]
            for other in own:
                other.look()
            time.sleep(POKE_SECONDS)
            lease = places.take(slot.client)
            if lease is not None or time.monotonic() > end:
                return lease
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
        end = time.monotonic() + LEAVE_SECONDS
        for _ in range(POKES if others else 0):
            if self._admit(slot) is None:
                return None
            for other in others:
                other.holder.poke()
            self._wait_for_place(slot.client, others, end)
        return self._admit(slot)

    def _wait_for_place(self, client: Client, others: list[Slot[H]], end: float) -> None:
        """Wait until the client has a place, or POKE_SECONDS and as long as others have not written.

        A machine that is busy does not let all of them write at once. `end` bounds the wait.
        """
        waits = True
        while waits:
            with self._changed:
                if self._changed.wait_for(lambda: self._has_place(client), POKE_SECONDS):
                    return
                holding = [other for other in others if self._has(other)]
            waits = any(other.holder.poked for other in holding) and time.monotonic() < end

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
            lease, slot.lease = slot.lease, None
        if lease is not None and self._places is not None:
            self._places.give_back(lease)

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
