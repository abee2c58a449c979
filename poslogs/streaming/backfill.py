"""A backfill: a question that a reader or a call asks by itself, put once for all that wait for its answer."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from weakref import ReferenceType, ref

from poslogs.platformos.gateway import GatewayError
from poslogs.streaming.answer import Answer, Answers
from poslogs.streaming.wake import Wake


class Asker:
    """A call that waits for an answer in its thread; its question is put in the turn of `client`."""

    __slots__ = ("client", "gone", "wake")

    def __init__(self, client: str) -> None:
        self.client = client
        self.gone = False  # nobody waits for the answer any more
        self.wake = threading.Event()

    def leave(self) -> None:
        """Note that the client has gone: its question leaves the queue. Does not wait."""
        self.gone = True
        self.wake.set()


class Backfill:
    """The question of what came after a position, asked once for all that wait for its answer.

    Once `done`, either `error` says why there is no answer, or `answer` gives it for as long as it is kept.
    """

    __slots__ = ("_answer", "_waiting", "alone", "begun", "done", "error", "key", "must", "position", "shared")

    def __init__(self, key: Hashable, position: int, *, shared: bool, must: bool) -> None:
        self.key = key
        self.position = position
        self.shared = shared  # asked for readers: how it ends is reported to all readers of the environment
        self.must = must  # it is asked even if all that wait leave: other questions depend on how it ends
        self.begun = False  # it is asked now, or was
        self.done = False
        self.alone = True  # nobody but one has waited for it
        self.error: GatewayError | None = None
        self._answer: ReferenceType[Answer] | None = None
        self._waiting: list[tuple[str, Wake]] = []

    @property
    def answer(self) -> Answer | None:
        """The answer; None when there is none, or when it is no longer kept (then ask again)."""
        return None if self._answer is None else self._answer()

    @property
    def clients(self) -> set[str]:
        """The clients that wait for the answer."""
        return {client for client, _ in self._waiting}

    def add(self, client: str, wake: Wake) -> None:
        """Have `wake` set once the question is done."""
        self.alone = self.alone and not self._waiting
        self._waiting.append((client, wake))

    def remove(self, client: str, wake: Wake) -> None:
        """Note that this client's `wake` no longer waits."""
        if (client, wake) in self._waiting:
            self._waiting.remove((client, wake))

    def let_go(self, answers: Answers) -> None:
        """Who asked this needs its answer no more: `answers` keeps it no longer, unless others asked it too."""
        if self.alone and (answer := self.answer) is not None:
            answers.drop(answer)

    def settle(self, answer: Answer | None, error: GatewayError | None) -> None:
        """Mark the question as done, and wake those that wait."""
        self._answer = None if answer is None else ref(answer)
        self.error = error
        self.done = True
        for _, wake in list(self._waiting):
            wake.set()
