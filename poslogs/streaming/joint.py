"""A joint stream: one reader of several environments, whose positions name them all (docs/decisions/0018)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

from poslogs.platformos.environments import Environment
from poslogs.streaming import frames
from poslogs.streaming.addressed import addressed
from poslogs.streaming.driven import Driven
from poslogs.streaming.frames import DONE, OPEN, Chunk
from poslogs.streaming.part import Part
from poslogs.streaming.positions import number_of, spelt_name, start_of
from poslogs.streaming.publication import Publication
from poslogs.streaming.pulse import Ended, Pulse, Silent
from poslogs.streaming.reason import Reason
from poslogs.streaming.refused import Refused
from poslogs.streaming.stream import Start, Stream

Open = Callable[[Environment, Start], Stream]


class JointStream(Driven):
    """The streams of several environments as one.

    Each has its own order, and comes as it arrives; each id names the position of all.
    """

    __slots__ = ("_every", "_last", "_most", "_numbers", "_offered", "_open", "_parts", "_refused", "_seen")

    def __init__(
        self,
        open_part: Open,
        starts: Mapping[Environment, Start],
        *,
        every: bool,
        most: int,
        away: Mapping[str, Start],
        heartbeat: float,
        duration: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`heartbeat` and `duration` are seconds; `every`: environments that come and go do so here too, up to `most`;
        `away` is where those continue that are not there now.

        `open_part` gives the stream of one environment, which neither beats nor ends by itself.
        """
        super().__init__(Pulse(Silent(), clock, heartbeat, duration))
        self._every = every
        self._most = most
        self._last = Reason.DONE  # why the part ended that did so last
        self._open = open_part
        self._refused = Refused()
        self._parts = {env.name: self._part(env, start) for env, start in starts.items()}
        self._numbers = {name: number_of(start) for name, start in away.items()}
        self._numbers |= {env.name: number_of(start) for env, start in starts.items()}
        self._offered: Sequence[Environment] = tuple(starts)
        self._seen: Sequence[Environment] = self._offered

    # What anyone may do

    @property
    def names(self) -> tuple[str, ...]:
        """The environments that it reads, or has read."""
        return tuple(self._numbers)

    @property
    def environments(self) -> tuple[Environment, ...]:
        """What it reads and may be revoked."""
        return () if self._every else tuple(part.environment for part in list(self._parts.values()))

    def revoke(self, environment: Environment, reason: Chunk) -> None:
        """One environment may not be read any more: its part ends, the others go on. Does not wait."""
        part = self._parts.get(environment.name)
        if part is not None:
            part.stream.end(reason, reason=Reason.REVOKED)

    def offer(self, environments: Sequence[Environment]) -> None:
        """These may be read now: a stream of `every` environment follows. Does not wait."""
        if tuple(environments) != self._offered:
            self._offered = tuple(environments)
            self._pulse.wake.set()

    def passes(self, _publication: Publication, _send: Callable[[Chunk], None]) -> bool:
        """Whether a publication was sent meanwhile: never, since its ids depend on the other parts."""
        return False

    # What its driver does

    def close(self) -> None:
        """Leave the feeds and give everything back."""
        give_back = self._closing.close()
        self._pulse.end(reason=Reason.LEFT)
        for part in self._parts.values():
            part.close()
        for function in give_back:
            function()

    def steps(self) -> Generator[Chunk | float, None, None]:
        """The whole response: chunks to send, and where there is none, the time on the clock until which to wait.

        The next step is due when that comes, when `beat_due` has come, or as soon as `wake` is set.
        """
        pulse = self._pulse
        try:
            yield OPEN
            while True:
                pulse.look()
                yield from self._see_offer()
                yield from self._try_again()
                if not self._parts:
                    raise Ended(DONE, reason=self._last)
                sent = False
                for part in list(self._parts.values()):
                    if part.due() <= pulse.clock() and (chunk := self._step(part)) is not None:
                        sent = True
                        yield pulse.sent(chunk)
                if not sent and self._parts:
                    due = min(part.due() for part in self._parts.values())
                    yield from pulse.idle(min(due, self._refused.due), rests=True)
        except Ended as end:
            pulse.reason = pulse.reason or end.reason
            yield from end.last
        except Exception:
            pulse.reason = pulse.reason or Reason.FAILED
            raise
        finally:
            self.close()

    def _step(self, part: Part) -> Chunk | None:
        try:
            chunk = part.step()
        except StopIteration:
            self._last = part.stream.reason or self._last
            if part.stream.reason is Reason.REFUSED:
                self._refused.add(part.environment, self._pulse.clock())
            self._leave(part)
            return None
        if chunk is None or self._refused.knows(part.environment.name, chunk, self._pulse.clock()):
            return None
        found = self._addressed(part, chunk)
        part.sent(chunk)
        return found

    def _addressed(self, sender: Part, chunk: Chunk) -> Chunk:
        """A part's chunk with the position of all in its ids."""
        for part in self._parts.values():
            self._numbers[part.environment.name] = part.number
        names = list(self._numbers)
        here = names.index(sender.environment.name)
        others = [f"{spelt_name(name)}:{number}" for name, number in self._numbers.items()]
        own = f"{spelt_name(names[here])}:"
        before, after = ",".join([*others[:here], own]), "".join(f",{other}" for other in others[here + 1 :])
        return addressed(chunk, before, after, keep=sender.stream.is_current)

    def _see_offer(self) -> Iterator[Chunk]:
        """Have environments join and leave a stream of every one."""
        offered = self._offered
        if offered is self._seen or not self._every:
            return
        self._seen = offered
        now = {env.name: env for env in offered}
        for part in list(self._parts.values()):
            env = part.environment
            if env.name not in now or now[env.name].url != env.url:
                self._leave(part)
                yield self._pulse.sent(frames.note(f"environment {env.name} left"))
        for env in offered:
            if env.name in self._parts:
                continue
            if len(self._parts) >= self._most:
                yield self._pulse.sent(frames.note(f"environment {env.name} is one more than {self._most}"))
                continue
            self._refused.discard(env.name)
            known = self._numbers.get(env.name)
            start = Start(tail=0) if known is None else start_of(known)
            self._parts[env.name] = self._part(env, start)
            self._numbers.setdefault(env.name, number_of(start))
            yield self._pulse.sent(frames.note(f"environment {env.name} joined"))

    def _try_again(self) -> Iterator[Chunk]:
        """Have refused environments go on where they were, with the tokens that they have now."""
        for refused in self._refused.take(self._pulse.clock()):
            name = refused.name
            now = next((env for env in self._offered if (env.name, env.url) == (name, refused.url)), None)
            if now is None:
                yield self._pulse.sent(frames.note(f"environment {name} left"))
            else:
                self._parts[name] = self._part(now, start_of(self._numbers[name]))

    def _leave(self, part: Part) -> None:
        self._numbers[part.environment.name] = part.number
        del self._parts[part.environment.name]
        part.close()

    def _part(self, environment: Environment, start: Start) -> Part:
        return Part(self._open(environment, start), start, lambda: self._pulse.wake)
