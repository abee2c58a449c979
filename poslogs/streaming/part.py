"""A part of a joint stream: the stream of one of its environments, and how far its reader has come there."""

from __future__ import annotations

import math
from collections.abc import Callable

from poslogs.platformos.environments import Environment
from poslogs.streaming.addressed import last_id
from poslogs.streaming.frames import DONE, OPEN, Chunk
from poslogs.streaming.positions import number_of
from poslogs.streaming.stream import Start, Stream
from poslogs.streaming.wake import NOBODY, Wake


class Part:
    """One environment of a joint stream, driven by it step by step; the `wake` of its own stream.

    Only the owner of the joint stream takes steps and closes; `set` may be called by anyone.
    """

    __slots__ = ("_called", "_due", "_number", "_steps", "environment", "joint_wake", "stream")

    def __init__(self, stream: Stream, start: Start, joint_wake: Callable[[], Wake]) -> None:
        """`joint_wake` gives the wake of the joint stream."""
        self.environment: Environment = stream.environment
        self.stream = stream
        self.joint_wake = joint_wake
        self._called = True
        self._due = -math.inf  # on the clock: when it wants its next step
        self._number = number_of(start)
        self._steps = stream.steps()
        stream.wake = self

    def set(self) -> None:
        """There may be something to do."""
        self._called = True
        self.joint_wake().set()

    def clear(self) -> None:
        """The part's stream is about to look."""
        self._called = False

    @property
    def number(self) -> str:
        """Its number in the position of the joint stream: what its reader has had."""
        position = self.stream.position
        if position is not None:
            self._number = str(position)
        return self._number

    def due(self) -> float:
        """On the clock: when it wants its next step."""
        return -math.inf if self._called else self._due

    def step(self) -> Chunk | None:
        """A chunk to send, if there is one. Raises StopIteration when the part is over.

        That the environment's own stream opens, or is done, is nothing to the reader of the joint one.
        """
        step = next(self._steps)
        if isinstance(step, float | int):
            self._due = step
            return None
        self._due = -math.inf
        return None if step is OPEN or step is DONE else step

    def sent(self, chunk: Chunk) -> None:
        """The reader gets a chunk of this part's now."""
        if (last := last_id(chunk)) is not None:
            self._number = str(last)

    def close(self) -> None:
        """Leave the feed and give everything back."""
        self._steps.close()
        self.stream.close()
        # Nothing goes in a circle then, so that its memory is free at once.
        self.stream.wake = NOBODY
        self.joint_wake = lambda: NOBODY
