"""What questions promise: few at once, clients in turn, and none for clients that have gone."""

from __future__ import annotations

import threading

import pytest

from poslogs.platformos import entries
from poslogs.platformos.gateway import GatewayError
from poslogs.streaming import calls
from poslogs.streaming.answer import PIECE_BYTES, Answer, Answers
from poslogs.streaming.backfill import Asker
from poslogs.streaming.backward import run
from poslogs.streaming.place import place
from poslogs.streaming.stream import Start
from tests.unit.doubles import (
    HOUR,
    PATIENCE,
    STAGING,
    Log,
    Reading,
    RunningClock,
    down,
    entry,
    eventually,
    feed_of,
    in_threads,
    row,
)


def answer(*ids: int, message: str = "") -> Answer:
    return Answer(entries.read([row(number, message=message) for number in ids], STAGING.name), 0)


def test_turns_go_round_the_clients() -> None:
    """One client asks twenty times. Another's question, asked last, begins at once, and its next ones in turn."""
    log = Log(*range(1, 100))
    feed = feed_of(log)
    wake = threading.Event()
    with log.hold():
        for position in range(20):
            feed.upstream.backfill(position, wake, "many")
        log.wait(lambda _: len(log.asked) == 3)
        for position in (50, 51, 52):
            feed.upstream.backfill(position, wake, "few")
        log.wait(lambda _: len(log.asked) == 4)
        assert log.own[3] == 50
    log.wait(lambda _: len(log.asked) == 23)
    assert max(log.own.index(51), log.own.index(52)) <= 12


def test_who_has_gone_leaves_the_queue() -> None:
    """A question that nobody waits for any more is not asked. One that somebody else waits for is."""
    log = Log(*range(1, 100))
    feed = feed_of(log)
    wake, other = threading.Event(), threading.Event()
    with log.hold():
        for position in range(3):
            feed.upstream.backfill(position, wake, "a")
        log.wait(lambda _: len(log.asked) == 3)
        for position in range(10, 20):
            question = feed.upstream.backfill(position, wake, "a")
            assert question is not None
            if position == 15:
                feed.upstream.leave(question, wake, "a")
                assert feed.upstream.backfill(position, wake, "a") is not question
            else:
                feed.upstream.leave(question, wake, "a")
        shared = feed.upstream.backfill(30, wake, "a")
        assert shared is feed.upstream.backfill(30, other, "a")
        assert shared is not None
        feed.upstream.leave(shared, wake, "a")
    assert other.wait(PATIENCE)
    eventually(lambda: len(log.asked) == 5)
    assert sorted(log.own) == [0, 1, 2, 15, 30]


def test_a_question_that_is_to_end_an_outage_is_asked_though_its_reader_has_gone() -> None:
    """All depend on how it ends; else nobody would ever ask again."""
    clock = RunningClock()
    log = Log(1)
    feed = feed_of(log, clock=clock)
    log.failure = down()
    feed.upstream.backfill(0, wake := threading.Event())
    assert wake.wait(PATIENCE)
    assert feed.upstream.backfill(0, wake) is None
    log.failure = None
    clock.turn(60)
    question = feed.upstream.backfill(0, wake)
    assert question is not None
    feed.upstream.leave(question, wake)
    eventually(lambda: feed.upstream.outage is None)


def test_questions_that_wait_end_with_the_outage_that_begins() -> None:
    """They are not asked one after another while platformOS does not answer."""
    log = Log(1)
    feed = feed_of(log)
    wakes = [threading.Event() for _ in range(20)]
    log.failure = down()
    with log.hold():
        questions = [feed.upstream.backfill(position, wake) for position, wake in enumerate(wakes)]
        log.wait(lambda _: len(log.asked) == 3)
    assert all(wake.wait(PATIENCE) for wake in wakes)
    assert all(question is not None and question.error is not None for question in questions)
    assert len(log.asked) <= 6


def test_a_call_is_answered_or_told_why_not() -> None:
    """A call's failure is its own: readers get no report. Calls that ask the same share the question."""
    log = Log(1, 2, 3)
    feed = feed_of(log)
    with calls.asking(feed.upstream, Asker("a")) as ask:
        assert [each.id for each in ask(1).entries] == [2, 3]
        with log.hold():
            askers = [Asker("a") for _ in range(5)]
            calls_ = [lambda one=one: calls.answer(feed.upstream, 2, one) for one in askers]
            waiting = threading.Thread(target=in_threads, args=calls_, daemon=True)
            waiting.start()
            log.wait(lambda _: len(log.asked) == 2)
            eventually(lambda: len(feed.upstream.backfills._known[("call", 2)]._waiting) == 5)
        waiting.join(PATIENCE)
        assert len(log.asked) == 2
        log.failure = down()
        with pytest.raises(GatewayError, match="Connection failed"):
            ask(0)
    assert feed.upstream.outage is None
    assert log.opened == log.closed == 1


def test_a_caller_that_has_gone_waits_no_longer() -> None:
    """Its question leaves the queue, though platformOS does not answer."""
    log = Log(1)
    feed = feed_of(log)
    with log.hold():
        asker = Asker("a")
        failed: list[str] = []

        def call() -> None:
            try:
                calls.answer(feed.upstream, 0, asker)
            except GatewayError as error:
                failed.append(error.sentence)

        thread = threading.Thread(target=call, daemon=True)
        thread.start()
        log.wait(lambda _: log.asked)
        asker.leave()
        thread.join(PATIENCE)
        assert failed == ["The client of a call to environment staging has gone."]


# Answers


def test_an_answer_is_read_in_pieces() -> None:
    """It gives all wanted entries, about PIECE_BYTES at a time, and at its end the position after the whole answer."""
    whole = answer(*range(1, 21), message="x" * (PIECE_BYTES // 4))
    position, found, most = 0, [], 0
    while position < whole.last:
        looked, position = whole.piece(position, lambda each: each.id % 2 == 0)
        wanted = [each.id for each in looked if each.id % 2 == 0]
        most = max(most, len(wanted))
        found += wanted
    assert found == list(range(2, 21, 2))
    assert most == 4
    assert whole.piece(0, lambda _: False) == (whole.entries, 20)
    assert whole.piece(20, lambda _: True) == ([], 20)
    assert answer(1).entries == [entry(1, message="")]


def test_the_latest_answers_are_kept_within_their_bytes() -> None:
    """The newest is kept however large it is. A reader holds none of them."""
    answers = Answers(answer(1).size * 2)
    kept = [answer(number) for number in (1, 2, 3)]
    for each in kept:
        answers.keep("one", each)
    assert [each for _, each in answers._kept] == kept[1:]
    answers.keep("other", large := answer(*range(1, 100)))
    assert [each for _, each in answers._kept] == [large]
    answers.forget("one")
    answers.forget("other")
    assert not answers._kept


def test_a_search_keeps_no_answer_that_it_has_looked_at() -> None:
    """A stream's and a call's in a log of 99 answers: the last one at most is kept, until the call is over."""
    log = Log(*range(1, 9901), page=100)
    answers = Answers(1 << 30)
    feed = feed_of(log, answers=answers)
    with calls.asking(feed.upstream, Asker("a")) as ask:
        assert run(place(lambda _: False, "staging"), ask).position == 9900
        assert len(log.asked) > 10
        assert len(answers._kept) == 1
    assert not answers._kept
    with Reading(feed, start=Start(since="9999"), heartbeat=HOUR) as reading:
        assert reading.open().next() == b"id: 9900\n\n"
        assert len(answers._kept) == 1


def test_an_answer_that_two_have_asked_for_is_kept() -> None:
    """One of them may read on in it when the other needs it no more."""
    log = Log(*range(1, 1001), page=100)
    answers = Answers(1 << 30)
    upstream = feed_of(log, answers=answers).upstream
    with log.hold():
        shared = [upstream.backfill(500, threading.Event(), name) for name in "ab"]
        alone = upstream.backfill(700, threading.Event(), "a")
        assert alone is not None
    eventually(lambda: alone.done and shared[0] is not None and shared[0].done)
    assert shared[0] is shared[1]
    for backfill in filter(None, (shared[0], alone)):
        backfill.let_go(answers)
    assert [kept.first for _, kept in answers._kept] == [501]
