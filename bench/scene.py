"""What a run has: a server that listens, the stand-in that it polls, and readers to be opened."""

from __future__ import annotations

from dataclasses import dataclass

from bench.machine import Sample, sample
from bench.peers import TOKEN, Peer, environments
from bench.places import Places
from bench.readers import Readers
from bench.redis import Redis
from bench.scenarios import Case
from bench.server import Server
from bench.standin import StandIn

STREAMS_AN_ADDRESS = 4000  # of the readers' own: an address of loopback has ports for a few more


@dataclass(frozen=True, slots=True)
class Scene:
    """A run, while it goes on."""

    case: Case
    peer: Peer
    places: Places
    words: dict[str, str]
    standin: StandIn
    servers: tuple[Server, ...]  # of a fleet of servers several
    base: Sample  # of the first server, before the streams that are measured
    base_slab: int  # KiB of the kernel then
    redis: Redis | None = None  # of a peer with the engine

    @property
    def port(self) -> int:
        """Where the first server listens."""
        return self.servers[0].port

    def readers(
        self, streams: int, seconds: float, *, at_once: int = 1, kth: int = 1, server: Server | None = None
    ) -> Readers:
        """Opens a number of streams, at the first server unless another is named; they end after `seconds`."""
        sources = streams // STREAMS_AN_ADDRESS + 1
        given = {
            "--port": (server or self.servers[0]).port,
            "--n": streams,
            "--conc": at_once,
            "--seconds": int(seconds),
            "--kth": kth,
        }
        given |= {"--stride": self.case.stride, "--srcs": sources}
        all_streams = self.case.streams * len(self.servers)
        command = self.peer.arguments(self.places, all_streams, self.words, environments(self.case.environments))
        return Readers([*command, *(str(part) for pair in given.items() for part in pair)])

    def sample(self) -> Sample:
        """The first server now."""
        return sample(self.servers[0].pid)

    def samples(self) -> list[Sample]:
        """Each server now."""
        return [sample(server.pid) for server in self.servers]

    def polling(self) -> set[int]:
        """Which of the servers poll, by their places: those that say so themselves; without an engine all."""
        if not self.peer.engine:
            return set(range(len(self.servers)))
        told = [server.health(TOKEN) for server in self.servers]
        return {
            number
            for number, one in enumerate(told)
            if any(environment.get("polledBy") == one["process"] for environment in one["environments"])
        }
