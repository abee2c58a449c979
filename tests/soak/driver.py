"""The driver: puts server, platformOS, rows, faults and readers together for a while, then has them judged."""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.soak.faults import Faults, HostFaults, PlatformFaults
from tests.soak.judge import Verdict, judge
from tests.soak.ledger import Listing
from tests.soak.machine import CLIENTS, TOKEN, Load, Watch, wait, warm, worker_load
from tests.soak.readers import Subscriber, manner
from tests.soak.source import Source
from tests.soak.strangers import Strangers
from tests.support.platformos import PlatformOS
from tests.support.server import Server

READERS = 16
SPARE = 24  # requests at once beside the readers: strangers, and those that have left and are not yet noticed
ENDS_SHARE = 0.4  # of the time in which workers are ended too; the last one then lives on to the end, or no leak shows
CATCH_UP_SECONDS = 90.0  # the longest wait between two tries after failed polls is 30 s
LINGER_SECONDS = 25.0  # until feeds without readers and connections that are kept alive have ended
TELL_SECONDS = 10.0
KEPT_REQUESTS = 1000
MORE = 3  # descriptors or threads at the end, beyond those at the start, that are no leak
MORE_AT_END = (
    96 << 20
)  # bytes at the end, beyond those at the start, that are no leak: what a heap keeps after huge answers
MORE_MEMORY = 512 << 20  # bytes beyond the start, at any time: an answer of 32 MiB is parsed now and then
SLOWEST_STOP = 6.0  # seconds; faults.md has 3, on a machine that does nothing else
ENVIRONMENT = {
    "POSLOGS_HEARTBEAT_SECONDS": "0.5",
    "POSLOGS_WINDOW_MB": "1",  # small, so that readers are left behind
    "POSLOGS_POLL_SECONDS": "3",
}


@dataclass(frozen=True)
class Outcome:
    """What came of a soak."""

    seconds: float
    seed: int
    kind: str
    faults: Counter[str]
    strangers: Counter[str]
    rows: int
    odd: Counter[str]
    subscribers: list[Subscriber]
    verdicts: list[Verdict]
    start: Load
    peak: int
    end: Load | None
    lived: float  # seconds that the last worker has lived
    streams: int | None  # that the server thinks are open, after all have left
    slowest_stop: float
    wrong: list[str]
    output: str

    @property
    def troubles(self) -> list[str]:
        """What is not as it must be, in words; empty when all is well."""
        found = [f"{s.name}: {s.refused}" for s in self.subscribers if s.refused]
        found += [f"{s.name}: {spoiled}" for s in self.subscribers for spoiled in s.journal.spoiled[:3]]
        found += [f"{s.name}: {s.silent} streams fell silent" for s in self.subscribers if s.silent]
        found += [
            f"{s.name} ({s.manner.tool}, {s.manner.input}): {word} {len(serials)}: rows {serials[:20]}"
            for s, v in zip(self.subscribers, self.verdicts, strict=True)
            for word in ("lost", "doubled", "disordered", "invented")
            if (serials := getattr(v, word))
        ]
        found += self.wrong
        found += ["a traceback in the server's log"] if "Traceback" in self.output else []
        found += [f"{secret} in the server's log" for secret in (TOKEN, "pos-token") if secret in self.output]
        if (fell := self.output.count(" fell back ")) > self.faults["restore"]:
            found.append(f"ids fell back {fell} times for the server, {self.faults['restore']} times in truth")
        if self.streams != 0:
            found.append(f"{self.streams} streams are open after all have left")
        if self.end is None:
            found.append("no worker at the end")
        else:
            more = self.end.descriptors - self.start.descriptors, self.end.threads - self.start.threads
            if max(more) > MORE or self.end.memory > self.start.memory + MORE_AT_END:
                found.append(f"a leak: {self.end} at the end, {self.start} at the start")
        if self.peak > self.start.memory + MORE_MEMORY:
            found.append(f"memory: {self.peak >> 20} MiB at the worst")
        if self.slowest_stop > SLOWEST_STOP:
            found.append(f"a worker took {self.slowest_stop:.1f} s to stop")
        return found


def soak(seconds: float, seed: int, kind: str, tell: Callable[[str], None] = print) -> Outcome:
    """Run one soak. Everything random is drawn from the seed; what threads and processes make of it is not.

    It takes `seconds`, and at most CATCH_UP_SECONDS twice, LINGER_SECONDS and the server's end on top.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        platformos = stack.enter_context(PlatformOS())
        server = stack.enter_context(
            Server(folder, kind, environments={"staging": platformos}, clients=CLIENTS, env=ENVIRONMENT)
        )
        start = warm(server, READERS + SPARE)
        watch = Watch(server)
        stack.callback(watch.stop)
        watch.start()
        listing = Listing()
        source = Source(platformos, listing, f"{seed} rows")
        quiet = threading.Lock()
        from_platform = PlatformFaults(platformos, source, server, quiet, f"{seed} answers")
        from_host = HostFaults(server, platformos, quiet, f"{seed} host")
        until = time.monotonic() + seconds * ENDS_SHARE
        chaos = [
            Faults(from_platform.kinds(), (0.3, 2.5), f"{seed} platformOS"),
            Faults(from_host.ends(), (2.0, 8.0), f"{seed} processes", until),
            Faults(from_host.edits(), (2.0, 8.0), f"{seed} files"),
        ]
        strangers = Strangers(server, TOKEN, f"{seed} strangers")
        chance = random.Random(f"{seed} readers")
        subscribers = [
            Subscriber(server.url, manner(chance, n, seconds), random.Random(f"{seed} {n}"), lambda: listing.last)
            for n in range(READERS)
        ]
        for one in (source, *chaos, strangers, *subscribers):
            one.start()

        _let_run(seconds, platformos, watch, listing, [source, *chaos], subscribers, tell)
        strangers.stop()
        for faults in chaos:
            faults.stop()
        platformos.heal()
        source.stop()
        threads: list[Source | Faults] = [source, *chaos]
        for thread in threads:
            if thread.failure is not None:
                raise AssertionError(f"{thread.name} failed:\n{server.output[-5000:]}") from thread.failure
        server.wait_live()
        for subscriber in subscribers:
            subscriber.calm.set()
        verdicts = _settle(platformos, listing, source, from_platform, subscribers, tell)
        for subscriber in subscribers:
            subscriber.stop()
        for subscriber in subscribers:
            subscriber.join()
        streams = _streams_left(server)
        wait(lambda: _back(worker_load(server), start), LINGER_SECONDS)
        end = worker_load(server)
        return Outcome(
            seconds,
            seed,
            kind,
            sum((faults.count for faults in chaos), Counter()),
            strangers.count,
            len(listing),
            source.count,
            subscribers,
            verdicts,
            start,
            watch.peak,
            end,
            watch.lived,
            streams,
            from_host.slowest_stop,
            strangers.wrong,
            server.output,
        )


def _let_run(
    seconds: float,
    platformos: PlatformOS,
    watch: Watch,
    listing: Listing,
    threads: list[Source | Faults],
    subscribers: list[Subscriber],
    tell: Callable[[str], None],
) -> None:
    began = told = time.monotonic()
    rows = 0
    while (now := time.monotonic()) < began + seconds and not any(thread.failure for thread in threads):
        time.sleep(min(TELL_SECONDS, max(0.0, began + seconds - now)))
        del platformos.requests[:-KEPT_REQUESTS]
        now, passed = time.monotonic(), time.monotonic() - told
        count = sum(sum(thread.count.values()) for thread in threads if isinstance(thread, Faults))
        delivered = sum(len(subscriber.journal.serials) for subscriber in subscribers)
        rate = (len(listing) - rows) / passed if passed > 0 else 0.0
        told, rows = now, len(listing)
        tell(
            f"{now - began:5.0f} s: {rate:4.0f} rows a second, {delivered} entries delivered, {count} faults; "
            f"worker: {watch.last or 'none'}"
        )


def _settle(
    platformos: PlatformOS,
    listing: Listing,
    source: Source,
    faults: PlatformFaults,
    subscribers: list[Subscriber],
    tell: Callable[[str], None],
) -> list[Verdict]:
    """Wait until every reader has all, or time is up; then until several more polls brought nothing."""

    def verdicts() -> list[Verdict]:
        return [judge(s.manner, s.start_id, s.journal, listing, faults.blanks) for s in subscribers]

    source.seal()
    last = max(listing.rows())
    began = time.monotonic()
    wait(lambda: all(_had_last(subscriber, last) for subscriber in subscribers), CATCH_UP_SECONDS)
    if not wait(lambda: not any(verdict.lost for verdict in verdicts()), CATCH_UP_SECONDS - (time.monotonic() - began)):
        last_asked = [f"{began - request.at:+.1f} s: {request.last_id}" for request in platformos.requests[-12:]]
        tell(f"not all readers have caught up within {CATCH_UP_SECONDS:g} s; rows end at {listing.last}")
        tell(f"the last questions, each with the time by which it came before the end: {', '.join(last_asked)}")
    else:
        tell(f"all readers have caught up after {time.monotonic() - began:.1f} s")
    asked = len(platformos.requests)
    platformos.wait_until(lambda: len(platformos.requests) > asked + 5, CATCH_UP_SECONDS)
    return verdicts()


def _had_last(subscriber: Subscriber, last: int) -> bool:
    """A cheap look: whether it was given one of the last rows; a filter may keep the very last from it."""
    return last - 9 < max(subscriber.journal.serials[-9:], default=0)


def _streams_left(server: Server) -> int | None:
    """How many streams the server counts once all readers have left: none within a second, says the contract."""
    try:
        wait(lambda: server.streams_open(TOKEN) == 0, 5.0)
        return server.streams_open(TOKEN)
    except requests.RequestException:
        return None


def _back(load: Load | None, start: Load) -> bool:
    return load is not None and load.descriptors <= start.descriptors + MORE and load.threads <= start.threads + MORE
