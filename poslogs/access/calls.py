"""Calls under way: requests that ask platformOS and end by themselves, counted for each client and in all."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Final

from poslogs.access.client import Client
from poslogs.access.room import Room
from poslogs.errors import Unavailable

RETRY_SECONDS: Final = 5


class Calls:
    """The places for calls in this process: `each` per client, `most` in all; `room` is shared with streams."""

    def __init__(self, each: int, most: int, room: Room | None = None) -> None:
        self._room = room or Room()
        self._each = each
        self._most = most
        self._lock = threading.Lock()
        self._own: Counter[str] = Counter()  # by client

    @property
    def open(self) -> int:
        """How many calls are under way."""
        return self._own.total()

    def take(self, client: Client) -> Callable[[], None]:
        """Take a place for a call; the returned function gives it back, and may be called more than once.

        Raises Unavailable (503) when there is none.
        """
        with self._lock:
            mine = self._own[client.id] >= self._each
            full = self._own.total() >= self._most or (not mine and not self._room.take())
            if not full and not mine:
                self._own[client.id] += 1
        if mine:
            raise Unavailable(
                f"Calls under way for this client: {self._each}, as many as it may have; read the answers of those, "
                f"or try again in {RETRY_SECONDS} s.",
                retry_after=RETRY_SECONDS,
            )
        if full:
            raise Unavailable(
                f"This server has as many calls under way as it may have; try again in {RETRY_SECONDS} s.",
                retry_after=RETRY_SECONDS,
            )
        taken = [client.id]

        def give_back() -> None:
            with self._lock:
                if taken:
                    self._own[taken.pop()] -= 1
                    self._own += Counter()  # drops clients without calls
                    self._room.give_back()

        return give_back
