"""What is promised about values that each process makes for itself."""

from __future__ import annotations

import os
import threading

from poslogs.per_process import PerProcess
from tests.unit.doubles import in_threads


def test_a_process_gets_the_same_value_again_and_its_child_makes_its_own() -> None:
    """The child's value is another than the parent's, and does not change it."""
    value = PerProcess(lambda: [os.getpid()])
    mine = value()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:  # no assertion here: a child must not run the tests
        os.write(write, b"own" if value() == [os.getpid()] and value() is value() else b"other")
        os._exit(0)
    os.close(write)
    assert os.read(read, 10) == b"own"
    os.close(read)
    os.waitpid(pid, 0)
    assert value() is mine


def test_threads_that_ask_first_at_the_same_time_get_the_same_value() -> None:
    """They get the value that was made first."""
    together = threading.Barrier(4)

    def make() -> object:
        together.wait(5)
        return object()

    value = PerProcess(make)
    found: list[object] = []
    in_threads(*[lambda: found.append(value())] * 4)
    assert len({id(it) for it in found}) == 1
