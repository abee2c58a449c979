"""How often an agent may ask, and how many calls it may have open (mcp.md, section 8)."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.wire.agent import (
    ENV_LIST,
    FETCH,
    KINDS,
    LIVE,
    PREFIX,
    asked,
    called,
    content,
    ended,
    error,
    live,
    message,
    refused,
    result,
    send,
    serving,
)
from tests.wire.exchange import OTHER, READER, ask, clients, get, open_streams, request, wait_for

USUAL = {"token": OTHER}  # the contract's limits
FEW = {"token": OTHER, "limits": {"requests": "2 per minute", "streams": 2}}
CALL = message("tools/call", {"name": ENV_LIST}, modern=False)
MIXED = ["initialize", "ping", "tools/list", "resources/list", "resources/templates/list", "prompts/list", "no/such"]


@pytest.mark.parametrize("kind", KINDS)
def test_connecting_costs_nothing_of_a_clients_own_rate(kind: str, tmp_path: Path) -> None:
    """Sixty lists, pings, notifications, GETs and refusals, then the twenty tool calls of ten seconds all the same."""
    with serving(tmp_path, kind, clients=clients(other=USUAL)) as (server, _):
        for number in range(60):
            asked(server, MIXED[number % len(MIXED)], modern=False, token=OTHER)
        assert ask(server, request("/mcp", b"", method="GET", token=OTHER)).status == 405
        assert send(server, b"{", token=OTHER).status == 400
        assert send(server, CALL, token=OTHER, accept="Accept: text/html").status == 406
        assert send(server, {"jsonrpc": "2.0", "method": "notifications/initialized"}, token=OTHER).status == 202
        answers = [asked(server, "tools/call", {"name": ENV_LIST}, token=OTHER) for _ in range(20)]
        for answer in answers:
            content(result(answer))
        assert [int(answer.headers["x-ratelimit-remaining"]) for answer in answers] == list(range(19, -1, -1))
        sentence = refused(server, ENV_LIST, token=OTHER)
        assert sentence.startswith("20 requests in 10 s reached; try again in ")
        assert get(server, "/tools", token=OTHER).status == 429, "tool calls count with all other requests"
        assert "tools" in result(asked(server, "tools/list", token=OTHER))


@pytest.mark.parametrize("modern", [True, False])
def test_a_limit_that_is_reached_is_a_result_and_the_connection_lives_on(modern: bool, tmp_path: Path) -> None:
    """HTTP 200 for all three that count: a tool's error result with the seconds to wait, else a JSON-RPC error."""
    with serving(tmp_path, "gevent", clients=clients(other=FEW)) as (server, _):
        for method, params in (
            ("resources/read", {"uri": "platformos://staging/logs"}),
            ("prompts/get", {"name": "watch_deploy", "arguments": {"env": "staging"}}),
        ):
            result(asked(server, method, params, modern=modern, token=OTHER))
        for tool in (ENV_LIST, LIVE):
            assert "2 requests in a minute reached; try again in " in refused(server, tool, modern=modern, token=OTHER)
        for method, params in (
            ("resources/read", {"uri": "platformos://staging/logs"}),
            ("prompts/get", {"name": "watch_deploy", "arguments": {"env": "staging"}}),
        ):
            answer = asked(server, method, params, modern=modern, token=OTHER)
            assert (answer.status, error(answer)["code"]) == (200, 429)
        assert called(server, ENV_LIST, token=READER)["envs"]
        assert open_streams(server) == 0


def test_a_call_that_fails_counts_too(tmp_path: Path) -> None:
    """Unknown tools, levels and resources: each costs one of two, and the third call is told to wait."""
    for method, params, meta in (
        ("tools/call", {"name": "nothing"}, {}),
        ("tools/call", {"name": ENV_LIST}, {f"{PREFIX}logLevel": "loud"}),
        ("resources/read", {"uri": "x"}, {}),
    ):
        with serving(tmp_path, "gevent", clients=clients(other=FEW)) as (server, _):
            for _ in range(2):
                assert error(asked(server, method, params, meta=meta, token=OTHER))["code"] == -32602
            assert "2 requests in a minute reached" in refused(server, ENV_LIST, token=OTHER)


def test_the_roomier_bucket_has_an_end_too(tmp_path: Path) -> None:
    """Three hundred a minute, then 429 with Retry-After, whatever is asked but tool calls; others are served."""
    with serving(tmp_path, "gevent", clients=clients(other=USUAL)) as (server, _):
        statuses = [send(server, message("ping", modern=False), token=OTHER).status for _ in range(300)]
        assert statuses == [200] * 300
        for answer in (
            send(server, message("ping", modern=False), token=OTHER),
            send(server, {"jsonrpc": "2.0", "method": "notifications/initialized"}, token=OTHER),
            send(server, b"[]", token=OTHER),
            send(server, CALL, token=OTHER, accept="Accept: text/html"),
            ask(server, request("/mcp", b"", method="GET", token=OTHER)),
        ):
            assert error(answer, None)["code"] == answer.status == 429
            assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert called(server, ENV_LIST, token=OTHER)["envs"]
        assert get(server, "/tools", token=OTHER).status == 200
        assert result(asked(server, "ping", modern=False, token=READER)) == {}


def test_a_client_with_higher_rates_of_its_own_has_them_for_lists_too(tmp_path: Path) -> None:
    """More than three hundred pings of a client that may ask a hundred thousand times."""
    with serving(tmp_path, "gevent") as (server, _):
        assert {send(server, message("ping", modern=False)).status for _ in range(310)} == {200}


def test_wrong_tokens_are_limited_by_address(tmp_path: Path) -> None:
    """429 as JSON-RPC with Retry-After after twenty, and right tokens are not touched."""
    with serving(tmp_path, "gevent") as (server, _):
        answers = [send(server, message("ping", modern=False), token="wrong") for _ in range(22)]
        assert [answer.status for answer in answers] == [401] * 20 + [429] * 2
        assert error(answers[-1], None)["code"] == 429
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert result(send(server, message("ping", modern=False))) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_a_live_call_holds_one_of_the_clients_places(kind: str, tmp_path: Path) -> None:
    """Two live calls fill a client of two; the third is an error result; a place that is left is free at once."""
    few = {"token": OTHER, "limits": {"requests": "1000 per minute", "streams": 2}}
    with serving(tmp_path, kind, clients=clients(other=few)) as (server, platformos), ExitStack() as stack:
        calls = [stack.enter_context(live(server, token=OTHER, maxDuration=55_000)) for _ in range(2)]
        wait_for(lambda: open_streams(server) == 2)
        sentence = refused(server, LIVE, env="staging", token=OTHER)
        assert sentence.startswith("Streams open for this client: 2, as many as it may have; close one of them")
        assert called(server, FETCH, env="staging", token=OTHER)["count"] == 0
        calls[0].close()
        wait_for(lambda: open_streams(server) == 1, 1.5)
        platformos.add_many(1)
        with live(server, token=OTHER, lastId="0", limit=1) as third:
            assert content(ended(third))["count"] == 1
