"""The driver: puts server, environments, faults and readers together for a while, then has them judged."""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import requests

from tests.fleet.redis_server import RedisServer
from tests.fleet.way import Way
from tests.soak.clients import NAMES, OPERATOR, clients
from tests.soak.engine import RedisFaults
from tests.soak.environment import Environment
from tests.soak.faults import Faults
from tests.soak.health import Health
from tests.soak.host import HostFaults
from tests.soak.joint import joint_subscribers
from tests.soak.judge import Verdict, judge
from tests.soak.machine import Watch, held, wait, warm, worker_load
from tests.soak.manner import manners
from tests.soak.newcomers import AT_ONCE, Newcomers
from tests.soak.outcome import Outcome, is_back
from tests.soak.readers import Subscriber
from tests.soak.source import Source
from tests.soak.strangers import Strangers
from tests.support.platformos import PlatformOS
from tests.support.server import Server

SPARE = 40  # requests at once beside the readers: strangers, and those that have left and are not yet noticed
ENDS_SHARE = 0.4  # of the time in which workers are ended too; the last one then lives on to the end, or no leak shows
CATCH_UP_SECONDS = 90.0  # the longest wait between two tries after failed polls is 30 s
SEAL_SECONDS = 5.0  # until there are more last rows for readers that were given none
LINGER_SECONDS = 25.0  # until feeds without readers and kept connections have ended, and free memory is given back
TELL_SECONDS = 10.0
KEPT_REQUESTS = 1000
ENVIRONMENT = {
    "POSLOGS_HEARTBEAT_SECONDS": "0.5",
    "POSLOGS_WINDOW_MB": "1",  # small, so that readers are left behind
    "POSLOGS_POLL_SECONDS": "3",
}


def soak(
    seconds: float,
    seed: int,
    kind: str,
    direct: str = "on",
    tell: Callable[[str], None] = print,
    fleet: int = 0,
) -> Outcome:
    """Run one soak. Everything random is drawn from the seed; what threads and processes make of it is not.

    `kind` is gunicorn's worker, `direct` (on or off) the setting POSLOGS_DIRECT. With `fleet` that many servers share a
    Redis: each reader comes back at any of them, and Redis has faults too. It takes `seconds`, and at most
    CATCH_UP_SECONDS twice, LINGER_SECONDS and the server's end on top.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        environments = [
            Environment(name, stack.enter_context(PlatformOS(token=f"pos-token-{name}")), seed) for name in NAMES
        ]
        redis, way = _redis(stack) if fleet else (None, None)
        more = {"POSLOGS_REDIS_URL": way.url} if way else {}
        servers = [
            stack.enter_context(
                Server(
                    _made(folder / str(number)),
                    kind,
                    environments={environment.name: environment.platformos for environment in environments},
                    clients=clients(),
                    env={**ENVIRONMENT, "POSLOGS_DIRECT": direct, **more},
                )
            )
            for number in range(max(1, fleet))
        ]
        urls = [server.url for server in servers]
        chance = random.Random(f"{seed} readers")
        subscribers = [
            Subscriber(
                urls,
                manner,
                random.Random(f"{seed} {manner.name}"),
                environments[NAMES.index(manner.environment)],
            )
            for manner in manners(chance, seconds)
        ]
        subscribers += joint_subscribers(urls, environments, seed)
        start = [warm(server, len(subscribers) + SPARE + AT_ONCE * len(NAMES)) for server in servers]
        watches = [Watch(server) for server in servers]
        for watch in watches:
            stack.callback(watch.stop)
            watch.start()
        from_platforms = [environment.faults(servers) for environment in environments]
        from_host = HostFaults(servers, environments, f"{seed} host")
        until = time.monotonic() + seconds * ENDS_SHARE
        chaos = [
            *[Faults(one.kinds(), (0.3, 2.5), f"{seed} {one.name}") for one in from_platforms],
            Faults(from_host.ends(), (2.0, 8.0), f"{seed} processes", until),
            Faults(from_host.edits(), (2.0, 8.0), f"{seed} files"),
        ]
        from_redis = None
        if redis and way:
            from_redis = RedisFaults(redis, way, servers, environments, from_host, f"{seed} redis")
            chaos.append(Faults(from_redis.kinds(), (1.0, 6.0), f"{seed} engine"))
        strangers = [Strangers(server, f"{seed} strangers{_nth(number)}") for number, server in enumerate(servers)]
        healths = [Health(server, from_host) for server in servers]
        sources = [environment.source for environment in environments]
        newcomers = [
            Newcomers(urls, one.environment, one, from_host, f"{seed} {one.environment.name} newcomers")
            for one in subscribers
            if one.manner.habit == "stands"
        ]
        for one in (*sources, *chaos, *strangers, *healths, *subscribers, *newcomers):
            one.start()

        _let_run(seconds, environments, watches, [*chaos, *newcomers], subscribers, tell)
        for stranger in strangers:
            stranger.stop()
        for faults in chaos:
            faults.stop()
        for each in newcomers:
            each.calm()
        for environment in environments:
            environment.platformos.heal()
            environment.first.disarm()
            environment.source.stop()
        threads: list[Source | Faults | Newcomers] = [*sources, *chaos, *newcomers]
        for thread in threads:
            if thread.failure is not None:
                told = "\n".join(server.output[-5000:] for server in servers)
                raise AssertionError(f"{thread.name} failed:\n{told}") from thread.failure
        from_host.wait_live()
        for subscriber in subscribers:
            subscriber.calm.set()
        _settle(environments, subscribers, tell)
        for each in newcomers:
            each.join()
        for health in healths:
            health.stop()
        for subscriber in subscribers:
            subscriber.stop()
        for subscriber in subscribers:
            subscriber.join()
        left = [_streams_left(server) for server in servers]
        wait(
            lambda: all(is_back(worker_load(server), one) for server, one in zip(servers, start, strict=True)),
            LINGER_SECONDS,
        )
        end, ended = [worker_load(server) for server in servers], time.monotonic()
        return Outcome(
            seconds=seconds,
            seed=seed,
            kind=kind,
            direct=direct,
            environments=environments,
            faults=sum((faults.count for faults in chaos), Counter()),
            strangers=sum((stranger.count for stranger in strangers), Counter()),
            subscribers=subscribers,
            verdicts=[_verdict(subscriber) for subscriber in subscribers],
            newcomers=newcomers,
            start=start,
            peak=max(watch.peak for watch in watches),
            end=end,
            held=[held(server) for server in servers],
            asked={one.name: ended - one.platformos.requests[-1].at for one in environments},
            lived=min(watch.lived for watch in watches),
            streams=None if None in left else sum(count or 0 for count in left),
            slowest_stop=from_host.slowest_stop,
            asked_how_it_is=sum(health.asked for health in healths),
            unwell=sum((health.wrong for health in healths), Counter()),
            wrong=[wrong for stranger in strangers for wrong in stranger.wrong],
            outputs=[server.output for server in servers],
            rejoined=from_redis.rejoined if from_redis else 0.0,
        )


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _nth(number: int) -> str:
    """What the seeds of the second and later servers' parts differ by."""
    return f" {number}" if number else ""


def _redis(stack: ExitStack) -> tuple[RedisServer, Way]:
    redis = stack.enter_context(RedisServer())
    return redis, stack.enter_context(Way(redis.port))


def _let_run(
    seconds: float,
    environments: list[Environment],
    watches: list[Watch],
    chaos: list[Faults | Newcomers],
    subscribers: list[Subscriber],
    tell: Callable[[str], None],
) -> None:
    began = told = time.monotonic()
    threads: list[Source | Faults | Newcomers] = [*(environment.source for environment in environments), *chaos]
    rows = dict.fromkeys(NAMES, 0)
    while (now := time.monotonic()) < began + seconds and not any(thread.failure for thread in threads):
        time.sleep(min(TELL_SECONDS, max(0.0, began + seconds - now)))
        now, passed = time.monotonic(), time.monotonic() - told
        rates = []
        for environment in environments:
            del environment.platformos.requests[:-KEPT_REQUESTS]
            listed = len(environment.listing)
            rates.append(f"{(listed - rows[environment.name]) / max(passed, 0.01):.0f} of {environment.name}")
            rows[environment.name] = listed
        told = now
        count = sum(faults.count.total() for faults in chaos if isinstance(faults, Faults))
        delivered = sum(len(subscriber.journal.serials) for subscriber in subscribers)
        tell(
            f"{now - began:5.0f} s: rows a second {', '.join(rates)}; {delivered} entries delivered, {count} faults; "
            f"worker: {'; '.join(str(watch.last or 'none') for watch in watches)}"
        )


def _verdict(subscriber: Subscriber) -> Verdict:
    return judge(subscriber.manner, subscriber.start_id, subscriber.journal, subscriber.environment.listing)


def _settle(
    environments: list[Environment],
    subscribers: list[Subscriber],
    tell: Callable[[str], None],
) -> None:
    """Wait until every reader has all, or time is up; then until several more polls brought nothing."""
    began = time.monotonic()
    last = _sealed(environments)
    while not wait(partial(_all_had_last, subscribers, last), SEAL_SECONDS):
        if time.monotonic() > began + CATCH_UP_SECONDS:
            break
        if not all(one.journal.serials for one in subscribers):  # one asked for what comes, and had not begun yet
            last = _sealed(environments)
    left = CATCH_UP_SECONDS - (time.monotonic() - began)
    if wait(lambda: not any(_verdict(one).lost for one in subscribers), left):
        tell(f"all readers have caught up after {time.monotonic() - began:.1f} s")
    else:
        tell(f"not all readers have caught up within {CATCH_UP_SECONDS:g} s")
        for environment in environments:
            asked = [f"{began - one.at:+.1f} s: {one.last_id}" for one in environment.platformos.requests[-12:]]
            tell(f"rows of {environment.name} end at {environment.listing.last}; the last questions, each with the")
            tell(f"time by which it came before the end: {', '.join(asked)}")
    for environment in environments:
        platformos = environment.platformos
        asked_by_now = len(platformos.requests)
        platformos.wait_until(
            lambda platformos=platformos, count=asked_by_now: len(platformos.requests) > count + 5,
            CATCH_UP_SECONDS,
        )


def _sealed(environments: list[Environment]) -> dict[str, int]:
    """List the last rows; the serial of the very last of each environment."""
    for environment in environments:
        environment.source.seal()
    return {environment.name: max(environment.listing.rows()) for environment in environments}


def _all_had_last(subscribers: list[Subscriber], last: dict[str, int]) -> bool:
    return all(_had_last(one, last[one.environment.name]) for one in subscribers)


def _had_last(subscriber: Subscriber, last: int) -> bool:
    """Whether a reader was given one of the last rows, by a cheap look; a filter may keep the very last from it."""
    return last - 9 < max(subscriber.journal.serials[-9:], default=0)


def _streams_left(server: Server) -> int | None:
    """How many streams the server still has, by its slots or its feeds, once all readers have left.

    None within a second, says the contract; a loaded machine has five. None (the value) when it did not answer.
    """
    try:
        wait(lambda: _streams(server) == 0, 5.0)
        return _streams(server)
    except requests.RequestException:
        return None


def _streams(server: Server) -> int:
    told = server.get("/health", OPERATOR).json()
    return max(int(told["streams"]), sum(int(one["streams"]) for one in told["environments"]))
