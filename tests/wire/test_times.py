"""Times: where streams, fetches, reports and agents' calls begin and end, in a log that nobody reads as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.upstream import FETCH, HOUR, LIVE, STREAM, told
from tests.support.long_log import ROWS, LongLog
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.support.unclear import UNCLEAR
from tests.wire import agent
from tests.wire.agent import KINDS

Start = Callable[..., Server]
REPORT = "platformos.logs.report"
MOST = 60  # questions
NO_ROWS = "platformOS answered without usable log rows for environment staging."
DOORS = [(STREAM, "gevent"), (LIVE, "gevent"), (STREAM, "gthread"), (LIVE, "gthread")]


def ids(answer: dict[str, Any]) -> list[str]:
    return [entry["id"] for entry in answer.get("logs", answer.get("entries", []))]


@pytest.mark.parametrize(
    ("tool", "kind", "page", "gap"),
    [  # a live reader's poller looks back, too, which takes many questions where an answer holds few rows
        (STREAM, "gevent", 20, 1),
        (STREAM, "gthread", 20, 7),
        (LIVE, "gevent", 1000, 7),
        (LIVE, "gthread", 1000, 1),
    ],
)
def test_a_stream_of_a_million_rows_begins_within_sixty_questions(
    server: Start, platformos: PlatformOS, tool: str, kind: str, page: int, gap: int
) -> None:
    """At a time, at one that is to come, with the newest hundred, with what comes from now on."""
    running = server(kind)
    log = LongLog(platformos, gap=gap)
    platformos.page = page
    for start, first in (
        ({"since": log.at(ROWS - 80)}, ROWS - 80),
        ({"since": "3650d"}, 1),
        ({"since": log.at(ROWS + 3600)}, log.rows + 1),
        ({"tail": 100}, ROWS - 99),
        ({"tail": 0}, log.rows + 1),
    ):
        before = log.asked()
        with running.stream(tool, {**HOUR, **start}) as reader:
            if first > 1 and first <= ROWS:
                reader.wait_entries(ROWS + 1 - first, 60)
                assert reader.entry_ids == log.ids(first, ROWS)
            elif first == 1:
                reader.wait_entries(3, 60)
                assert reader.entry_ids[:3] == log.ids(1, 3)
                continue
            else:
                reader.wait_until(lambda: reader.last_id is not None, 60)
                assert (reader.last_id, reader.entry_ids) == (log.ids(ROWS, ROWS)[0], [])
        assert log.asked(before) <= MOST, start


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_about_a_million_rows_takes_sixty_questions_at_most(
    server: Start, platformos: PlatformOS, kind: str
) -> None:
    """A fetch since a time, up to one, between two, around an entry, of the newest; a report on ten minutes."""
    running = server(kind)
    log = LongLog(platformos)
    for input_, first, last in (
        ({"since": log.at(600_000), "limit": 60}, 600_000, 600_059),
        ({"until": log.at(600_000), "limit": 60}, 599_941, 600_000),
        ({"since": log.at(600_000), "until": log.at(600_010)}, 600_000, 600_010),
        ({"lastId": "600000", "until": log.at(600_010)}, 600_001, 600_010),
        ({"tail": 5, "until": log.at(600_010)}, 600_006, 600_010),
        ({"around": "600000", "limit": 60}, 599_970, 600_029),
        ({"around": str(ROWS + 9), "limit": 60}, ROWS - 59, ROWS),
        ({}, ROWS - 99, ROWS),
        ({"tail": 7}, ROWS - 6, ROWS),
    ):
        before = log.asked()
        answer = running.call(FETCH, {"env": "staging", **input_})
        assert ids(answer) == log.ids(first, last), input_
        assert answer["lastId"] == str(last)
        assert log.asked(before) <= MOST, input_
    before = log.asked()
    answer = running.call(REPORT, {"env": "staging", "since": log.at(600_000), "until": log.at(600_599)})
    assert (answer["total"], answer["byType"]["error"], answer["lastId"]) == (600, 60, "600599")
    assert log.asked(before) <= MOST
    answer = running.call(REPORT, {"env": "staging", "until": log.at(600_000), "minutes": 2})
    assert (answer["total"], answer["to"][:19]) == (121, log.at(600_000)[:19])


@pytest.mark.parametrize("kind", KINDS)
def test_an_agent_asks_with_the_same_times(server: Start, kind: str) -> None:
    """Fetch, live and report; live's own `until` stays what it was."""
    with agent.serving(server, kind) as (running, platformos):
        log = LongLog(platformos)
        for arguments, first, last in (
            ({"since": log.at(600_000), "limit": 5}, 600_000, 600_004),
            ({"until": log.at(600_000), "limit": 5}, 599_996, 600_000),
            ({"since": log.at(600_000), "until": log.at(600_002)}, 600_000, 600_002),
            ({"around": "600000", "limit": 5}, 599_998, 600_002),
            ({}, ROWS - 19, ROWS),
        ):
            before = log.asked()
            answer = agent.called(running, agent.FETCH, env="staging", **arguments)
            assert (ids(answer), answer["lastId"]) == (log.ids(first, last), str(last)), arguments
            assert log.asked(before) <= MOST
        answer = agent.called(running, agent.REPORT, env="staging", since=log.at(600_000), until=log.at(600_059))
        assert (answer["total"], answer["lastId"]) == (60, "600059")
        before = log.asked()
        with agent.live(running, since=log.at(ROWS - 3), until="first", maxDuration=30_000) as call:
            answer = agent.content(agent.ended(call, timeout=60))
        assert (ids(answer), answer["stopped"]) == (log.ids(ROWS - 3, ROWS), "first")
        assert log.asked(before) <= MOST


def test_an_agent_s_answer_around_an_entry_holds_it_however_large_the_others_are(server: Start) -> None:
    """Those furthest from it are left out, and the position goes on after those that are there."""
    with agent.serving(server, "gevent") as (running, platformos):
        platformos.add_many(200, message="m" * 1000)
        answer = agent.called(running, agent.FETCH, env="staging", around="100", limit=200)
        numbers = [int(id_) for id_ in ids(answer)]
        assert 100 in numbers
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        assert abs((100 - numbers[0]) - (numbers[-1] - 100)) <= 1
        assert (answer["truncated"], answer["lastId"]) == (True, str(numbers[-1]))


@pytest.mark.parametrize(("tool", "kind"), DOORS)
def test_a_client_that_comes_back_with_the_same_body_goes_on_where_it_was(
    server: Start, platformos: PlatformOS, tool: str, kind: str
) -> None:
    """Before an entry came and after: its `Last-Event-ID` wins over the time in its body."""
    running = server(kind)
    platformos.add(*({"created_at": f"2026-11-28T10:00:{number:02}Z"} for number in range(1, 31)))
    body = {"env": "staging", "interval": 250, "since": "2026-11-28T10:00:25Z"}
    with running.stream(tool, {**body, "filter": "never"}) as first:
        first.wait_until(lambda: first.last_id is not None, 60)
        assert first.last_id == "24"
    with running.stream(tool, body, headers={"Last-Event-ID": str(first.last_id)}) as second:
        second.wait_entries(6)
    platformos.add_many(2)
    with running.stream(tool, body, headers={"Last-Event-ID": "30"}) as third:
        third.wait_entries(2)
        assert second.entry_ids + third.entry_ids == [str(number) for number in range(25, 33)]


@pytest.mark.parametrize("kind", KINDS)
def test_odd_answers_are_asked_for_again(server: Start, platformos: PlatformOS, kind: str) -> None:
    """A stream and a call since a time, whatever the first answer is."""
    running = server(kind)
    platformos.add(*({"created_at": f"2026-11-28T10:00:{number:02}Z"} for number in range(1, 31)))
    wanted = [str(number) for number in range(20, 31)]
    for name, body in UNCLEAR.items():
        platformos.fail("raw", times=1, body=body)
        with running.stream(STREAM, {**HOUR, "since": "2026-11-28T10:00:20Z"}) as reader:
            reader.wait_entries(len(wanted), 60)
            assert reader.entry_ids == wanted, name
            assert NO_ROWS not in told(reader), name
        platformos.fail("raw", times=1, body=body)
        assert ids(running.call(FETCH, {"env": "staging", "since": "2026-11-28T10:00:20Z"})) == wanted, name


@pytest.mark.parametrize("kind", KINDS)
def test_a_time_that_nothing_has_reached_begins_with_what_comes_from_now_on(
    server: Start, platformos: PlatformOS, kind: str
) -> None:
    """Whatever its time is; a call finds nothing and says where to go on."""
    running = server(kind)
    platformos.add_many(5)
    with running.stream(STREAM, {"env": "staging", "interval": 250, "since": "2999-01-01"}) as reader:
        reader.wait_until(lambda: reader.last_id is not None, 60)
        platformos.add_many(1)
        reader.wait_entries(1)
        assert reader.entry_ids == ["6"]
    assert running.call(FETCH, {"env": "staging", "since": "2999-01-01"}) == {
        "logs": [], "lastId": "6", "truncated": False,
    }  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_meant_is_refused_at_every_door(server: Start, platformos: PlatformOS, kind: str) -> None:
    """With the input and the remedy; no question is put for it."""
    two = "`{}` and `{}` name two different beginnings; leave one out."
    time = "`{}` must be a time, such as 2026-11-28T10:00Z, or how long ago, such as 90s, 10m, 2h or 1d, not {}."
    running = server(kind)
    for path, tool, input_, sentence in (
        ("/call-stream", STREAM, {"since": "1h", "lastId": "5"}, two.format("lastId", "since")),
        ("/call-stream", LIVE, {"since": "1h", "tail": 5}, two.format("tail", "since")),
        ("/call-stream", STREAM, {"since": "ten o'clock"}, time.format("since", '"ten o\'clock"')),
        ("/call-stream", LIVE, {"since": 1764324000}, time.format("since", "1764324000")),
        ("/call", FETCH, {"since": "1h", "around": "5"}, two.format("since", "around")),
        ("/call", FETCH, {"until": "10:00"}, time.format("until", '"10:00"')),
        ("/call", FETCH, {"around": "5", "until": "1h"}, "`around` shows what is before and after an entry; "
         "leave `until` out."),
        ("/call", FETCH, {"since": "1h", "until": "2h"}, "`until` lies before `since`; exchange the two."),
        ("/call", REPORT, {"since": "1h", "minutes": 5}, two.format("minutes", "since")),
    ):  # fmt: skip
        answer = running.post(path, {"tool": tool, "input": {"env": "staging", **input_}})
        assert (answer.status_code, answer.json()) == (400, {"error": sentence}), input_
    assert platformos.requests == []
