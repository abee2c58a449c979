"""What a run has: a server that listens, the stand-in that it polls, and readers to be opened."""

from __future__ import annotations

from dataclasses import dataclass

from bench.machine import Sample, sample
from bench.peers import Peer, environments
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
    port: int
    standin: StandIn
    server: Server
    base: Sample  # of the server, before the streams that are measured
    base_slab: int  # KiB of the kernel then
    redis: Redis | None = None  # of a peer with the engine

    def readers(self, streams: int, seconds: float, *, at_once: int = 1, kth: int = 1) -> Readers:
        """Opens a number of streams, which end by themselves after `seconds`."""
        sources = streams // STREAMS_AN_ADDRESS + 1
        given = {"--port": self.port, "--n": streams, "--conc": at_once, "--seconds": int(seconds), "--kth": kth}
        given |= {"--stride": self.case.stride, "--srcs": sources}
        command = self.peer.arguments(self.places, self.case.streams, self.words, environments(self.case.environments))
        return Readers([*command, *(str(part) for pair in given.items() for part in pair)])

    def sample(self) -> Sample:
        """The server now."""
        return sample(self.server.pid)
