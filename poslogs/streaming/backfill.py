"""A backfill: a question of a reader's or a call's own, asked once for all that wait for it."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from weakref import ReferenceType, ref

from poslogs.platformos.gateway import GatewayError
from poslogs.streaming.answer import Answer
from poslogs.streaming.wake import Wake


class Asker:
    """Who waits for the answer to a call, in a thread; `client` is whose turn it is."""

    __slots__ = ("client", "gone", "wake")

    def __init__(self, client: str) -> None:
        self.client = client
        self.gone = False  # nobody waits for the answer any more
        self.wake = threading.Event()

    def leave(self) -> None:
        """The client has gone: its question leaves the queue. Does not wait."""
        self.gone = True
        self.wake.set()


class Backfill:
    """What came after a position; asked once, for everyone who waits for it.

    Once `done`, either `error` tells why there is no answer, or `answer` gives it as long as it is kept.
    """

    __slots__ = ("_answer", "_waiting", "begun", "done", "error", "key", "must", "position", "shared")

    def __init__(self, key: Hashable, position: int, *, shared: bool, must: bool) -> None:
        self.key = key
        self.position = position
        self.shared = shared  # readers': how it ends is told to all readers of the environment
        self.must = must  # it is asked whoever leaves, since all wait for how it ends
        self.begun = False  # it is asked now, or was
        self.done = False
        self.error: GatewayError | None = None
        self._answer: ReferenceType[Answer] | None = None
        self._waiting: list[tuple[str, Wake]] = []

    @property
    def answer(self) -> Answer | None:
        """The answer; None when there is none, or it is kept no longer: then ask again."""
        return None if self._answer is None else self._answer()

    @property
    def clients(self) -> set[str]:
        """Whose question it is."""
        return {client for client, _ in self._waiting}

    def add(self, client: str, wake: Wake) -> None:
        """Have this set once it is done."""
        self._waiting.append((client, wake))

    def remove(self, client: str, wake: Wake) -> None:
        """Somebody does not wait any more."""
        if (client, wake) in self._waiting:
            self._waiting.remove((client, wake))

    def settle(self, answer: Answer | None, error: GatewayError | None) -> None:
        """It is done: tell those who wait."""
        self._answer = None if answer is None else ref(answer)
        self.error = error
        self.done = True
        for _, wake in list(self._waiting):
            wake.set()
