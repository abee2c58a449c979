"""What slots promise over several processes, here engines of their own: a client's number holds exactly over all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from poslogs.access.client import Client
from poslogs.access.slots import Slots
from poslogs.errors import TooMany
from poslogs.fleet.engine import Engine
from poslogs.fleet.members import Members
from poslogs.fleet.places import TTL_MS, Places
from poslogs.fleet.pokes import Pokes
from poslogs.supervisor import Supervisor
from tests.fleet.redis_server import RedisServer
from tests.fleet.starting import NOTICE_SECONDS, REJOIN_SECONDS, eventually, joined, supervised, undisturbed
from tests.unit.doubles import in_threads

MINE = Client(id="mine", name="Mine", digest=b"", streams=10)
COUNTED_SECONDS = 12.0  # in which open streams are counted again after Redis is back


class Held:
    """A stream: once its reader has left, its next write finds that out, and gives its slot back."""

    def __init__(self) -> None:
        self.give_back: Callable[[], None] = lambda: None
        self.left = False
        self.pokes = 0
        self.poked = False

    def disconnected(self) -> None:
        threading.Thread(target=self.give_back, daemon=True).start()

    def poke(self) -> None:
        self.pokes += 1
        if self.left:
            self.disconnected()


class Process:
    """What one process has of the fleet, in this one: an engine, its slots, its loops."""

    def __init__(self, redis: RedisServer, supervisor: Supervisor) -> None:
        self.redis = redis
        self.engine: Engine = joined(redis.url, supervisor)
        self.members = Members(self.engine)
        self.slots: Slots[Held] = Slots()
        places = Places(self.engine, self.members, supervisor)
        self.slots.share(places)
        places.begin()
        Pokes(self.engine, self.slots.look_after, supervisor).begin()

    def open(self, client: Client = MINE) -> Held:
        """A stream of the client's. Raises TooMany."""
        held = Held()
        held.give_back = self.slots.take(client, held, lambda: None)
        return held

    def enters(self, client: Client = MINE) -> Held | None:
        """A stream of the client's, or None where it is refused."""
        try:
            return self.open(client)
        except TooMany:
            return None

    def tries(self, client: Client = MINE) -> Held | None:
        """The same while Redis is well; tried again where it was lost meanwhile, once it counts no more than before."""
        for _ in range(3):
            eventually(lambda: self.engine.state.ok, REJOIN_SECONDS)
            before, places = self.engine.state, count(self.redis, client)
            held = self.enters(client)
            if self.engine.state == before:
                return held
            print("Redis was lost:", self.engine.state)
            if held is not None:
                held.give_back()
            eventually(lambda most=places: self.engine.state.ok and count(self.redis, client) <= most, COUNTED_SECONDS)
        raise AssertionError("Redis was lost three times: this machine is too slow for what this test tells")


@pytest.fixture
def process(redis: RedisServer) -> Iterator[Callable[[], Process]]:
    """Makes processes, which have a supervisor each, as real ones do."""
    with supervised() as one, supervised() as two, supervised() as three:
        supervisors = iter((one, two, three))
        yield lambda: Process(redis, next(supervisors))


def count(redis: RedisServer, client: Client = MINE) -> int:
    """How many streams of a client Redis counts."""
    return int(redis.do("ZCARD", f"test:1:streams:{client.key}"))


def test_a_storm_over_three_processes_opens_as_many_as_the_client_may_have(
    process: Callable[[], Process], redis: RedisServer
) -> None:
    """Twenty come at each of three at the same instant: ten of the sixty enter."""
    three = [process(), process(), process()]
    found: list[object] = []

    def storm() -> None:
        """Have sixty try to enter, once all places are free."""
        for each in found:
            if isinstance(each, Held):
                each.give_back()
        eventually(lambda: count(redis) == 0, COUNTED_SECONDS)
        found[:] = in_threads(*[each.enters for each in three for _ in range(20)])

    undisturbed([each.engine for each in three], storm)
    assert sum(isinstance(each, Held) for each in found) == 10, found
    assert count(redis) == 10
    assert sum(each.slots.open for each in three) == 10


def test_a_place_that_is_given_back_is_free_everywhere_at_once(
    process: Callable[[], Process], redis: RedisServer
) -> None:
    one, two = process(), process()
    held = [one.open() for _ in range(10)]
    assert two.tries() is None
    held[0].give_back()
    eventually(lambda: count(redis) == 9, 10)
    assert two.tries() is not None
    assert one.tries() is None
    held[1].give_back()
    held[1].give_back()
    eventually(lambda: count(redis) == 9, 10)


def test_a_reader_that_has_left_another_process_makes_room(process: Callable[[], Process], redis: RedisServer) -> None:
    """A page that is loaded again may come to another process than before: it is not locked out."""
    one, two = process(), process()
    held = [one.open() for _ in range(10)]
    eventually(lambda: redis.do("PUBSUB", "NUMSUB", "test:1:poke")[1] == 2, REJOIN_SECONDS)
    held[3].left = True
    assert two.tries() is not None
    assert one.slots.open == 9
    assert all(each.pokes for each in held if each is not held[3])


def test_clients_do_not_take_each_other_s_places(process: Callable[[], Process], redis: RedisServer) -> None:
    one, two = process(), process()
    other = Client(id="other@example.com", name="Other", digest=b"", streams=1)
    for _ in range(10):
        one.open()
    assert two.tries(other) is not None
    assert one.tries(other) is None
    assert b"example" not in b"".join(redis.do("KEYS", "*")), "an id that may be an e-mail stands nowhere"


@pytest.mark.parametrize("fault", [RedisServer.flush, RedisServer.restart], ids=["flush", "restart"])
def test_open_streams_are_counted_again_after(
    fault: Callable[[RedisServer], None], process: Callable[[], Process], redis: RedisServer
) -> None:
    one, two = process(), process()
    held = [*(one.open() for _ in range(6)), *(two.open() for _ in range(4))]
    fault(redis)
    eventually(lambda: count(redis) == 10, COUNTED_SECONDS)
    assert two.tries() is None
    held[0].give_back()
    eventually(lambda: count(redis) == 9, 10)


def test_while_redis_is_away_each_process_counts_for_itself(process: Callable[[], Process], redis: RedisServer) -> None:
    """What is open when it is back is all counted, and what was closed meanwhile is not."""
    one, two = process(), process()
    before = [one.open() for _ in range(4)]
    redis.freeze()
    eventually(lambda: not (one.engine.state.ok or two.engine.state.ok), NOTICE_SECONDS)
    assert sum(one.enters() is not None for _ in range(12)) == 6
    assert sum(two.enters() is not None for _ in range(12)) == 10
    before[0].give_back()
    redis.thaw()
    eventually(lambda: count(redis) == 19, COUNTED_SECONDS)
    assert one.tries() is None
    assert two.tries() is None


def test_a_process_that_was_killed_gives_its_places_back_by_their_expiry(
    process: Callable[[], Process], redis: RedisServer
) -> None:
    """Each lease says when it ends, by the clock of Redis, and nobody else renews it."""
    one = process()
    for _ in range(9):
        one.open()
    seconds, micros = redis.do("TIME")
    now = int(seconds) * 1000 + int(micros) // 1000
    leases = redis.do("ZRANGE", "test:1:streams:mine", 0, -1, "WITHSCORES")
    assert all(0 < float(score) - now <= TTL_MS for score in leases[1::2])
    redis.do("ZADD", "test:1:streams:mine", now - 1, "killed:1", now + 60_000, "alive:1")
    assert one.tries() is None
    assert b"killed:1" not in redis.do("ZRANGE", "test:1:streams:mine", 0, -1)


def test_members_are_counted(process: Callable[[], Process], redis: RedisServer) -> None:
    one, two = process(), process()
    eventually(lambda: redis.do("ZCARD", "test:1:members") == 2, 10)  # each says at once that it is there
    eventually(lambda: one.members.count == 2 and two.members.count == 2, REJOIN_SECONDS)
    redis.kill()
    eventually(lambda: one.members.count == 1, NOTICE_SECONDS)
