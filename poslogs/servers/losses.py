"""Losses: clients that leave without a word, as their network is gone, and those of servers that must be asked."""

from __future__ import annotations

import math
import time
from functools import partial
from typing import Final

from poslogs.servers.sockets import Connection
from poslogs.servers.watches import Watch, Watches
from poslogs.supervisor import Loop

LOOK_SECONDS: Final = 0.5  # between two looks
LOOKS: Final = 8  # looks in a heartbeat that is shorter than four seconds
ROUNDS: Final = 3  # times that each connection is looked at in a heartbeat, at least
PATIENCE: Final = 0.5  # the part of a heartbeat for which a client may leave unanswered what the kernel sends again
SENDING_AGAIN_SECONDS: Final = 0.75  # until the kernel sends again and that is seen
LEAST_PATIENCE_SECONDS: Final = 0.25
SETTLING_SECONDS: Final = 0.1  # at most, from when a stream counts bytes as sent until they are


class Losses:
    """Finds clients of which the kernel reports nothing; a microsecond for each connection that is looked at.

    A client whose network is gone is found within two heartbeats, as the first goes unanswered
    (docs/decisions/0007-lost-and-stalled.md). `heartbeat` is in seconds.
    """

    def __init__(self, watches: Watches, heartbeat: float) -> None:
        self._watches = watches
        self._pause = min(LOOK_SECONDS, heartbeat / LOOKS)
        self._patience = max(LEAST_PATIENCE_SECONDS, min(heartbeat * PATIENCE, heartbeat - SENDING_AGAIN_SECONDS))
        # A heartbeat, its being sent again, a round, patience and two looks must fit into two heartbeats.
        room = heartbeat - self._patience - SENDING_AGAIN_SECONDS - 2 * self._pause
        self._every = min(max(self._pause, room), heartbeat / ROUNDS)
        self._settling = SETTLING_SECONDS - heartbeat
        self._round: list[Watch] = []  # those still to be looked at in this round
        self._share = 1  # how many of them at each look
        self._unanswered: list[Watch] = []

    def find(self, loop: Loop) -> None:
        """Look at connections again and again. Never returns."""
        while True:
            loop.turn()
            time.sleep(self._pause)
            self._look(time.monotonic())

    def _look(self, now: float) -> None:
        """Look at a part of the connections, and at each that left something unanswered at the last look.

        Where the kernel does not report all that close, every connection is looked at.
        """
        watches = self._watches.all() if self._watches.asking else [*self._unanswered, *self._next_of_round()]
        self._unanswered = []
        for watch in watches:
            connection, sender = watch.connection, watch.sender
            if watch.over:
                continue
            if not watch.in_kernel and not watch.until_reset and connection.gone():
                self._watches.settle(watch, connection.gone)
                continue
            due = sender.beat_due if sender is not None else 0.0
            if due and due == connection.settled:
                continue
            unanswered = connection.unanswered(now)
            if unanswered is None:
                if connection.quiet and due + self._settling < now:  # it had really been sent when we looked
                    connection.settled = due
                continue
            self._unanswered.append(watch)
            if unanswered >= self._patience:
                self._watches.settle(watch, partial(self._is_lost, connection, now), lost=True)

    def _is_lost(self, connection: Connection, now: float) -> bool:
        return (connection.unanswered(now) or 0.0) >= self._patience

    def _next_of_round(self) -> list[Watch]:
        if not self._round:
            self._round = self._watches.all()
            self._share = math.ceil(len(self._round) * self._pause / self._every)
        part = self._round[-self._share :]
        del self._round[-self._share :]
        return part
