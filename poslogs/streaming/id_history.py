"""The id history of an environment: how far its ids have come, and when they were reset."""

from __future__ import annotations

import threading
from typing import NamedTuple

from poslogs.streaming import frames
from poslogs.streaming.frames import Chunk


class Restart(NamedTuple):
    """Where a reader continues after ids were reset, and the notice that it gets."""

    position: int
    notice: Chunk


class Known(NamedTuple):
    """What is known of an environment's ids at a moment."""

    restart: Restart | None
    top: int
    before: int


class IdHistory:
    """What the questions of this process have shown of an environment's ids. It outlives a feed's windows."""

    def __init__(self, name: str) -> None:
        """`name` is the environment's."""
        self.generation = 0  # how often ids were reset
        self.restart: Restart | None = None  # for readers of earlier generations
        self.top = 0  # the newest id that any question has shown since the last reset
        self._before = 0  # the newest id that was seen before that reset
        self._name = name
        self._lock = threading.Lock()

    def saw(self, last: int, generation: int | None = None) -> None:
        """Note that an answer went up to this id. `generation` is when its question was put; None: the current one."""
        with self._lock:
            if generation in (None, self.generation):
                self.top = max(self.top, last)

    def reset(self, high: int, position: int, top: int, *, noticed: bool, past: bool = False) -> None:
        """Note that ids were reset: the newest was `high` and is now `top`; readers continue after `position`.

        Not `noticed`: no reader had entries of the log before the reset, so none needs a notice. `past`: it was before
        any reader came that is here; only its position can show that one has not had it. It may be known already, and
        what a question has shown may be of the log since.
        """
        with self._lock:
            if past and self.restart is not None and self.restart.position == position and high <= self._before:
                return
            seen = high if past else max(high, self.top)
            self.top = top
            if self.restart is not None and position < self.restart.position:
                self.restart = self.restart._replace(position=position)
            if noticed:
                self._before = seen
                self.restart = Restart(position, self.notice())
                self.generation += not past

    def known(self) -> Known:
        """What is known now, for `return_to`."""
        with self._lock:
            return Known(self.restart, self.top, self._before)

    def return_to(self, known: Known) -> None:
        """Forget what was learnt since, of resets that were in the past for all readers."""
        with self._lock:
            self.restart, self.top, self._before = known

    def after(self, position: int) -> int | None:
        """Where readers continue, if this position dates from before the last reset and new ids have not passed it."""
        with self._lock:
            if self.restart is None or not self.top < position <= self._before:
                return None
            return self.restart.position

    def notice(self) -> Chunk:
        """The notice for a reader whose ids are from before a reset."""
        return frames.error(
            f"The ids of environment {self._name} were reset, as after a restored backup; "
            "the stream goes on with what is new."
        )
