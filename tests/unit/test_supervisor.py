"""What the supervisor promises: a loop that fails goes on and is counted, one that stands still is named."""

from __future__ import annotations

import itertools
import logging
import os
import select
import threading
import time
from collections.abc import Iterator

import pytest

from poslogs.supervisor import AGAIN_SECONDS, STALL_SECONDS, SURE_SECONDS, Inherited, Loop, Supervisor
from tests.unit.doubles import PATIENCE, StandingClock, eventually, in_threads


class Lines(logging.Handler):
    """What was logged, each record as text with its traceback."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += self.format(record) + "\n"


@pytest.fixture
def lines() -> Iterator[Lines]:
    """The supervisor's log."""
    handler = Lines()
    log = logging.getLogger("poslogs.supervisor")
    log.addHandler(handler)
    yield handler
    log.removeHandler(handler)


class Turning:
    """A loop that takes a turn whenever the test allows it, and notes what it did."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.turns = 0
        self.begun = 0
        self.fail: Exception | None = None
        self.over = False
        self._go = threading.Semaphore(0)
        self._went = threading.Semaphore(0)
        self.supervisor = supervisor

    def run(self, loop: Loop) -> None:
        self.begun += 1
        while not self.over:
            loop.turn()
            self.turns += 1
            self._went.release()
            assert self._go.acquire(timeout=PATIENCE)
            if self.fail is not None:
                error, self.fail = self.fail, None
                raise error

    def turn(self) -> None:
        """Allow one turn, and wait until it was taken."""
        self._go.release()
        self.went()

    def went(self) -> None:
        assert self._went.acquire(timeout=PATIENCE)

    def end(self) -> None:
        self.over = True
        self._go.release()


def named(supervisor: Supervisor, clock: StandingClock) -> list[str]:
    """The loops that are late at two looks."""
    supervisor.stalled()
    clock.now += SURE_SECONDS
    return supervisor.stalled()


def test_a_loop_that_fails_is_logged_counted_and_goes_on(lines: Lines) -> None:
    """The log has the traceback, `faults` the count by name, and the loop runs anew, every time."""
    supervisor = Supervisor()
    turning = Turning(supervisor)
    try:
        supervisor.start("poller", turning.run, detail="staging")
        turning.went()
        for count in (1, 2, 3):
            turning.fail = ZeroDivisionError("by zero")
            turning.turn()
            assert turning.begun == count + 1
            assert +supervisor.faults == {"poller": count}
        assert "Poller staging failed; it goes on." in lines.text
        assert lines.text.count("ZeroDivisionError: by zero") == 3
        assert supervisor.stalled() == []
    finally:
        turning.end()


def test_a_loop_that_has_not_turned_in_time_is_named_until_it_turns(lines: Lines) -> None:
    """The time is STALL_SECONDS, or what the turn has said. The log says it once."""
    clock = StandingClock(0.0)
    supervisor = Supervisor(clock)
    one, other = Turning(supervisor), Turning(supervisor)
    try:
        supervisor.start("direct", one.run)
        supervisor.start("poller", other.run, detail="staging")
        one.went()
        other.went()
        clock.now = STALL_SECONDS
        assert supervisor.stalled() == []
        clock.now = STALL_SECONDS + 1
        assert supervisor.stalled() == []  # the process itself may have stood still: it is looked at again
        clock.now += SURE_SECONDS
        assert supervisor.stalled() == ["direct", "poller"]
        assert supervisor.unwell()
        other.turn()
        assert supervisor.stalled() == ["direct"]
        assert lines.text.count("Direct stands still: it should have gone on 2 s ago.") == 1
        one.turn()
        assert supervisor.stalled() == []
    finally:
        one.end()
        other.end()


def test_a_loop_may_say_that_its_next_turn_takes_long() -> None:
    """A question to platformOS may take as long as a poll may. A longer one is reported, and the worker stays."""
    clock = StandingClock(0.0)
    supervisor = Supervisor(clock)
    asks, answered = threading.Event(), threading.Event()

    def ask(loop: Loop) -> None:
        loop.turn()
        loop.asks(300.0)
        asks.set()
        assert answered.wait(PATIENCE)

    supervisor.start("poller", ask)
    assert asks.wait(PATIENCE)
    clock.now = 300.0
    assert supervisor.stalled() == []
    clock.now = 300.5
    assert named(supervisor, clock) == ["poller"]
    assert not supervisor.unwell()  # another process would ask the same server
    answered.set()
    eventually(lambda: supervisor.stalled() == [])  # a loop that is over owes nothing


def test_a_loop_that_was_never_begun_is_named_too() -> None:
    """Its thread is there, but never gets to its first turn."""
    clock = StandingClock(0.0)
    supervisor = Supervisor(clock)
    free = threading.Event()
    supervisor.interfere = lambda _: free.wait(PATIENCE)
    turning = Turning(supervisor)
    supervisor.start("files", turning.run)
    clock.now = STALL_SECONDS + 1
    assert named(supervisor, clock) == ["files"]
    free.set()
    turning.went()
    turning.turn()
    assert supervisor.stalled() == []
    turning.end()


def test_a_process_has_one_of_each_loop_however_many_ask_for_it_at_once() -> None:
    """Twenty ask at the same instant. A loop of the same name of another object is another loop."""
    supervisor = Supervisor()
    one, other = Turning(supervisor), Turning(supervisor)
    in_threads(*[lambda: supervisor.ensure("losses", one.run)] * 20)
    supervisor.ensure("losses", other.run)
    one.went()
    other.went()
    assert (one.begun, other.begun) == (1, 1)
    one.end()
    other.end()


def test_a_loop_that_is_over_may_be_begun_again() -> None:
    """Nothing of the first run is left behind."""
    supervisor = Supervisor()
    done = threading.Semaphore(0)

    def run(loop: Loop) -> None:
        loop.turn()
        done.release()

    supervisor.ensure("files", run)
    assert done.acquire(timeout=PATIENCE)

    def again() -> bool:
        supervisor.ensure("files", run)
        return done.acquire(blocking=False)

    eventually(again)


def test_where_no_thread_is_to_be_had_nothing_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller gets an error, and may try again."""
    supervisor = Supervisor(StandingClock(0.0))
    turning = Turning(supervisor)

    def none(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as scarce:
        scarce.setattr(threading.Thread, "start", none)  # what the system does where threads have run out
        with pytest.raises(RuntimeError):
            supervisor.ensure("losses", turning.run)
    supervisor.ensure("losses", turning.run)
    turning.went()
    turning.end()


def test_a_child_owes_nothing_for_its_parent_s_loops() -> None:
    """After a fork their threads are gone; the child begins its own."""
    clock = StandingClock(0.0)
    supervisor = Supervisor(clock)
    turning = Turning(supervisor)
    supervisor.ensure("losses", turning.run)
    turning.went()
    clock.now = STALL_SECONDS + 1
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:  # no assertion here: a child must not run the tests
        own = threading.Event()
        before = named(supervisor, clock)
        supervisor.ensure("losses", lambda loop: own.set())
        os.write(write, b"yes" if before == [] and own.wait(PATIENCE) else b"no")
        os._exit(0)
    os.close(write)
    assert os.read(read, 10) == b"yes"
    os.close(read)
    os.waitpid(pid, 0)
    turning.end()


def test_a_loop_that_a_fork_has_copied_ends_at_its_next_turn() -> None:
    """Under gevent the child has a copy of each greenlet, which would poll beside the child's own."""
    supervisor = Supervisor(StandingClock(0.0))
    loops: list[Loop] = []
    begun = threading.Event()

    def run(loop: Loop) -> None:
        loop.turn()
        loops.append(loop)
        begun.set()

    supervisor.ensure("poller", run)
    assert begun.wait(PATIENCE)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:  # no assertion here: a child must not run the tests
        said = b"went on"
        try:
            loops[0].turn()
        except Inherited:
            said = b"ended"
        os.write(write, said)
        os._exit(0)
    os.close(write)
    assert os.read(read, 10) == b"ended"
    os.close(read)
    os.waitpid(pid, 0)
    loops[0].turn()  # the parent's own goes on


def test_a_lock_that_was_held_during_a_fork_does_not_keep_the_child_from_its_loops() -> None:
    """The thread that held the lock does not run in the child."""
    supervisor = Supervisor(StandingClock(0.0))
    read, write = os.pipe()
    with supervisor.loops().lock:
        pid = os.fork()
        if pid == 0:  # no assertion here: a child must not run the tests
            own = threading.Event()
            supervisor.ensure("losses", lambda loop: own.set())
            os.write(write, b"yes" if own.wait(PATIENCE) else b"no")
            os._exit(0)
    os.close(write)
    assert select.select([read], [], [], PATIENCE)[0]
    assert os.read(read, 10) == b"yes"
    os.close(read)
    os.waitpid(pid, 0)


def test_a_loop_that_fails_in_every_round_waits_longer_each_time_and_is_named() -> None:
    """Wherever in the round it fails, it is run again ever later, and counts as not having turned."""
    clock = StandingClock(0.0)
    supervisor = Supervisor(clock)
    ats: list[float] = []
    enough = threading.Event()

    def fail(loop: Loop) -> None:
        if len(ats) == 4:
            enough.set()
            return
        loop.turn()
        ats.append(time.monotonic())
        raise ZeroDivisionError

    supervisor.start("direct", fail)
    clock.now = STALL_SECONDS + 1
    assert named(supervisor, clock) == ["direct"]
    assert enough.wait(PATIENCE)
    pauses = [after - before for before, after in itertools.pairwise(ats)]
    assert all(pause >= AGAIN_SECONDS * 2**number for number, pause in enumerate(pauses))
    assert +supervisor.faults == {"direct": 4}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_loop_that_is_ended_from_outside_is_counted_and_named(lines: Lines) -> None:
    """A handler of signals may raise SystemExit, and runs in any greenlet."""
    clock = StandingClock(0.0)
    supervisor = Supervisor(clock)
    over = threading.Event()

    def end(loop: Loop) -> None:
        loop.turn()
        over.set()
        raise SystemExit(1)

    supervisor.start("losses", end, detail="of a test")
    assert over.wait(PATIENCE)
    eventually(lambda: +supervisor.faults == {"losses": 1})
    eventually(lambda: not [it for it in threading.enumerate() if it.name == "losses of a test"])
    clock.now = STALL_SECONDS + 1
    assert named(supervisor, clock) == ["losses"]
    assert "SystemExit" in lines.text
