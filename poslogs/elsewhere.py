"""Elsewhere: work that lets go of the interpreter's lock, done where the greenlets of this process go on meanwhile."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any, Final, TypeVar

from poslogs.per_process import PerProcess

THREADS: Final = 2  # that do such work for greenlets: with more of them the greenlets would get less of the processors

T = TypeVar("T")


def elsewhere(work: Callable[[], T]) -> T:
    """What a piece of work gives; it must let go of the interpreter's lock, and not touch what greenlets wait for.

    Real threads go on by themselves. Greenlets do while another thread works: theirs waits for it. Costs them some 50
    microseconds. No lock may be held across it.
    """
    if not _greenlets_serve():
        return work()
    done: T = _threads().apply(work)
    return done


def _greenlets_serve() -> bool:
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))


def _made() -> Any:
    # By name: gevent is there only where a server has brought it, and poslogs itself imports it nowhere else.
    return importlib.import_module("gevent.threadpool").ThreadPool(THREADS)


_threads: Final = PerProcess(_made)
