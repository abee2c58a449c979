"""What slots promise: never more streams than the limits, and never a place lost."""

from __future__ import annotations

import random
import threading

import pytest

from poslogs.access.calls import Calls
from poslogs.access.clients import Client
from poslogs.access.room import Room
from poslogs.access.slots import POKE_SECONDS, POKES, RETRY_SECONDS, Slots
from poslogs.errors import TooMany, Unavailable
from tests.unit.doubles import in_threads

MINE = Client(id="mine", name="Mine", digest=b"", streams=3)
OTHER = Client(id="other", name="Other", digest=b"", streams=3)


class Held:
    """A stream as slots know it. Once its reader has left it gives its slot back, as a real one does."""

    def __init__(self) -> None:
        self.give_back = lambda: None
        self.closed = 0
        self.pokes = 0
        self.dead_after: int | None = None  # pokes
        self.poked = False

    def disconnected(self) -> None:
        self.closed += 1
        threading.Timer(0.02, self.give_back).start()  # as its driver does, a moment later

    def poke(self) -> None:
        self.pokes += 1
        if self.dead_after is not None and self.pokes >= self.dead_after:
            threading.Thread(target=self.disconnected, daemon=True).start()  # the server finds out, and closes it


def here() -> bool | None:
    """A reader that is there."""
    return False


def gone() -> bool | None:
    """A reader that has left."""
    return True


def unknown() -> bool | None:
    """A reader of which the server does not know whether it has left."""
    return None


def fill(slots: Slots[Held], client: Client, *tell: object) -> list[Held]:
    found = []
    for asked in tell:
        held = Held()
        held.give_back = slots.take(client, held, asked)  # type: ignore[arg-type]
        found.append(held)
    return found


def test_a_client_has_as_many_streams_as_it_may_and_no_more() -> None:
    """Three enter. The refusal of the fourth says how many are open, and when to try again."""
    slots: Slots[Held] = Slots()
    fill(slots, MINE, here, here, here)
    with pytest.raises(TooMany) as error:
        slots.take(MINE, Held(), here)
    assert error.value.status == 429
    assert error.value.sentence == (
        "Streams open for this client: 3, as many as it may have; close one of them, or try again in 5 s."
    )
    assert error.value.headers == {"Retry-After": str(RETRY_SECONDS)}
    assert slots.open == 3


def test_clients_do_not_take_each_other_s_places() -> None:
    """One client has all its streams, and the other still enters."""
    slots: Slots[Held] = Slots()
    fill(slots, MINE, here, here, here)
    fill(slots, OTHER, here, here, here)
    assert slots.open == 6
    assert sorted(slot.client.id for slot in slots.all()) == ["mine"] * 3 + ["other"] * 3


def test_a_slot_that_is_given_back_is_free_at_once_and_once() -> None:
    """To give it back again changes nothing."""
    slots: Slots[Held] = Slots()
    held = fill(slots, MINE, here, here, here)
    for _ in range(5):
        held[0].give_back()
    assert slots.open == 2
    fill(slots, MINE, here)
    with pytest.raises(TooMany):
        slots.take(MINE, Held(), here)


def test_the_places_of_readers_that_have_left_are_free_at_once() -> None:
    """A page that is reloaded ten times does not lock itself out."""
    slots: Slots[Held] = Slots()
    for _ in range(10):
        old = fill(slots, MINE, *[gone] * (3 - slots.open))
    assert slots.open == 3
    fresh = fill(slots, MINE, here)
    assert all(held.closed == 1 for held in old)
    assert fresh[0].closed == 0
    assert slots.open <= 3


def test_readers_that_are_there_are_left_in_peace() -> None:
    """Of three readers one has left. It is closed, and the other two are not even poked."""
    slots: Slots[Held] = Slots()
    one, two, left = fill(slots, MINE, here, here, gone)
    fill(slots, MINE, here)
    assert (one.closed, two.closed, left.closed) == (0, 0, 1)
    assert one.pokes == two.pokes == 0


@pytest.mark.parametrize("tell", [unknown, here], ids=["nobody can tell", "a proxy is there"])
@pytest.mark.parametrize("writes", [1, 2, 3])
def test_where_a_reader_may_have_left_writes_find_out(writes: int, tell: object) -> None:
    """All three have left, and the server notices at one of the first writes: the fourth enters after those."""
    slots: Slots[Held] = Slots()
    held = fill(slots, MINE, tell, tell, tell)
    for each in held:
        each.dead_after = writes
    fill(slots, MINE, here)
    assert writes <= max(each.pokes for each in held) <= POKES


class Busy(Held):
    """A stream on a busy machine: between a poke and its write much else has its turn."""

    def poke(self) -> None:
        self.poked = True
        threading.Timer(3 * POKE_SECONDS, self._write).start()

    def _write(self) -> None:
        self.poked = False
        super().poke()


def test_a_busy_machine_may_take_longer_than_the_pauses_between_writes() -> None:
    """Each of the writes that show that readers have left is waited for, so that a place of theirs is found."""
    slots: Slots[Held] = Slots()
    for _ in range(MINE.streams):
        busy = Busy()
        busy.dead_after = 2
        busy.give_back = slots.take(MINE, busy, unknown)
    fill(slots, MINE, here)


@pytest.mark.parametrize("tell", [unknown, here], ids=["nobody can tell", "they are there"])
def test_where_all_are_there_the_refusal_is_quick(tell: object) -> None:
    """A few writes to each, which bound how long it waits, and no closing."""
    slots: Slots[Held] = Slots()
    held = fill(slots, MINE, tell, tell, tell)
    with pytest.raises(TooMany):
        slots.take(MINE, Held(), here)
    assert [(each.pokes, each.closed) for each in held] == [(POKES, 0)] * 3


def test_a_full_server_refuses_whoever_comes() -> None:
    """At `capacity` streams in all it gets 503, with a time to try again. A place that is given back is free."""
    slots: Slots[Held] = Slots(capacity=4)
    held = fill(slots, MINE, here, here, here) + fill(slots, OTHER, here)
    with pytest.raises(Unavailable) as error:
        slots.take(OTHER, Held(), here)
    assert error.value.status == 503
    assert error.value.headers == {"Retry-After": str(RETRY_SECONDS)}
    held[0].give_back()
    fill(slots, OTHER, here)
    assert slots.open == 4


def test_a_full_server_is_full_of_those_that_are_there() -> None:
    """The client's own streams whose readers have left make room, even at the server's bound."""
    slots: Slots[Held] = Slots(capacity=2)
    fill(slots, MINE, gone, gone)
    fill(slots, MINE, here)
    assert slots.open <= 2


def test_streams_and_calls_share_the_room_that_threads_give() -> None:
    """A stream and two calls fill three places. What is given back is free for either, once."""
    slots: Slots[Held] = Slots(room=Room(3))
    calls = Calls(each=9, most=9, room=slots.room)
    (held,) = fill(slots, MINE, here)
    give_back = calls.take(MINE)
    calls.take(OTHER)
    with pytest.raises(Unavailable):
        calls.take(OTHER)
    with pytest.raises(Unavailable):
        fill(slots, OTHER, here)
    held.give_back()
    held.give_back()
    calls.take(OTHER)
    with pytest.raises(Unavailable):
        calls.take(OTHER)
    give_back()
    fill(slots, OTHER, here)


def test_a_client_without_streams_gets_none() -> None:
    """With 0 streams it gets none, and nothing is left behind."""
    slots: Slots[Held] = Slots()
    with pytest.raises(TooMany):
        slots.take(Client(id="x", name="x", digest=b"", streams=0), Held(), here)
    assert slots.open == 0
    assert slots.all() == []


def test_twenty_at_the_same_instant_for_the_last_slot() -> None:
    """Exactly one enters, in any order."""
    for _ in range(20):
        slots: Slots[Held] = Slots()
        fill(slots, MINE, here, here)
        results = in_threads(*[lambda slots=slots: slots.take(MINE, Held(), here)] * 20)
        assert sum(callable(result) for result in results) == 1
        assert sum(isinstance(result, TooMany) for result in results) == 19
        assert slots.open == 3


def test_random_comings_and_goings_never_lose_a_place() -> None:
    """Eight threads take and give back. There are never more than the limit, and in the end none is taken."""
    slots: Slots[Held] = Slots()
    most: list[int] = []

    def come_and_go(seed: int) -> None:
        dice = random.Random(seed)
        client = dice.choice([MINE, OTHER])
        for _ in range(300):
            try:
                give_back = slots.take(client, Held(), here)
            except TooMany:
                continue
            most.append(slots.open)
            for _ in range(dice.choice([1, 2])):
                give_back()

    in_threads(*[lambda seed=seed: come_and_go(seed) for seed in range(8)])
    assert max(most) <= 6
    assert slots.open == 0
    assert slots.all() == []


@pytest.mark.parametrize(("client", "places"), [(MINE, None), (MINE, 3), (OTHER, 3)])
def test_a_full_server_has_writes_find_out_who_has_left(client: Client, places: int | None) -> None:
    """That is among the client's own streams, or among all where threads serve, as these are few."""
    slots: Slots[Held] = Slots(capacity=3, room=Room(places))
    for each in fill(slots, MINE, unknown, here, here):
        each.dead_after = 2
    fill(slots, client, here)
    assert slots.open <= 3
