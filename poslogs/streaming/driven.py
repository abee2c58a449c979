"""What every stream has: an owner that drives it, and notes that anyone may leave."""

from __future__ import annotations

import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from typing import Final, Protocol

from poslogs.platformos.environments import Environment
from poslogs.streaming import frames
from poslogs.streaming.closing import Closing
from poslogs.streaming.frames import Chunk
from poslogs.streaming.publication import Publication
from poslogs.streaming.pulse import Pulse
from poslogs.streaming.reason import Reason
from poslogs.streaming.wake import Wake

RETRY_MS: Final = (200, 3000)  # how far a closing server spreads its readers' return


class Direct(Protocol):
    """What drives a stream in place of a thread that waits for it."""

    def publish(self, publication: Publication) -> bool:
        """Send a publication at once, if the stream waits for it; False when it must see to it in a turn of its own."""


class Driven(ABC):
    """A response that goes on.

    Its driver iterates `chunks` or `steps`, once, and alone closes the stream, as often as it likes. Everyone else
    leaves a note (`end`, `drain`, `disconnected`, `poke`, `revoke`, `offer`), which never waits.
    """

    __slots__ = ("_closing", "_pulse", "cut_off", "direct")

    def __init__(self, pulse: Pulse) -> None:
        self.cut_off: Callable[[], None] = lambda: None  # its connection, without waiting
        self.direct: Direct | None = None  # what drives it in place of a thread that waits for it
        self._pulse = pulse
        self._closing = Closing()

    # What anyone may do

    @property
    def wake(self) -> Wake:
        """What is set when the stream may have something to do."""
        return self._pulse.wake

    @wake.setter
    def wake(self, wake: Wake) -> None:
        self._pulse.wake = wake

    @property
    def beat_due(self) -> float:
        """On the clock: when a heartbeat is due."""
        return self._pulse.beat_due

    @property
    def entries(self) -> int:
        """How many entries were handed to the reader's connection."""
        return self._pulse.entries

    @entries.setter
    def entries(self, count: int) -> None:
        self._pulse.entries = count

    @property
    def reason(self) -> Reason | None:
        """Why the stream is over, or is about to be; None before that."""
        return self._pulse.reason

    @property
    @abstractmethod
    def names(self) -> Sequence[str]:
        """The environments that it reads, or has read."""

    @property
    @abstractmethod
    def environments(self) -> Sequence[Environment]:
        """What it reads and may be revoked."""

    @property
    def poked(self) -> bool:
        """The heartbeat that a poke asked for is not on its way yet."""
        return self._pulse.poked

    def on_close(self, give_back: Callable[[], None]) -> None:
        """Have something given back when the stream is over, however it ends; at once if it is over already."""
        self._closing.add(give_back)

    def disconnected(self) -> None:
        """Note that the reader has gone: the driver ends the stream, and gives everything back. Does not wait."""
        self._pulse.end(reason=Reason.LEFT)

    def end(self, *last: Chunk, reason: Reason = Reason.DONE) -> None:
        """Have the stream end with these chunks, at its next turn. Does not wait."""
        self._pulse.end(*last, reason=reason)

    def drain(self) -> None:
        """Have the stream end without `done`, because this server stops; its reader comes back after a while."""
        self._pulse.end(frames.farewell(random.randint(*RETRY_MS)), reason=Reason.DRAINED)

    def poke(self) -> None:
        """Have a heartbeat written now: a write is how some servers find out that a reader has gone."""
        self._pulse.poke()

    @abstractmethod
    def revoke(self, environment: Environment, reason: Chunk) -> None:
        """One of its environments may not be read any more. Does not wait."""

    @abstractmethod
    def offer(self, environments: Sequence[Environment]) -> None:
        """These may be read now: a stream of every environment follows. Does not wait."""

    # What its driver does

    @abstractmethod
    def steps(self) -> Generator[Chunk | float, None, None]:
        """The whole response: chunks to send, and where there is none, the time on the clock until which to wait.

        The next step is due when that comes, when `beat_due` has come, or as soon as `wake` is set.
        """

    @abstractmethod
    def passes(self, publication: Publication, send: Callable[[Chunk], None]) -> bool:
        """Have a publication sent that comes while this stream rests: its next turn begins after it.

        False when not all of it is new to this reader, so that its own turn must see to it.
        """

    @abstractmethod
    def close(self) -> None:
        """Leave what it reads and give everything back."""

    def beats(self, now: float) -> bool:
        """Count a heartbeat as sent, when it is to leave for a stream that rests; False when it does not rest."""
        return self._pulse.beats(now)

    def chunks(self) -> Iterator[Chunk]:
        """The whole response, for a server that has a thread wait for it."""
        pulse = self._pulse
        pulse.wake = wake = threading.Event()
        with closing(self.steps()) as steps:
            for step in steps:
                if isinstance(step, Chunk):
                    yield step
                elif (left := min(step, pulse.beat_due) - pulse.clock()) > 0:
                    wake.wait(min(left, threading.TIMEOUT_MAX))
