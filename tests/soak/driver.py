"""The driver: puts server, platformOS, rows, faults and readers together for a while, then has them judged."""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.soak.faults import Faults, HostFaults, PlatformFaults
from tests.soak.judge import Verdict, judge
from tests.soak.ledger import Listing
from tests.soak.machine import Load, Watch, wait, warm, worker_load
from tests.soak.readers import Subscriber, manner
from tests.soak.source import Source
from tests.support.platformos import PlatformOS
from tests.support.server import Server

READERS = 16
SPARE = 8  # requests at once beside the readers: those that have left and are not yet noticed
CATCH_UP_SECONDS = 60.0
LINGER_SECONDS = 25.0  # until feeds without readers and connections that are kept alive have ended
TELL_SECONDS = 10.0
KEPT_REQUESTS = 1000
MORE = 3  # descriptors or threads at the end, beyond those at the start, that are no leak
MORE_MEMORY = 256 << 20  # bytes beyond the start, at any time
ENVIRONMENT = {
    "POSLOGS_HEARTBEAT_SECONDS": "0.5",
    "POSLOGS_WINDOW_MB": "1",  # small, so that readers are left behind
    "POSLOGS_POLL_SECONDS": "3",
    "POSLOGS_POLL_MB": "8",
}


@dataclass(frozen=True)
class Outcome:
    """What came of a soak."""

    seconds: float
    seed: int
    kind: str
    faults: Counter[str]
    rows: int
    late: int
    strays: int
    subscribers: list[Subscriber]
    verdicts: list[Verdict]
    start: Load
    peak: int
    end: Load | None
    slowest_stop: float
    tracebacks: int
    output: str

    @property
    def troubles(self) -> list[str]:
        """What is not as it must be, in words; empty when all is well."""
        found = [f"{s.name}: {s.refused}" for s in self.subscribers if s.refused]
        found += [f"{s.name}: {spoiled}" for s in self.subscribers for spoiled in s.journal.spoiled[:3]]
        found += [f"{s.name}: {s.silent} streams fell silent" for s in self.subscribers if s.silent]
        found += [
            f"{s.name} ({s.manner.tool}, {s.manner.input}): {word} {len(ids)}: {ids[:20]}"
            for s, v in zip(self.subscribers, self.verdicts, strict=True)
            for word in ("lost", "doubled", "disordered", "invented")
            if (ids := getattr(v, word))
        ]
        found += [f"{self.tracebacks} tracebacks in the server's log"] if self.tracebacks else []
        found += [line for line in self.output.splitlines() if " fell back " in line]  # none did
        if self.end is None:
            found.append("no worker at the end")
        elif self.end.descriptors > self.start.descriptors + MORE or self.end.threads > self.start.threads + MORE:
            found.append(f"a leak: {self.end} at the end, {self.start} at the start")
        if self.peak > self.start.memory + MORE_MEMORY:
            found.append(f"memory: {self.peak >> 20} MiB at the worst")
        return found


def soak(seconds: float, seed: int, kind: str, tell: Callable[[str], None] = print) -> Outcome:
    """Run one soak. Everything random is drawn from the seed; what threads and processes make of it is not."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        platformos = stack.enter_context(PlatformOS())
        environments = {"staging": platformos}
        server = stack.enter_context(Server(folder, kind, environments=environments, env=ENVIRONMENT))
        start = warm(server, READERS + SPARE)
        watch = Watch(server)
        stack.callback(watch.stop)
        watch.start()
        listing = Listing()
        source = Source(platformos, listing, f"{seed} rows")
        from_platform = PlatformFaults(platformos, source, f"{seed} answers")
        from_host = HostFaults(server, platformos, f"{seed} host")
        chaos = [
            Faults(from_platform.kinds(), (0.3, 2.5), f"{seed} platformOS"),
            Faults(from_host.kinds(), (1.0, 6.0), f"{seed} processes"),
        ]
        chance = random.Random(f"{seed} readers")
        subscribers = [
            Subscriber(
                server.url, manner(chance, f"reader {n}", seconds), random.Random(f"{seed} {n}"), lambda: listing.last
            )
            for n in range(READERS)
        ]
        for thread in (source, *chaos, *subscribers):
            thread.start()

        _let_run(seconds, platformos, listing, chaos, subscribers, tell)
        for faults in chaos:
            faults.stop()
        platformos.heal()
        source.stop()
        from_host.wait_live()
        for subscriber in subscribers:
            subscriber.calm.set()
        verdicts = _settle(platformos, listing, source, from_platform, subscribers, tell)
        for subscriber in subscribers:
            subscriber.stop()
        for subscriber in subscribers:
            subscriber.join()
        wait(lambda: _back(worker_load(server), start), LINGER_SECONDS)
        end = worker_load(server)
        for faults in chaos:
            if faults.failure is not None:
                raise AssertionError(f"a fault could not be injected:\n{server.output[-5000:]}") from faults.failure
        return Outcome(
            seconds,
            seed,
            kind,
            chaos[0].count + chaos[1].count,
            len(listing),
            source.late,
            source.strays,
            subscribers,
            verdicts,
            start,
            watch.peak,
            end,
            from_host.slowest_stop,
            server.output.count("Traceback"),
            server.output,
        )


def _let_run(
    seconds: float,
    platformos: PlatformOS,
    listing: Listing,
    chaos: list[Faults],
    subscribers: list[Subscriber],
    tell: Callable[[str], None],
) -> None:
    began = told = time.monotonic()
    rows = 0
    while (now := time.monotonic()) < began + seconds and not any(faults.failure for faults in chaos):
        time.sleep(min(TELL_SECONDS, max(0.0, began + seconds - now)))
        del platformos.requests[:-KEPT_REQUESTS]
        now, passed = time.monotonic(), time.monotonic() - told
        count = sum(sum(faults.count.values()) for faults in chaos)
        delivered = sum(len(subscriber.journal.ids) for subscriber in subscribers)
        rate = (len(listing) - rows) / passed if passed > 0 else 0.0
        told, rows = now, len(listing)
        tell(f"{now - began:5.0f} s: {rate:4.0f} rows a second, {delivered} entries delivered, {count} faults")


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
        rows = listing.rows()
        return [judge(s.manner, s.start_id, s.journal, rows, faults.blanks) for s in subscribers]

    source.seal()
    began = time.monotonic()
    if not wait(lambda: not any(verdict.lost for verdict in verdicts()), CATCH_UP_SECONDS):
        tell(f"not all readers have caught up within {CATCH_UP_SECONDS:g} s")
    else:
        tell(f"all readers have caught up after {time.monotonic() - began:.1f} s")
    asked = len(platformos.requests)
    platformos.wait_until(lambda: len(platformos.requests) > asked + 5, CATCH_UP_SECONDS)
    return verdicts()


def _back(load: Load | None, start: Load) -> bool:
    return load is not None and load.descriptors <= start.descriptors + MORE and load.threads <= start.threads + MORE
