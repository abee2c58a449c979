"""The scheduler itself: it finds a race that is known, and the same seed gives the same order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.schedule.locks import Condition, Event, Lock
from tests.schedule.scheduler import EPOCH, START, Scheduler, activate
from tests.schedule.threads import Thread, spawn
from tests.schedule.turns import Failure

SEEDS = range(100)


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    yield
    activate(None)


def play(seed: int, main: Callable[[], None], *, strict: bool = False) -> Scheduler:
    scheduler = Scheduler(seed, strict=strict)
    activate(scheduler)
    try:
        scheduler.run(main)
    except Failure:
        pass
    return scheduler


def count_to(tellers: int, *, together: bool) -> Callable[[], None]:
    """Several tasks add one each: in one go, or by a look and an addition with the lock released between."""

    def main() -> None:
        lock, count = Lock(), 0

        def tell() -> None:
            nonlocal count
            if together:
                with lock:
                    count += 1
                return
            with lock:
                seen = count
            with lock:
                count = seen + 1

        threads = [Thread(target=tell, name=f"teller {number}") for number in range(tellers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if count != tellers:
            raise Failure(f"{tellers} have told, and {count} were counted")

    return main


def test_a_race_is_found() -> None:
    """An addition that releases its lock in the middle loses some; one that holds it loses none."""
    assert any(play(seed, count_to(3, together=False)).failure for seed in SEEDS)
    assert not any(play(seed, count_to(3, together=True)).failure for seed in SEEDS)


def test_the_same_seed_gives_the_same_order() -> None:
    """Orders agree turn by turn, and seeds differ."""
    turns = [list(play(seed, count_to(4, together=True)).turns) for seed in (1, 1, 2)]
    assert turns[0] == turns[1] != turns[2]


def test_two_locks_taken_crosswise_are_found_stuck() -> None:
    """Each task waits for what the other holds, so none can go on."""

    def main() -> None:
        one, other = Lock(), Lock()

        def take(first: Lock, second: Lock) -> None:
            with first, second:
                pass

        threads = [Thread(target=take, args=pair) for pair in ((one, other), (other, one))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    failures = [str(run.failure) for run in (play(seed, main) for seed in SEEDS) if run.failure]
    assert failures
    assert all(failure.startswith("nobody can go on: ") for failure in failures)


def test_a_lock_held_across_a_wait_is_named() -> None:
    """The failure names where it was acquired, and the wait. A condition's own lock is not a fault."""

    def fair() -> None:
        condition = Condition(Lock())
        Thread(target=lambda: [condition.acquire(), condition.notify(), condition.release()]).start()
        with condition:
            condition.wait(1.0)

    def foul() -> None:
        with Lock():
            Event().wait(1.0)

    assert not play(0, fair, strict=True).failure
    run = play(0, foul, strict=True)
    assert "across wait" in str(run.failure)
    assert all(str(note.lock).startswith("tests/schedule/test_scheduler.py:") for note in run.held)


def test_who_spawns_does_not_wait_and_who_starts_a_thread_does() -> None:
    """A thread's start changes turns, even under a lock."""

    def main(begin: Callable[[Callable[[], object]], object]) -> None:
        with Lock():
            begin(lambda: None)

    assert not any(play(seed, lambda: main(spawn), strict=True).failure for seed in SEEDS)
    run = play(0, lambda: main(lambda work: Thread(target=work).start()), strict=True)
    assert "across start" in str(run.failure)


def test_time_leaps_when_nobody_can_go_on() -> None:
    """An hour's wait takes no time, and a timeout comes when it is due."""
    run = play(0, lambda: Event().wait(3600.0) and None)
    assert run.failure is None
    assert START + 3600 <= run.now < START + 3601 < EPOCH


def test_an_exception_that_ends_a_thread_is_a_failure() -> None:
    """The failure has its traceback."""

    def main() -> None:
        Thread(target=lambda: 1 // 0, name="divider").start()
        Event().wait(1.0)

    failure = str(play(0, main).failure)
    assert failure.startswith("divider died: ZeroDivisionError")
    assert "test_scheduler.py" in failure


def test_what_never_ends_is_ended() -> None:
    """The number of steps of a run is bounded."""
    scheduler = Scheduler(0, most=1000)
    activate(scheduler)

    def main() -> None:
        while True:
            scheduler.sleep(0)

    with pytest.raises(Failure, match="after 1000 steps"):
        scheduler.run(main)
