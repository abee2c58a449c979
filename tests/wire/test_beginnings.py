"""Beginnings: after an answer that says nothing of the log the question is asked again; it is not the log's end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.faults.upstream import FETCH, HOUR, LIVE, STREAM, told, wait_told
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.support.unclear import UNCLEAR as ODD
from tests.wire import agent
from tests.wire.exchange import wait_for

UNCLEAR = "platformOS answered without usable log rows for environment staging."
NUMBERS = [str(number) for number in range(1, 21)]


@contextmanager
def at_the_end(server: Server, platformos: PlatformOS) -> Iterator[None]:
    """A reader at row 20 that asks nothing more: all later questions are others'."""
    platformos.add_many(20)
    with server.stream(STREAM, {**HOUR, "lastId": "20"}):
        platformos.wait_for_requests(1)
        wait_for(lambda: server.get("/health").json()["environments"][0].get("lastSuccess"))
        yield


@pytest.mark.parametrize(
    ("kind", "tool", "start", "expected"),
    [
        ("gevent", STREAM, {}, NUMBERS),
        ("gthread", LIVE, {}, NUMBERS),
        ("gthread", STREAM, {"tail": 3}, NUMBERS[-3:]),
        ("gevent", LIVE, {"lastId": "5"}, NUMBERS[5:]),
    ],
    ids=["stream", "live", "tail", "resumed"],
)
def test_a_reader_gets_its_past_whatever_the_first_answer_is(
    server: Callable[..., Server],
    platformos: PlatformOS,
    kind: str,
    tool: str,
    start: dict[str, Any],
    expected: list[str],
) -> None:
    """After one such answer, while another reader is at the end, the question is asked again, without a notice."""
    with at_the_end(running := server(kind=kind), platformos):
        for name, body in ODD.items():
            platformos.fail("raw", times=1, body=body)
            with running.stream(tool, {**HOUR, **start}) as reader:
                reader.wait_entries(len(expected))
                assert reader.entry_ids == expected, name
                assert UNCLEAR not in told(reader), name


def test_a_reader_whose_environment_answers_so_for_long_is_told_once(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Other readers get no notice, and it does not count as an outage. Once there are rows they all come."""
    with at_the_end(running := server(kind="gthread"), platformos):
        platformos.fail("raw", body=b"{}")
        asked = len(platformos.requests)
        with running.stream(STREAM, HOUR) as reader:
            assert wait_told(reader) == [UNCLEAR]
            platformos.wait_for_requests(asked + 3)
            assert "failing" not in running.get("/health").json()
            platformos.heal()
            reader.wait_entries(20, timeout=20)
            assert reader.entry_ids == NUMBERS
            assert told(reader) == [UNCLEAR]


def test_the_only_reader_is_told_once_too(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """It shares the poller's questions. Heartbeats follow, then all rows."""
    platformos.add_many(20)
    platformos.fail("raw", body=b"")
    with server().stream(STREAM, {"env": "staging", "interval": 250}) as reader:
        assert wait_told(reader) == [UNCLEAR]
        platformos.wait_for_requests(len(platformos.requests) + 4)
        platformos.heal()
        reader.wait_entries(20)
        assert (reader.entry_ids, told(reader)) == (NUMBERS, [UNCLEAR])


def test_a_call_asks_again_too(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """This holds for a fetch from the beginning or of the newest, and for a report."""
    with at_the_end(running := server(), platformos):
        for body in ODD.values():
            for tool, input_ in (
                (FETCH, {"lastId": "0"}),
                (FETCH, {"tail": 20}),
                ("platformos.logs.report", {"lastId": "0"}),
            ):
                platformos.fail("raw", times=1, body=body)
                answer = running.call(tool, {"env": "staging", **input_})
                assert answer["lastId"] == "20", (tool, body)
                if tool == FETCH:
                    assert [entry["id"] for entry in answer["logs"]] == NUMBERS
                else:
                    assert answer["total"] == 20


def test_an_agent_s_call_asks_again_too(server: Callable[..., Server]) -> None:
    """This holds for fetch, report, and a live call, which begins at the end of the log once that is known."""
    with agent.serving(server, "gthread") as (running, platformos):
        platformos.add_many(20)
        for tool in (agent.FETCH, agent.REPORT):
            platformos.fail("raw", times=1, body=b'{"logs":[null]}')
            answer = agent.called(running, tool, env="staging", **({"lastId": "0"} if tool == agent.REPORT else {}))
            assert (answer["lastId"], answer.get("count", answer.get("total"))) == ("20", 20)
        platformos.fail("raw", times=1, body=b"")
        with agent.live(running, maxDuration=4000) as call:
            answer = agent.content(agent.ended(call))
        assert (answer["lastId"], answer["count"]) == ("20", 0)


def test_a_call_whose_environment_answers_so_all_the_time_is_refused(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """It gets 503, as for other failed polls, after some questions. An empty list is an answer."""
    running = server()
    platformos.fail("raw", body=b'{"logs":null}')
    answer = running.post("/call", {"tool": FETCH, "input": {"env": "staging"}}, timeout=60)
    assert (answer.status_code, answer.json()) == (503, {"error": UNCLEAR})
    assert int(answer.headers["Retry-After"]) > 0
    assert len(platformos.requests) >= 3
    platformos.heal()
    content = running.post("/call", {"tool": FETCH, "input": {"env": "staging"}}).json()["content"]
    assert json.loads(content[0]["text"]) == {"logs": [], "lastId": "0", "truncated": False}
