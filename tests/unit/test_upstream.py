"""What an environment's way to platformOS promises: one outage for all, few questions at once, each asked once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from poslogs.platformos import entries
from poslogs.platformos.entries import Page
from poslogs.platformos.environments import Environment
from poslogs.streaming.polled import LINGER_SECONDS
from poslogs.streaming.upstream import OWN_QUESTIONS, READ_SECONDS, Upstream
from poslogs.supervisor import SURE_SECONDS, Loop, Supervisor
from tests.unit.doubles import (
    PATIENCE,
    STAGING,
    Door,
    Follower,
    Log,
    RunningClock,
    StandingClock,
    down,
    entry,
    eventually,
    feed_of,
    ids_of,
    in_threads,
)


class Doorkeeper(Door):
    """A gateway to a log that answers, and then refuses all credentials but one."""

    def __init__(self, log: Log, environment: Environment, accepted: Environment) -> None:
        super().__init__(log, environment)
        self._accepted = accepted

    def after(self, *asked: Any) -> Page:
        page = super().after(*asked)
        if self.environment != self._accepted:
            raise down("No.", refused=True)
        return page


def test_a_failed_poll_waits_before_the_next_whatever_the_interval() -> None:
    """With an interval of 0.25 s the first wait is 0.5 to 1 s, the second 1 to 2 s, and a good answer ends it."""
    log = Log(clock=(clock := StandingClock(0.0)))
    log.failure = down()
    feed = feed_of(log, clock=clock)
    reader = Follower(interval=0.25)
    feed.join(reader)
    feed.attach(reader, 0)
    log.wait(lambda _: log.asked)
    for _ in range(35):
        clock.turn(0.1, feed)
    first, second, third, *_ = [asked.at for asked in log.asked]
    assert 0.5 <= second - first <= 1.11
    assert 1.0 <= third - second <= 2.11
    assert feed.upstream.outage is not None
    log.failure = None
    clock.turn(30.0, feed)
    assert feed.upstream.outage is None
    before = len(log.asked)
    clock.turn(0.25, feed)
    assert len(log.asked) == before + 1
    feed.leave(reader)


def test_the_waiting_after_a_reader_s_own_failed_question_is_shared() -> None:
    """After a reader's own question failed the poller does not ask before the outage's wait is over either."""
    log = Log(1, 2, 3, clock=(clock := StandingClock(0.0)))
    feed = feed_of(log, clock=clock)
    reader = Follower(interval=1.0)
    feed.join(reader)
    feed.attach(reader, 2)
    reader.take(feed)
    clock.turn(0.0, feed)
    polls = len(log.polls)
    log.failure = down("Too busy.", retry_after=20.0)
    question = feed.upstream.backfill(0, wake := threading.Event())
    assert wake.wait(PATIENCE)
    assert (question.done, question.answer) == (True, None)
    log.failure = None
    clock.turn(19.0, feed)
    assert len(log.polls) == polls
    clock.turn(1.5, feed)
    assert len(log.polls) == polls + 1
    assert feed.upstream.outage is None
    feed.leave(reader)


def test_an_outage_is_one_until_a_question_is_answered() -> None:
    """Readers tell outages apart by identity: three failures in a row are one outage."""
    log = Log(clock=(clock := StandingClock(0.0)))
    log.failure = down("First.")
    feed = feed_of(log, clock=clock)
    reader = Follower(interval=1.0)
    feed.join(reader)
    feed.attach(reader, 0)
    log.wait(lambda _: log.asked)
    clock.turn(0.0, feed)
    outage = feed.upstream.outage
    log.failure = down("Second.")
    clock.turn(31.0, feed)
    clock.turn(31.0, feed)
    assert outage is not None
    assert feed.upstream.outage is outage
    assert (outage.tries, outage.sentence) == (3, "Second.")
    assert b"First." in outage.chunk.plain
    feed.leave(reader)


def test_a_refused_token_ends_the_poller_and_wakes_everyone() -> None:
    """No further question is asked with it. Readers find the refusal, and the next reader begins anew."""
    log = Log(1)
    feed = feed_of(log)
    reader = Follower(interval=0.002)
    feed.join(reader)
    feed.attach(reader, 0)
    reader.take(feed)
    reader.wake.clear()
    log.failure = down("No.", refused=True)
    assert reader.wake.wait(PATIENCE)
    eventually(lambda: log.closed == 1, "the poller did not end")
    asked = len(log.asked)
    assert feed.upstream.refusal is not None
    assert b"No." in feed.upstream.refusal.plain
    feed.leave(reader)
    log.failure = None
    again = Follower()
    feed.join(again)
    assert feed.upstream.refusal is None
    feed.attach(again, 0)
    assert ids_of(again.take(feed)) == [1]
    assert log.opened == 2
    assert len(log.asked) > asked
    feed.leave(again)


def test_renewed_credentials_are_used_from_the_next_poll_on() -> None:
    """When the token changes while the feed runs a new gateway replaces the old one, and nothing is lost."""
    log = Log(1)
    feed = feed_of(log)
    doors = []
    feed.upstream.gateways._open = lambda environment: doors.append(environment) or log.open_gateway(environment)
    reader = Follower(interval=0.002)
    feed.join(reader)
    feed.attach(reader, 0)
    reader.take(feed)
    renewed = Environment("staging", "https://staging.example.com", "me@example.com", "another-token")
    feed.upstream.renew(renewed)
    log.add(2)
    assert ids_of(reader.take(feed)) == [2]
    log.wait(lambda _: log.opened == 2)
    assert doors[-1] is renewed
    eventually(lambda: log.closed == 1, "the old gateway was not given back")
    feed.leave(reader)


def test_a_refusal_of_credentials_that_were_renewed_meanwhile_says_nothing() -> None:
    """A question with the old token is refused after `.pos` was read again: the new one is asked with at once.

    It is so for the poller's questions and for those of readers and calls.
    """
    log = Log(1)
    feed = feed_of(log)
    renewed = Environment("staging", "https://staging.example.com", "me@example.com", "another-token")
    feed.upstream.gateways._open = lambda environment: Doorkeeper(log, environment, renewed)
    reader = Follower(interval=0.002)
    feed.join(reader)
    with log.hold():
        feed.attach(reader, 0)
        question = feed.upstream.backfill(0, wake := threading.Event())
        log.wait(lambda log: len(log.asked) == 2)
        feed.upstream.renew(renewed)
    assert ids_of(reader.take(feed)) == [1]
    assert wake.wait(PATIENCE)
    assert question is not None
    assert question.error is None
    assert question.answer is not None
    assert (feed.upstream.refusal, feed.upstream.outage, feed.upstream.counts.failed) == (None, None, 0)
    feed.leave(reader)


def test_a_refusal_has_credentials_read_that_were_renewed_just_now() -> None:
    """It says nothing where there are others, and is one where there are none."""
    log = Log(1)
    renewed = Environment("staging", "https://staging.example.com", "me@example.com", "another-token")
    written = [renewed]
    feed = feed_of(log, fresh=lambda _: written[-1])
    feed.upstream.gateways._open = lambda environment: Doorkeeper(log, environment, renewed)
    reader = Follower(interval=0.002)
    feed.join(reader)
    feed.attach(reader, 0)
    assert ids_of(reader.take(feed)) == [1]
    assert (feed.upstream.refusal, feed.upstream.outage, feed.upstream.counts.failed) == (None, None, 0)
    feed.upstream.gateways._open = lambda environment: Doorkeeper(log, environment, STAGING)
    written.append(replace(renewed, token="a-third-token"))
    feed.upstream.renew(replace(renewed, token="a-fourth-token"))
    eventually(lambda: feed.upstream.refusal is not None)
    feed.leave(reader)


def test_what_was_refused_before_a_renewal_is_no_refusal_after_it() -> None:
    """Whichever comes first of the renewal and the note that the old credentials were refused."""
    upstream = feed_of(Log()).upstream
    old, error = upstream.environment, down("No.", refused=True)
    error.environment = old
    upstream.renew(Environment("staging", old.url, old.email, "another-token"))
    upstream.failed(error)
    assert upstream.refusal is None
    error.environment = upstream.environment
    upstream.failed(error)
    assert upstream.refusal is not None
    upstream.renew(old)
    assert upstream.refusal is None


def test_a_fault_of_ours_is_an_outage_and_no_end() -> None:
    """A gateway that raises something odd is reported in plain words, without its text, and asked again."""
    log = Log(1, clock=(clock := StandingClock(0.0)))
    log.failure = RuntimeError("/home/us/secret-token")
    feed = feed_of(log, clock=clock)
    reader = Follower(interval=1.0)
    feed.join(reader)
    feed.attach(reader, 0)
    log.wait(lambda _: log.asked)
    clock.turn(0.0, feed)
    assert feed.upstream.outage is not None
    assert feed.upstream.outage.sentence == "Environment staging could not be read."
    assert b"secret" not in feed.upstream.outage.chunk.plain
    log.failure = None
    clock.turn(31.0, feed)
    assert ids_of(reader.take(feed)) == [1]
    feed.leave(reader)


def test_readers_that_ask_the_same_share_the_question() -> None:
    """For ten readers at one position platformOS is asked once, and all ten get the answer."""
    log = Log(1, 2, 3)
    feed = feed_of(log)
    wakes = [threading.Event() for _ in range(10)]
    with log.hold():
        questions = in_threads(*[lambda wake=wake: feed.upstream.backfill(1, wake) for wake in wakes])
        log.wait(lambda _: log.asked)
    assert all(wake.wait(PATIENCE) for wake in wakes)
    assert log.own == [1]
    (question,) = set(questions)
    assert [entry.id for entry in question.answer.entries] == [2, 3]  # type: ignore[attr-defined]


def test_an_answer_is_not_given_to_those_who_ask_later() -> None:
    """A question that was answered is asked anew, so the answer has what came meanwhile."""
    log = Log(1)
    feed = feed_of(log)
    for expected in ([1], [1, 2]):
        question = feed.upstream.backfill(0, wake := threading.Event())
        assert wake.wait(PATIENCE)
        assert question.answer is not None
        assert [entry.id for entry in question.answer.entries] == expected
        log.add(2)


def test_own_questions_are_few_at_once() -> None:
    """Of twenty questions of two clients OWN_QUESTIONS are under way, the others wait, and all are answered."""
    log = Log(*range(1, 30))
    feed = feed_of(log)
    wakes = [threading.Event() for _ in range(20)]
    with log.hold():
        questions = [feed.upstream.backfill(position, wake, "ab"[position % 2]) for position, wake in enumerate(wakes)]
        log.wait(lambda _: len(log.asked) == OWN_QUESTIONS)
    assert all(wake.wait(PATIENCE) for wake in wakes)
    assert log.busiest == OWN_QUESTIONS
    assert [question.answer.entries[0].id for question in questions if question.answer] == list(range(1, 21))


def test_gateways_of_own_questions_are_used_again_while_the_poller_lives() -> None:
    """Ten questions one after another use at most one gateway besides the poller's, and all are given back."""
    log = Log(*range(1, 30))
    clock = RunningClock()
    feed = feed_of(log, clock=clock)
    reader = Follower()
    feed.join(reader)
    feed.attach(reader, 20)
    reader.take(feed)
    for position in range(10):
        feed.upstream.backfill(position, wake := threading.Event())
        assert wake.wait(PATIENCE)
    assert log.opened <= 2
    feed.leave(reader)
    clock.turn(LINGER_SECONDS + 1)
    feed.leave(Follower())
    eventually(lambda: log.closed == log.opened, "gateways stayed open")


def test_rows_that_platformos_repeats_below_the_position_are_no_answer() -> None:
    """If a log answers more than was asked for, only what lies past the position counts."""

    class Generous(Log):
        def answer(self, last_id: int) -> list[object]:
            return super().answer(max(0, last_id - 2))

    log = Generous(1, 2, 3, 4)
    feed = feed_of(log)
    question = feed.upstream.backfill(3, wake := threading.Event())
    assert wake.wait(PATIENCE)
    assert question.answer is not None
    assert question.answer.entries == [entry(4)]
    reader = Follower(interval=0.002)
    feed.join(reader)
    feed.attach(reader, 3)
    assert ids_of(reader.take(feed)) == [4]
    log.add(5)
    assert ids_of(reader.take(feed)) == [5]
    feed.leave(reader)


class Toil(list[object]):
    """Rows that a process with little time reads: `seconds` pass between each thousand of them."""

    def __init__(self, seconds: float, clock: StandingClock, supervisor: Supervisor) -> None:
        super().__init__({"id": number} for number in range(1, 10_001))
        self._seconds, self._clock, self._supervisor = seconds, clock, supervisor
        self.stalled: list[str] = []

    def __iter__(self) -> Iterator[object]:
        for number, row in enumerate(super().__iter__(), 1):
            if not number % 1000:
                for seconds in (self._seconds, SURE_SECONDS):
                    self._clock.now += seconds
                    self.stalled += self._supervisor.stalled()
            yield row


class ToilingDoor(Door):
    """A gateway that answers with such rows."""

    rows: Toil

    def after(self, _: int, known: Any = (), turn: Callable[[], None] = lambda: None) -> Page:
        return entries.read(self.rows, self.environment.name, known, turn)


@pytest.mark.parametrize(("seconds", "stalled"), [(READ_SECONDS / 2, False), (READ_SECONDS + 1, True)])
def test_a_loop_that_reads_does_not_stand_still_however_long_it_reads(seconds: float, *, stalled: bool) -> None:
    """It goes on as long as others have their turns: a machine that has little time does not lose its worker for it."""
    clock = StandingClock(0.0)
    supervisor = Supervisor(clock)
    door = ToilingDoor(Log(clock=clock), STAGING)
    door.rows = Toil(seconds, clock, supervisor)
    upstream = Upstream(STAGING, lambda _: door, supervisor=supervisor, clock=clock)
    done = threading.Event()

    def run(loop: Loop) -> None:
        assert len(upstream.page(0, loop).entries) == 10_000
        done.set()

    supervisor.start("poller", run)
    assert done.wait(PATIENCE)
    assert set(door.rows.stalled) == ({"poller"} if stalled else set())
