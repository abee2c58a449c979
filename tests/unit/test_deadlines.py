"""What deadlines promise: work that is over in time is left alone, other work is cut once."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest

from poslogs.deadlines import TICK_SECONDS, Deadlines
from poslogs.supervisor import Supervisor
from tests.unit.doubles import PATIENCE, StandingClock, in_threads


def test_work_that_takes_too_long_is_cut_once() -> None:
    """The cut comes a tick or so after the time, never before it, and once."""
    clock = StandingClock(0.0)
    deadlines = Deadlines(clock, Supervisor())
    cut = threading.Event()
    cuts: list[float] = []

    def now() -> None:
        cuts.append(clock.now)
        cut.set()

    with deadlines.within(10.0, now):
        clock.now = 9.9
        assert not cut.wait(2.5 * TICK_SECONDS)
        clock.now = 10.0
        assert cut.wait(PATIENCE)
        clock.now = 100.0
        cut.clear()
        assert not cut.wait(1.5 * TICK_SECONDS)
    assert cuts == [10.0]


def test_work_that_ends_in_time_is_never_cut() -> None:
    """This holds however the work ends."""
    clock = StandingClock(0.0)
    deadlines = Deadlines(clock, Supervisor())
    cut, later = threading.Event(), threading.Event()
    with deadlines.within(1.0, cut.set):
        pass
    with pytest.raises(ZeroDivisionError), deadlines.within(1.0, cut.set):
        raise ZeroDivisionError
    with deadlines.within(50.0, later.set):
        clock.now = 60.0
        assert later.wait(PATIENCE)
    assert not cut.is_set()


def test_works_do_not_touch_each_other() -> None:
    """Of fifty at once every second one is too slow, and only those are cut."""
    deadlines = Deadlines(supervisor=Supervisor())
    cuts = [threading.Event() for _ in range(50)]

    def work(index: int) -> bool:
        seconds = 0.01 if index % 2 else 60.0
        with deadlines.within(seconds, cuts[index].set):
            return cuts[index].wait(PATIENCE) if index % 2 else True

    assert in_threads(*[lambda index=index: work(index) for index in range(50)]) == [True] * 50
    assert [cut.is_set() for cut in cuts] == [bool(index % 2) for index in range(50)]


def test_one_thread_watches_and_rests() -> None:
    """A hundred pieces of work, one after another, start one thread. Without work it does not look at the clock."""
    looks = Counter[str]()

    def clock() -> float:
        looks[threading.current_thread().name] += 1
        return 0.0

    deadlines = Deadlines(clock, Supervisor())
    before = {thread for thread in threading.enumerate() if thread.name == "deadlines"}
    for _ in range(100):
        with deadlines.within(1.0, lambda: None):
            pass
    mine = {thread for thread in threading.enumerate() if thread.name == "deadlines"} - before
    assert len(mine) == 1
    done = threading.Event()
    with deadlines.within(0.0, done.set):
        assert done.wait(PATIENCE)
    end = time.monotonic() + PATIENCE
    last = -1
    while last != (last := looks["deadlines"]):
        assert time.monotonic() < end
        threading.Event().wait(2 * TICK_SECONDS)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("error", [OSError, ValueError])
def test_a_cut_that_fails_does_not_end_the_watch(error: type[Exception]) -> None:
    """The work may have ended by itself, so that its cut raises any error."""
    clock = StandingClock(0.0)
    deadlines = Deadlines(clock, Supervisor())
    tried, cut = threading.Event(), threading.Event()

    def fail() -> None:
        tried.set()
        raise error

    with deadlines.within(1.0, fail):
        clock.now = 2.0
        assert tried.wait(PATIENCE)
    with deadlines.within(1.0, cut.set):
        clock.now = 4.0
        assert cut.wait(PATIENCE)


def test_work_is_not_over_before_a_cut_of_it_is() -> None:
    """What is cut may be closed right after: its descriptor's number cannot become another's during the cut."""
    clock = StandingClock(0.0)
    deadlines = Deadlines(clock, Supervisor())
    cutting, finish, over = threading.Event(), threading.Event(), threading.Event()

    def cut() -> None:
        cutting.set()
        assert finish.wait(PATIENCE)

    def work() -> None:
        with deadlines.within(1.0, cut):
            clock.now = 2.0
            assert cutting.wait(PATIENCE)
        over.set()

    threading.Thread(target=work, daemon=True).start()
    assert cutting.wait(PATIENCE)
    assert not over.wait(0.1)
    finish.set()
    assert over.wait(PATIENCE)
