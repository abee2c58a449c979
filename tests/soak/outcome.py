"""The outcome of a soak, and what in it is not as it must be."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tests.soak.clients import SECRETS
from tests.soak.environment import Environment
from tests.soak.faults import id_resets
from tests.soak.judge import Verdict
from tests.soak.machine import Load
from tests.soak.newcomers import Newcomers
from tests.soak.readers import Subscriber

MORE = 3  # this many descriptors or threads more at the end than at the start are not a leak
MORE_AT_END = (
    96 << 20
)  # this many bytes more at the end than at the start are not a leak: a heap keeps them after huge answers
MORE_MEMORY = 512 << 20  # bytes beyond the start, at any time: an answer of 32 MiB is parsed now and then
SLOWEST_STOP = 6.0  # seconds; faults.md has 3, on a machine that does nothing else
REJOIN_SECONDS = 15.0  # fleet.md has 10, on a machine that does nothing else
SHOWN = 3  # of a reader's troubles of one kind


@dataclass(frozen=True)
class Outcome:
    """What came of a soak."""

    seconds: float
    seed: int
    kind: str
    direct: str
    environments: list[Environment]
    faults: Counter[str]
    strangers: Counter[str]
    subscribers: list[Subscriber]
    verdicts: list[Verdict]
    newcomers: list[Newcomers]
    start: list[Load]  # of each server's worker, as the others here
    peak: int
    end: list[Load | None]
    held: list[str]  # what the workers' descriptors are at the end
    asked: dict[str, float]  # when each platformOS was last asked, in seconds before the end
    lived: float  # seconds that the last worker has lived
    streams: int | None  # that the server thinks are open, after all have left
    slowest_stop: float
    asked_how_it_is: int
    unwell: Counter[str]  # what the server said of itself, or its worker did, that is wrong
    wrong: list[str]
    outputs: list[str]  # of each server
    rejoined: float  # seconds, the longest from a Redis that is well to a fleet that has rejoined

    @property
    def rows(self) -> int:
        """How many rows were listed, in all environments."""
        return sum(len(environment.listing) for environment in self.environments)

    @property
    def judged(self) -> list[tuple[Subscriber, Verdict]]:
        """All readers with their verdicts; of the newcomers only those with something wrong."""
        return [*zip(self.subscribers, self.verdicts, strict=True), *(bad for one in self.newcomers for bad in one.bad)]

    @property
    def troubles(self) -> list[str]:
        """What is not as it must be, in words; empty when all is well."""
        found = [trouble for reader, verdict in self.judged for trouble in _of_reader(reader, verdict)]
        found += [wrong for newcomers in self.newcomers for wrong in newcomers.wrong]
        found += [f"{said} ({times} times)" for said, times in self.unwell.items()]
        found += self.wrong
        for output in self.outputs:
            found += ["a traceback in the server's log"] if "Traceback" in output else []
            found += [f"{secret} in the server's log" for secret in SECRETS if secret in output]
            for environment in self.environments:
                fell, restores = id_resets(output, environment.name), len(environment.listing.restores)
                if fell > restores:
                    found.append(
                        f"ids of {environment.name} were reset {fell} times for the server, {restores} in truth"
                    )
        if self.rejoined > REJOIN_SECONDS:
            found.append(f"the fleet took {self.rejoined:.1f} s to rejoin after Redis was well")
        return found + self._of_machine()

    def _of_machine(self) -> list[str]:
        found = []
        if self.streams != 0:
            found.append(f"{self.streams} streams are open after all have left")
        for start, end, held in zip(self.start, self.end, self.held, strict=True):
            if end is None:
                found.append("no worker at the end")
            elif not is_back(end, start):
                asked = ", ".join(f"{name} {ago:.0f} s" for name, ago in self.asked.items())
                found.append(f"a leak: {end} at the end, {start} at the start; asked before: {asked}")
                found.append(f"it holds {held}")
        if self.peak > max(start.memory for start in self.start) + MORE_MEMORY:
            found.append(f"memory: {self.peak >> 20} MiB at the worst")
        if self.slowest_stop > SLOWEST_STOP:
            found.append(f"a worker took {self.slowest_stop:.1f} s to stop")
        return found


def is_back(load: Load | None, start: Load) -> bool:
    """Whether memory, descriptors and threads are as at the start."""
    return (
        load is not None
        and load.memory <= start.memory + MORE_AT_END
        and load.descriptors <= start.descriptors + MORE
        and load.threads <= start.threads + MORE
    )


def _of_reader(subscriber: Subscriber, verdict: Verdict) -> list[str]:
    journal = subscriber.journal
    found = [f"foreign: {what}" for what in journal.foreign[:SHOWN]]
    found += [f"refused: {subscriber.refused}"] if subscriber.refused else []
    found += [f"spoiled: {what}" for what in journal.spoiled[:SHOWN]]
    found += [f"{subscriber.silent} streams fell silent"] if subscriber.silent else []
    found += [
        f"{word} {len(serials)}: rows {serials[:20]}"
        for word in ("lost", "doubled", "disordered", "invented")
        if (serials := getattr(verdict, word))
    ]
    return [f"{subscriber.manner}: {trouble}" for trouble in found]
