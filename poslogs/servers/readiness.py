"""Readiness: what the kernel reports of descriptors. The only module of poslogs that waits for them.

gunicorn's master imports this module: standard library only. `select.poll` is looked up at each call, since gevent puts
its own in its place, in which greenlets wait.
"""

from __future__ import annotations

import select
import sys
from collections.abc import Callable
from typing import Any, Final

READABLE: Final = select.POLLIN
WRITABLE: Final = select.POLLOUT
RESET: Final = select.POLLHUP | select.POLLERR  # both directions are over
HALF_CLOSED: Final = 0x2000  # EPOLLRDHUP, the peer sends no more (epoll_ctl(2)); `select` does not name it everywhere


def wait_for(number: int, signs: int, seconds: float) -> bool:
    """Wait until a descriptor shows one of the signs, or an error; False when it did not within `seconds`.

    The greenlet or thread that calls waits, and no other.
    """
    waiter = select.poll()
    waiter.register(number, signs)
    return bool(waiter.poll(seconds * 1000))


def has_room(number: int) -> bool:
    """Whether a descriptor takes bytes now; nobody else runs meanwhile, as gevent's own `poll` would have it."""
    monkey: Any = sys.modules.get("gevent.monkey")
    waiter = (select.poll if monkey is None else monkey.get_original("select", "poll"))()
    waiter.register(number, WRITABLE)
    return bool(waiter.poll(0))


class Readiness:
    """Descriptors that are watched together, in one epoll of the process that made this.

    Waiting in an epoll would stop every greenlet, so `wait` waits for the epoll's own descriptor, as for any other.
    `epoll` and `poll` are `select`'s own classes: gevent hides the first from the programs that it patches, and lets
    others run in the second, so our gevent worker hands over the originals. `epoll` is None where the system has none
    (elsewhere than on Linux): then nothing is watched.
    """

    def __init__(self, epoll: Callable[[], Any] | None, poll: Callable[[], Any]) -> None:
        self._kernel = None if epoll is None else epoll()
        self._poll = poll

    @classmethod
    def of_system(cls) -> Readiness:
        """By what `select` has now."""
        return cls(getattr(select, "epoll", None), select.poll)

    @property
    def can_watch(self) -> bool:
        """Whether there is an epoll."""
        return self._kernel is not None

    def add(self, number: int, signs: int) -> None:
        """Watch a descriptor for these signs, in place of others for which it may have been watched."""
        assert self._kernel is not None
        try:
            self._kernel.register(number, signs)
        except FileExistsError:  # one that was closed before it was discarded, and is held open elsewhere
            self._kernel.modify(number, signs)

    def discard(self, number: int) -> None:
        """Stop watching a descriptor; it may be closed already."""
        assert self._kernel is not None
        try:
            self._kernel.unregister(number)
        except OSError:
            pass  # the kernel has forgotten it as it was closed

    def wait(self, seconds: float) -> list[int]:
        """Wait until watched descriptors show a sign. Returns their numbers; none after `seconds`.

        By the time that a number is read it may be another connection's: ask the socket itself.
        """
        assert self._kernel is not None
        if not wait_for(self._kernel.fileno(), READABLE, seconds):
            return []
        return [number for number, _ in self._kernel.poll(0)]

    def shows(self, number: int, signs: int) -> bool:
        """Whether a descriptor, watched or not, shows one of the signs or an error now; nobody else runs meanwhile."""
        waiter = self._poll()
        waiter.register(number, signs)
        return bool(waiter.poll(0))
