"""What the engine promises, with a real Redis: it asks while Redis is well, and nobody waits for one that is not."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from poslogs.errors import ConfigError
from poslogs.fleet.address import Address
from poslogs.fleet.ask import Away
from poslogs.fleet.engine import Engine
from tests.fleet.redis_server import RedisServer
from tests.fleet.starting import NOTICE_SECONDS, REJOIN_SECONDS, eventually, supervised, undisturbed
from tests.support.quickest import quickest
from tests.support.server import REPO

WAIT_SECONDS = 0.5  # the longest that one question may wait


@pytest.fixture
def opened() -> Iterator[Callable[[str], Engine]]:
    """Makes engines, whose loops end with the test."""
    with supervised() as supervisor:
        yield lambda url: Engine(Address(url), "test", supervisor)


@pytest.fixture
def engine(redis: RedisServer, opened: Callable[[str], Engine]) -> Engine:
    return opened(redis.url)


def is_away(engine: Engine) -> Callable[[], bool]:
    return lambda: not engine.state.ok


def is_joined(engine: Engine) -> Callable[[], bool]:
    return lambda: engine.state.ok


def timed(work: Callable[[], object]) -> tuple[object, float]:
    """What a piece of work gave or raised, and after how many seconds."""
    began = time.monotonic()
    try:
        return work(), time.monotonic() - began
    except Away as error:
        return error, time.monotonic() - began


def test_the_first_question_of_a_process_is_answered(engine: Engine, redis: RedisServer) -> None:
    """Nothing need be begun before: the first question waits until Redis is joined."""
    assert engine.ask("SET", engine.key("a"), 1) == b"OK"
    assert redis.do("GET", "test:1:a") == b"1"
    assert engine.state.ok
    assert engine.state.term == 1


def test_an_address_without_a_redis_gives_away_and_joins_later(
    redis: RedisServer, opened: Callable[[str], Engine]
) -> None:
    redis.kill()
    engine = opened(redis.url)
    with pytest.raises(Away, match="connection refused"):
        engine.ask("PING")
    redis.start()
    eventually(is_joined(engine), REJOIN_SECONDS)
    assert engine.ask("PING") == b"PONG"


def test_many_threads_share_one_connection(engine: Engine, redis: RedisServer) -> None:
    """Each gets its own answer, though all travel over one connection."""
    engine.begin()
    eventually(is_joined(engine), REJOIN_SECONDS)

    def ask(number: int) -> bool:
        return all(int(engine.ask("INCRBY", engine.key(f"n{number}"), 1)) == count for count in range(1, 51))

    def all_are_right() -> bool:
        redis.flush()
        with ThreadPoolExecutor(50) as pool:
            return all(pool.map(ask, range(50)))

    assert undisturbed([engine], all_are_right)
    assert redis.do("CLIENT", "LIST").count(b"name=poslogs-") == 1


def test_commands_travel_together(engine: Engine, redis: RedisServer) -> None:
    key = engine.key("list")
    engine.ask("PING")
    before = redis.do("INFO", "stats")["total_reads_processed"]
    answers = engine.ask_all([("RPUSH", key, number) for number in range(100)])
    assert answers == list(range(1, 101))
    reads = redis.do("INFO", "stats")["total_reads_processed"] - before
    assert reads <= 6, "one of the commands, one of a proof, and those of the test's own questions"


def test_a_script_runs_and_is_given_again_when_redis_forgot_it(engine: Engine, redis: RedisServer) -> None:
    script = engine.script("return {redis.call('INCR', KEYS[1]), ARGV[1]}")
    assert engine.run(script, [engine.key("n")], ["x"]) == [1, b"x"]
    redis.flush()
    assert engine.run(script, [engine.key("n")], ["y"]) == [1, b"y"]
    assert engine.state.term == 1, "a script that is not known is no reason to leave"


def test_a_large_value_goes_and_comes_back(engine: Engine) -> None:
    value = bytes(range(256)) * 16384
    assert engine.ask("SET", engine.key("large"), value) == b"OK"
    assert engine.ask("GET", engine.key("large")) == value


def kill(redis: RedisServer) -> None:
    redis.kill()


def freeze(redis: RedisServer) -> None:
    redis.freeze()


def refuse(redis: RedisServer) -> None:
    redis.follow_nobody()


def fill(redis: RedisServer) -> None:
    redis.fill()


CURES = {
    kill: RedisServer.start,
    freeze: RedisServer.thaw,
    refuse: RedisServer.lead,
    fill: RedisServer.drain,
}
REASONS = {kill: "refused|closed", freeze: "in time", refuse: "replica", fill: "memory is full"}


@pytest.mark.parametrize("breaking", CURES)
def test_an_idle_engine_says_what_is_wrong_and_joins_again(
    breaking: Callable[[RedisServer], None], engine: Engine, redis: RedisServer
) -> None:
    """Nobody asks anything meanwhile: the engine proves by itself that Redis answers and takes writes."""
    engine.ask("PING")
    began = engine.state.since
    breaking(redis)
    eventually(is_away(engine), NOTICE_SECONDS)
    state = engine.state
    with pytest.raises(AssertionError, match=REASONS[breaking]):
        raise AssertionError(state.why)
    assert state.since >= began
    CURES[breaking](redis)
    eventually(is_joined(engine), REJOIN_SECONDS)
    assert engine.state.term == 2
    assert engine.ask("SET", engine.key("a"), "b") == b"OK"


@pytest.mark.parametrize("breaking", CURES)
def test_no_question_waits_for_a_redis_that_is_broken(
    breaking: Callable[[RedisServer], None], engine: Engine, redis: RedisServer
) -> None:
    """Eight threads ask as Redis breaks: each waits a bounded time once, and not again."""

    def ask(number: int, broken: threading.Event) -> float:
        """The longest wait until Redis was away; endless where it was lost before it was broken."""
        longest, end = 0.0, time.monotonic() + 2 * NOTICE_SECONDS
        before = engine.state
        while time.monotonic() < end:
            answer, seconds = timed(lambda: engine.ask("SET", engine.key(f"n{number}"), "x"))
            longest = max(longest, seconds)
            if isinstance(answer, Away):
                if broken.is_set():
                    return longest
                assert not before.ok or engine.state != before, "away, though Redis was not lost"
                return math.inf
        raise AssertionError("it is not away")

    def breaks() -> float:
        """The longest that one of the eight waits as Redis breaks."""
        engine.begin()
        eventually(is_joined(engine), REJOIN_SECONDS)
        broken = threading.Event()
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(ask, number, broken) for number in range(8)]
            broken.set()
            breaking(redis)
            waited = [each.result(30) for each in asked]
        CURES[breaking](redis)
        return max(waited)

    assert quickest(breaks, WAIT_SECONDS, 5) < WAIT_SECONDS  # it may be this process that was late
    eventually(is_joined(engine), REJOIN_SECONDS)


def test_only_the_engine_itself_asks_a_redis_that_is_away(engine: Engine, redis: RedisServer) -> None:
    engine.ask("PING")
    redis.follow_nobody()
    eventually(is_away(engine), NOTICE_SECONDS)
    before = redis.calls("get")
    for _ in range(1000):
        with pytest.raises(Away):
            engine.ask("GET", engine.key("x"))
    assert redis.calls("get") == before


def test_a_quick_restart_is_joined_at_once(engine: Engine, redis: RedisServer) -> None:
    engine.ask("PING")
    redis.restart()
    eventually(lambda: engine.state.term == 2, REJOIN_SECONDS)


def test_listeners_hear_of_each_loss_and_each_return(redis: RedisServer, opened: Callable[[str], Engine]) -> None:
    engine = opened(redis.url)
    heard: list[str] = []
    engine.when_joined(lambda: heard.append(f"joined {engine.state.term}"))
    engine.when_lost(lambda: heard.append("lost"))
    engine.begin()
    eventually(is_joined(engine), REJOIN_SECONDS)
    redis.kill()
    eventually(is_away(engine), NOTICE_SECONDS)
    redis.start()
    eventually(is_joined(engine), REJOIN_SECONDS)
    eventually(lambda: heard == ["joined 1", "lost", "joined 2"], REJOIN_SECONDS)


def test_a_password_is_used_and_never_shown(opened: Callable[[str], Engine]) -> None:
    with RedisServer("--requirepass", "sesame-9") as redis:
        url = f"redis://:sesame-9@127.0.0.1:{redis.port}/2"
        engine = opened(url)
        assert engine.ask("SET", engine.key("a"), 1) == b"OK"
        assert "sesame" not in engine.address.shown + repr(engine.address)
        assert engine.address.shown == f"redis://127.0.0.1:{redis.port}/2"
        wrong = opened(url.replace("sesame", "oyster"))
        with pytest.raises(Away, match="password") as caught:
            wrong.ask("PING")
        assert "oyster" not in str(caught.value)


def test_a_unix_socket_is_an_address(redis: RedisServer, opened: Callable[[str], Engine]) -> None:
    for scheme in ("unix", "redis+unix", "valkey+unix"):
        engine = opened(f"{scheme}://{redis.socket}?db=1")
        assert engine.ask("PING") == b"PONG"


def test_names_of_valkey_are_addresses_too(redis: RedisServer, opened: Callable[[str], Engine]) -> None:
    engine = opened(redis.url.replace("redis", "valkey"))
    assert engine.ask("PING") == b"PONG"


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:6379",
        "http://127.0.0.1:6379",
        "redis://",
        "redis:///0",
        "redis://:pass@/0",
        "redis://127.0.0.1:port/0",
        "redis://127.0.0.1:6379/pass",
        "redis://127.0.0.1:6379/0?nonsense=pass",
        "redis+sentinel://127.0.0.1/pass",
        "redis+sentinel://127.0.0.1:26379",
    ],
)
def test_an_address_that_cannot_be_understood_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError, match="POSLOGS_REDIS_URL") as caught:
        Address(url)
    assert "pass" not in str(caught.value)


def test_what_redis_says_is_told_without_names_of_keys_and_hosts(engine: Engine, redis: RedisServer) -> None:
    """A command that it refuses is a loss, of which the first word of its text is told alone."""
    redis.do("SET", engine.key("a"), "x")
    for command, why in (
        (("LPUSH", engine.key("a"), 1), r"\(WRONGTYPE\)"),
        (("NONSENSE", "secret-key"), r"\(ERR\)"),
    ):
        engine.begin()
        eventually(is_joined(engine), REJOIN_SECONDS)
        with pytest.raises(Away, match=why):
            engine.ask(*command)
        eventually(is_away(engine), NOTICE_SECONDS)


def test_a_redis_of_a_cluster_is_refused_with_a_sentence() -> None:
    with RedisServer("--cluster-enabled", "yes") as redis, supervised() as supervisor:
        state = Engine(Address(redis.url), "test", supervisor).reach()
        assert not state.ok
        assert state.why == "This Redis is part of a cluster; name one in POSLOGS_REDIS_URL that holds all keys."


def test_a_redis_that_wants_a_password_is_away_for_those_who_have_none(opened: Callable[[str], Engine]) -> None:
    with RedisServer("--requirepass", "sesame-9") as redis:
        state = opened(redis.url).reach()
        assert state.why == "Redis wants another user or password than POSLOGS_REDIS_URL has."


STOPS = "Redis is stopped now."


def succeeds(redis: RedisServer, code: str, *args: str) -> None:
    """Run a piece of Python in a process of its own, which must not fail.

    It runs once more where it lost Redis by itself, before it wrote STOPS.
    """
    command = [sys.executable, "-c", code, redis.url, *args]
    for _ in range(3):
        redis.thaw()
        redis.flush()
        done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode == 0 or " is away: " not in done.stderr.partition(STOPS)[0]:
            break
        print("Redis was lost:", done.stderr, sep="\n")
    assert done.returncode == 0, done.stderr


FORKS = """
import os, sys
if sys.argv[2] == "gevent":
    from gevent import monkey
    monkey.patch_all()
import threading
from poslogs.fleet.address import Address
from poslogs.fleet.engine import Engine
from poslogs.supervisor import SUPERVISOR

engine = Engine(Address(sys.argv[1]), "test")
assert engine.ask("INCR", engine.key("n")) == 1
child = os.fork()
turns = threading.Semaphore(0)
SUPERVISOR.interfere = lambda name: turns.release()
mine = [engine.ask("INCRBY", engine.key("child" if child == 0 else "parent"), 1) for _ in range(100)]
while turns.acquire(blocking=False):
    pass
for _ in range(2):  # a second lies between two proofs, in which a loop that the fork has copied has its turn too
    assert turns.acquire(timeout=30)
mine += [engine.ask("INCRBY", engine.key("child" if child == 0 else "parent"), 1) for _ in range(100)]
assert mine == list(range(1, 201)), mine
assert engine.state.term == 1, engine.state
if child == 0:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print(engine.member)
"""


@pytest.mark.parametrize("kind", ["threads", "gevent"])
def test_a_fork_has_an_engine_of_its_own(redis: RedisServer, kind: str) -> None:
    """Parent and child each have their own connection and name, and neither takes the other's answers."""
    succeeds(redis, FORKS, kind)
    assert redis.do("MGET", "test:1:child", "test:1:parent") == [b"200", b"200"]


def test_greenlets_share_an_engine(redis: RedisServer) -> None:
    """Two hundred greenlets ask at once, and others go on meanwhile; a Redis that hangs holds up none of these."""
    code = """
import sys
from gevent import monkey
monkey.patch_all()
import gevent, os, signal, time
from poslogs.fleet.address import Address
from poslogs.fleet.ask import Away
from poslogs.fleet.engine import Engine

engine = Engine(Address(sys.argv[1]), "test")
engine.begin()
while not engine.state.ok:
    gevent.sleep(0.01)
counted = [gevent.spawn(engine.ask, "INCR", engine.key("n")) for _ in range(200)]
assert sorted(each.get() for each in counted) == list(range(1, 201))
print(sys.argv[3], file=sys.stderr, flush=True)
for _ in range(3):  # this process itself may stand still meanwhile
    os.kill(int(sys.argv[2]), signal.SIGSTOP)
    turns = 0
    asked = gevent.spawn(engine.ask, "INCR", engine.key("n"))
    while not asked.ready():
        gevent.sleep(0.01)
        turns += 1
    assert isinstance(asked.exception, Away), asked.exception
    os.kill(int(sys.argv[2]), signal.SIGCONT)
    while not engine.state.ok:
        gevent.sleep(0.01)
    assert engine.ask("PING") == b"PONG"
    if turns > 3:
        break
assert turns > 3, turns
"""
    succeeds(redis, code, str(redis.pid), STOPS)
