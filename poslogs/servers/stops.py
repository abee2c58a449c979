"""Stops: how streams end where the server that ends is not one of our workers.

Our gunicorn workers see for themselves that they are to stop (servers/worker.py). Other servers do not tell the app: it
hears of a stop by the signal that the server gets, or by what the server offers for that.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from poslogs.access.slots import Slots
    from poslogs.runtime import Runtime
    from poslogs.supervisor import Loop, Supervisor

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
# Servers that have handlers of their own in C, or let the app have none; and our worker.
BY_THEMSELVES: Final = ("uwsgi", "mod_wsgi", "poslogs.servers.worker")
LOOK_SECONDS: Final = 0.2  # how often it is checked whether a signal came
END_SECONDS: Final = 2.0  # at most, for all streams to end
END_LOOK_SECONDS: Final = 0.02
STILL: Final = 25  # looks in a row in which no stream ended: nobody reads those that are left
SENT_SECONDS: Final = 0.2  # for the server to send the last bytes of streams that have ended


class Stops:
    """Ends the streams of this process when its server stops, before it is gone."""

    def __init__(self, runtime: Runtime, slots: Slots[Any], supervisor: Supervisor) -> None:
        self._runtime = runtime
        self._slots = slots
        self._supervisor = supervisor
        self._heeds = False  # signals come here first
        self._follows = False  # a loop of this process sees within LOOK_SECONDS what a signal has noted
        self._asked = False  # a signal has asked for a stop
        self._fatal: int | None = None  # the signal that is to end the process once the streams have ended

    def heed_signals(self) -> None:
        """Have the signals that stop a server end its streams first. Then they do what they did before.

        This changes nothing outside of the main thread, and for signals that are ignored or handled in C.
        """
        if threading.current_thread() is not threading.main_thread() or any(map(sys.modules.get, BY_THEMSELVES)):
            return
        for number in SIGNALS:
            before = signal.getsignal(number)
            if before is signal.SIG_DFL or callable(before):
                signal.signal(number, self._heard(before))
                self._heeds = True

    def follow(self) -> None:
        """Follow the server from its first request on, in the process that serves."""
        uwsgi, mod_wsgi = sys.modules.get("uwsgi"), sys.modules.get("mod_wsgi")
        if uwsgi is not None:
            self._end_at_exit(uwsgi)
        elif (subscribe := getattr(mod_wsgi, "subscribe_shutdown", None)) is not None:
            subscribe(self.end)  # called before mod_wsgi waits for its threads
        elif self._heeds:
            self._supervisor.ensure("stops", self._watch)
            self._follows = True

    def end(self, *_: object, **__: object) -> None:
        """End all streams, and wait until they have ended and their readers know; END_SECONDS at most."""
        some = self._slots.open > 0
        self._runtime.drain()
        wait_for_end(self._slots)
        if some:
            time.sleep(SENT_SECONDS)

    def _end_at_exit(self, uwsgi: Any) -> None:
        """uWSGI calls this as it ends: with greenlets always, with threads only when none has a request."""
        before = getattr(uwsgi, "atexit", None)

        def at_exit() -> None:
            self.end()
            if callable(before):
                before()

        uwsgi.atexit = at_exit

    def _heard(self, before: Any) -> Callable[[int, FrameType | None], Any]:
        def heard(number: int, frame: FrameType | None) -> None:
            self._asked = True  # a plain note: the thread that is interrupted here may hold any lock
            if callable(before):
                before(number, frame)
                return
            signal.signal(number, signal.SIG_DFL)  # a second one ends the process at once
            if self._follows:
                self._fatal = number
            else:
                _die(number)

        return heard

    def _watch(self, loop: Loop) -> None:
        while not self._asked:
            loop.turn()
            time.sleep(LOOK_SECONDS)
        self.end()
        if self._fatal is not None:
            _die(self._fatal)


def wait_for_end(slots: Slots[Any]) -> None:
    """Wait until no stream is open, END_SECONDS at most, or until none ends any more."""
    # Looks are counted, not timed: on an overloaded machine the streams get as little time as this does.
    end, open_, still = time.monotonic() + END_SECONDS, slots.open, 0
    while slots.open and still < STILL and time.monotonic() < end:
        time.sleep(END_LOOK_SECONDS)
        still = still + 1 if slots.open == open_ else 0
        open_ = slots.open


def _die(number: int) -> None:
    """End the process by a signal whose handler is the system's own."""
    signal.raise_signal(number)
    os._exit(128 + number)  # it is the first process of a container, which such a signal does not end
