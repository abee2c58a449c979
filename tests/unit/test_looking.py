"""Looking: which queries share a loop, which get one of their own, and what becomes of them when one fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from poslogs.query.query import Query
from poslogs.streaming.looking import QUICK_SECONDS, Look, Looking
from poslogs.supervisor import Run, Supervisor
from tests.unit.doubles import PATIENCE, eventually


class Threads(Supervisor):
    """A supervisor that counts the loops that it starts, and refuses those after `most`."""

    def __init__(self, most: int = 1000) -> None:
        super().__init__()
        self.most = most
        self.begun = 0

    def start(self, name: str, run: Run, *, detail: str = "") -> None:
        """Start a loop, if it may."""
        if self.begun >= self.most:
            raise RuntimeError("can't start new thread")
        self.begun += 1
        super().start(name, run, detail=detail)


def query(number: int) -> Query:
    """One of many queries."""
    return Query(f"query {number}", ())


def counted(steps: list[int], number: int) -> Iterator[None]:
    """Three steps that leave their number."""
    for _ in range(3):
        steps.append(number)
        yield


def look(steps: Callable[[], Iterator[None]], *, quick: bool = True) -> tuple[Look, threading.Event]:
    """A look at these steps, and what is set once it is over."""
    over = threading.Event()
    return Look(steps(), over.set, quick), over


def test_quick_looks_of_many_queries_are_made_in_one_loop_and_those_of_one_in_order() -> None:
    """Fifty queries with two looks each: one thread makes all, each query's first look before its second."""
    supervisor, steps = Threads(), list[int]()
    looking = Looking("staging", supervisor, lambda: None)
    overs = []
    for turn in range(2):
        for number in range(50):
            made, over = look(partial(counted, steps, 100 * turn + number))
            looking.add(query(number), made)
            overs.append(over)
    assert all(over.wait(PATIENCE) for over in overs)
    assert supervisor.begun == 1
    assert all(steps.index(100 + number) > steps.index(number) for number in range(50))
    assert len(steps) == 300


def test_a_look_that_is_not_quick_is_made_in_a_loop_of_its_own_while_others_go_on() -> None:
    """The first waits until all others have been made, which is long after it was asked for."""
    supervisor, others = Threads(), list[int]()
    looking = Looking("staging", supervisor, lambda: None)
    go = threading.Event()

    def waits() -> Iterator[None]:
        assert go.wait(PATIENCE)
        yield

    slow, slow_over = look(waits, quick=False)
    looking.add(query(0), slow)
    for number in range(1, 10):
        made, over = look(partial(counted, others, number))
        looking.add(query(number), made)
        assert over.wait(PATIENCE)
    assert not slow_over.is_set()
    go.set()
    assert slow_over.wait(PATIENCE)
    assert supervisor.begun == 2


def test_a_look_that_takes_too_long_goes_on_in_a_loop_of_its_own_where_it_stopped() -> None:
    """Its first step takes longer than it may; then it waits, and no step is made twice."""
    supervisor, steps, others = Threads(), list[int](), list[int]()
    looking = Looking("staging", supervisor, lambda: None)
    go = threading.Event()

    def long() -> Iterator[None]:
        begun = time.thread_time()
        while time.thread_time() - begun < QUICK_SECONDS * 2:
            pass
        steps.append(1)
        yield
        assert go.wait(PATIENCE)
        steps.append(2)
        yield

    made, over = look(long)
    looking.add(query(0), made)
    after, after_over = look(partial(counted, others, 7))
    looking.add(query(1), after)
    assert after_over.wait(PATIENCE)
    next_, next_over = look(partial(counted, steps, 3))
    looking.add(query(0), next_)
    go.set()
    assert over.wait(PATIENCE)
    assert next_over.wait(PATIENCE)
    assert steps == [1, 2, 3, 3, 3]
    assert supervisor.begun == 2


def test_without_another_thread_a_slow_look_is_made_in_the_common_loop() -> None:
    """It holds up the others then, and nothing is lost."""
    supervisor, steps = Threads(most=1), list[int]()
    looking = Looking("staging", supervisor, lambda: None)
    slow, slow_over = look(partial(counted, steps, 0), quick=False)
    looking.add(query(0), slow)
    made, over = look(partial(counted, steps, 1))
    looking.add(query(1), made)
    assert over.wait(PATIENCE)
    assert slow_over.wait(PATIENCE)
    assert steps == [0, 0, 0, 1, 1, 1]


def test_without_any_thread_who_asks_is_told_and_the_next_look_tries_again() -> None:
    """The refused look is forgotten."""
    supervisor, steps = Threads(most=0), list[int]()
    looking = Looking("staging", supervisor, lambda: None)
    refused, refused_over = look(partial(counted, steps, 0))
    with pytest.raises(RuntimeError, match="new thread"):
        looking.add(query(0), refused)
    supervisor.most = 1
    made, over = look(partial(counted, steps, 1))
    looking.add(query(0), made)
    assert over.wait(PATIENCE)
    assert steps == [1, 1, 1]
    assert not refused_over.is_set()


def test_a_look_that_fails_is_over_and_the_others_are_made() -> None:
    """In its steps, or as it tells that it is over; in the common loop, and in one of its own."""
    supervisor, steps = Threads(), list[int]()
    looking = Looking("staging", supervisor, lambda: None)

    def fails() -> Iterator[None]:
        yield
        raise ValueError("a fault of ours")

    def spoils() -> None:
        raise ValueError("a fault of ours")

    for number, quick in enumerate((True, False)):
        broken, broken_over = look(fails, quick=quick)
        looking.add(query(number), broken)
        looking.add(query(number), Look(counted(steps, number), spoils, quick))
        made, over = look(partial(counted, steps, 10 + number))
        looking.add(query(number), made)
        assert over.wait(PATIENCE)
        assert broken_over.is_set()
    assert steps == [0, 0, 0, 10, 10, 10, 1, 1, 1, 11, 11, 11]
    assert supervisor.faults["look"] == 4


def test_loops_end_without_work_and_what_was_kept_for_them_is_let_go() -> None:
    """Both kinds; the next look starts one again."""
    supervisor, rests = Threads(), list[int]()
    looking = Looking("staging", supervisor, lambda: rests.append(1), idle=0.01)
    for quick in (True, False):
        made, over = look(partial(counted, [], 0), quick=quick)
        looking.add(query(0), made)
        assert over.wait(PATIENCE)
    eventually(lambda: not supervisor.loops().all)
    assert rests
    begun = supervisor.begun
    made, over = look(partial(counted, [], 0))
    looking.add(query(0), made)
    assert over.wait(PATIENCE)
    assert supervisor.begun == begun + 1
