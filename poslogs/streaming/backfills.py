"""The backfills to one environment: few at once, and clients take turns."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Hashable

from poslogs.platformos.gateway import GatewayError
from poslogs.streaming.answer import Answer
from poslogs.streaming.backfill import Backfill
from poslogs.streaming.wake import Wake
from poslogs.supervisor import Loop

log = logging.getLogger("poslogs.question")


class Backfills:
    """The questions to one environment: `most` at once, one fewer for any single client. Clients take turns.

    No thread waits for its turn: there are as many loops as questions under way. A client that has gone leaves the
    queue.
    """

    def __init__(
        self,
        most: int,
        ask: Callable[[Backfill, Loop], Answer],
        told: Callable[[Backfill, Answer | None, GatewayError | None], None],
        begin: Callable[[Callable[[Loop], None]], None],
        unreadable: Callable[[Exception | None], GatewayError],
    ) -> None:
        """`ask` returns an answer or raises. `told` is called with how each question ended, before its askers wake.

        `begin` runs a loop in a thread, or raises RuntimeError. `unreadable` makes the error for a fault of ours.
        """
        self._most = most
        self._each = max(1, most - 1)  # for a single client, so that another one's first question is asked at once
        self._ask = ask
        self._told = told
        self._begin = begin
        self._unreadable = unreadable
        self._lock = threading.Lock()
        self._known: dict[Hashable, Backfill] = {}  # those that are not over
        self._queues: dict[str, dict[Backfill, None]] = {}  # by client; the first client's turn is next
        self._asking: Counter[str] = Counter()  # under way, by client
        self._loops = 0

    def knows(self, key: Hashable) -> bool:
        """Whether the question with this key is asked now or waits for its turn."""
        with self._lock:
            return key in self._known

    def add(
        self, key: Hashable, position: int, client: str, wake: Wake, *, shared: bool = True, must: bool = False
    ) -> Backfill:
        """Ask what comes after a position, in the client's turn; callers with the same `key` share the question."""
        with self._lock:
            backfill = self._known.get(key)
            if backfill is None:
                backfill = self._known[key] = Backfill(key, position, shared=shared, must=must)
            backfill.must = backfill.must or must
            backfill.add(client, wake)
            if not backfill.begun:
                self._queues.setdefault(client, {})[backfill] = None
            more = self._loops < self._most and self._due() is not None
            self._loops += more
        if more:
            try:
                self._begin(self._run)
            except RuntimeError:  # no thread could be started
                log.debug("A question could not begin.", exc_info=True)
                with self._lock:
                    self._loops -= 1
                    stuck = self._empty(lambda _: True) if not self._loops else []
                self._give_up(stuck, self._unreadable(None))
        return backfill

    def leave(self, backfill: Backfill, client: str, wake: Wake) -> None:
        """Stop waiting. A question that nobody waits for is dropped, unless it has begun or must be asked."""
        with self._lock:
            backfill.remove(client, wake)
            if not backfill.begun and not backfill.must:
                left = backfill.clients
                if client not in left:
                    self._unqueue(backfill, {client})
                if not left and self._known.get(backfill.key) is backfill:
                    del self._known[backfill.key]

    def spoil(self, error: GatewayError) -> None:
        """End all questions that wait for their turn with this error, except those that must be asked."""
        with self._lock:
            stuck = self._empty(lambda backfill: not backfill.must)
        for backfill in stuck:
            backfill.settle(None, error)

    def _due(self) -> str | None:
        """The client whose turn is next, if anyone's is."""
        return next((client for client in self._queues if self._asking[client] < self._each), None)

    def _next(self) -> tuple[str, Backfill] | None:
        with self._lock:
            client = self._due()
            if client is None:
                self._loops -= 1
                return None
            backfill = next(iter(self._queues[client]))
            self._unqueue(backfill, set(self._queues))
            if client in self._queues:
                self._queues[client] = self._queues.pop(client)  # after the others
            backfill.begun = True
            self._asking[client] += 1
            return client, backfill

    def _unqueue(self, backfill: Backfill, clients: set[str]) -> None:
        for client in clients:
            queue = self._queues.get(client)
            if queue is not None:
                queue.pop(backfill, None)
                if not queue:
                    del self._queues[client]

    def _empty(self, which: Callable[[Backfill], bool]) -> list[Backfill]:
        found = [backfill for queue in self._queues.values() for backfill in queue if which(backfill)]
        for backfill in found:
            backfill.begun = True
            self._unqueue(backfill, set(self._queues))
            self._known.pop(backfill.key, None)
        return list(dict.fromkeys(found))

    def _give_up(self, backfills: list[Backfill], error: GatewayError) -> None:
        for backfill in backfills:
            self._told(backfill, None, error)
            backfill.settle(None, error)

    def _run(self, loop: Loop) -> None:
        while (turn := self._next()) is not None:
            self._see_to(*turn, loop)

    def _see_to(self, client: str, backfill: Backfill, loop: Loop) -> None:
        answer: Answer | None = None
        error: GatewayError | None = None
        try:
            answer = self._ask(backfill, loop)
        except GatewayError as failure:
            error = failure
        except Exception as fault:  # a fault of ours in one question: those that wait get an error
            error = self._unreadable(fault)
        finally:
            with self._lock:
                self._known.pop(backfill.key, None)  # first, so that nobody joins what is over
                self._asking[client] -= 1
                if not self._asking[client]:
                    del self._asking[client]
            if answer is None and error is None:  # the process ends
                backfill.settle(None, None)
        try:
            self._told(backfill, answer, error)
        finally:
            backfill.settle(answer, error)
