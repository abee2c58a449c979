"""How often an agent may ask, and how many calls it may have open (mcp.md, section 8)."""

from __future__ import annotations

import pytest

from tests.support.quickest import WAIT_S, quickest
from tests.wire.agent import (
    ENV_LIST,
    FETCH,
    KINDS,
    LIVE,
    PREFIX,
    Start,
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
FREE_S = 1.0  # until a place is free after its call was left
CALL = message("tools/call", {"name": ENV_LIST}, modern=False)
MIXED = ["initialize", "ping", "tools/list", "resources/list", "resources/templates/list", "prompts/list", "no/such"]


@pytest.mark.parametrize("kind", KINDS)
def test_connecting_costs_nothing_of_a_clients_own_rate(kind: str, server: Start) -> None:
    """After sixty lists, pings, notifications, GETs and refusals all twenty tool calls of ten seconds are left."""
    with serving(server, kind, clients=clients(other=USUAL)) as (running, _):
        for number in range(60):
            asked(running, MIXED[number % len(MIXED)], modern=False, token=OTHER)
        assert ask(running, request("/mcp", b"", method="GET", token=OTHER)).status == 405
        assert send(running, b"{", token=OTHER).status == 400
        assert send(running, CALL, token=OTHER, accept="Accept: text/html").status == 406
        assert send(running, {"jsonrpc": "2.0", "method": "notifications/initialized"}, token=OTHER).status == 202
        answers = [asked(running, "tools/call", {"name": ENV_LIST}, token=OTHER) for _ in range(20)]
        for answer in answers:
            content(result(answer))
        assert [int(answer.headers["x-ratelimit-remaining"]) for answer in answers] == list(range(19, -1, -1))
        sentence = refused(running, ENV_LIST, token=OTHER)
        assert sentence.startswith("20 requests in 10 s reached; try again in ")
        assert get(running, "/tools", token=OTHER).status == 429, "tool calls count with all other requests"
        assert "tools" in result(asked(running, "tools/list", token=OTHER))


@pytest.mark.parametrize("modern", [True, False])
def test_a_limit_that_is_reached_is_a_result_and_the_connection_lives_on(modern: bool, server: Start) -> None:
    """All three kinds that count get HTTP 200: a tool's error result with the seconds to wait, or a JSON-RPC error."""
    with serving(server, "gevent", clients=clients(other=FEW)) as (running, _):
        for method, params in (
            ("resources/read", {"uri": "platformos://staging/logs"}),
            ("prompts/get", {"name": "watch_deploy", "arguments": {"env": "staging"}}),
        ):
            result(asked(running, method, params, modern=modern, token=OTHER))
        for tool in (ENV_LIST, LIVE):
            assert "2 requests in a minute reached; try again in " in refused(running, tool, modern=modern, token=OTHER)
        for method, params in (
            ("resources/read", {"uri": "platformos://staging/logs"}),
            ("prompts/get", {"name": "watch_deploy", "arguments": {"env": "staging"}}),
        ):
            answer = asked(running, method, params, modern=modern, token=OTHER)
            assert (answer.status, error(answer)["code"]) == (200, 429)
        assert called(running, ENV_LIST, token=READER)["envs"]
        assert open_streams(running) == 0


def test_a_call_that_fails_counts_too(server: Start) -> None:
    """Unknown tools, levels and resources cost one call of two each. The third call must wait."""
    for method, params, meta in (
        ("tools/call", {"name": "nothing"}, {}),
        ("tools/call", {"name": ENV_LIST}, {f"{PREFIX}logLevel": "loud"}),
        ("resources/read", {"uri": "x"}, {}),
    ):
        with serving(server, "gevent", clients=clients(other=FEW)) as (running, _):
            for _ in range(2):
                assert error(asked(running, method, params, meta=meta, token=OTHER))["code"] == -32602
            assert "2 requests in a minute reached" in refused(running, ENV_LIST, token=OTHER)


def test_the_roomier_bucket_has_an_end_too(server: Start) -> None:
    """After three hundred a minute everything but tool calls gets 429 with Retry-After. Tool calls are served."""
    with serving(server, "gevent", clients=clients(other=USUAL)) as (running, _):
        statuses = [send(running, message("ping", modern=False), token=OTHER).status for _ in range(300)]
        assert statuses == [200] * 300
        for answer in (
            send(running, message("ping", modern=False), token=OTHER),
            send(running, {"jsonrpc": "2.0", "method": "notifications/initialized"}, token=OTHER),
            send(running, b"[]", token=OTHER),
            send(running, CALL, token=OTHER, accept="Accept: text/html"),
            ask(running, request("/mcp", b"", method="GET", token=OTHER)),
        ):
            assert error(answer, None)["code"] == answer.status == 429
            assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert called(running, ENV_LIST, token=OTHER)["envs"]
        assert get(running, "/tools", token=OTHER).status == 200
        assert result(asked(running, "ping", modern=False, token=READER)) == {}


def test_a_client_with_higher_rates_of_its_own_has_them_for_lists_too(server: Start) -> None:
    """A client that may ask a hundred thousand times may send more than three hundred pings."""
    with serving(server, "gevent") as (running, _):
        assert {send(running, message("ping", modern=False)).status for _ in range(310)} == {200}


def test_wrong_tokens_are_limited_by_address(server: Start) -> None:
    """After twenty they get 429 as JSON-RPC with Retry-After. Right tokens are not affected."""
    with serving(server, "gevent", own=True) as (running, _):
        answers = [send(running, message("ping", modern=False), token="wrong") for _ in range(22)]
        assert [answer.status for answer in answers] == [401] * 20 + [429] * 2
        assert error(answers[-1], None)["code"] == 429
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert result(send(running, message("ping", modern=False))) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_a_live_call_holds_one_of_the_clients_places(kind: str, server: Start) -> None:
    """A client of two places gets two live calls; a third is an error result. A place that is left is free at once."""
    few = {"token": OTHER, "limits": {"requests": "1000 per minute", "streams": 2}}
    with serving(server, kind, clients=clients(other=few)) as (running, platformos):

        def freed() -> float:
            """Seconds until the second place is free after its call was left."""
            with live(running, token=OTHER, maxDuration=55_000):
                wait_for(lambda: open_streams(running) == 2)
                sentence = refused(running, LIVE, env="staging", token=OTHER)
                assert sentence.startswith("Streams open for this client: 2, as many as it may have; close one of them")
                assert called(running, FETCH, env="staging", token=OTHER)["count"] == 0
            return wait_for(lambda: open_streams(running) == 1, WAIT_S)

        with live(running, token=OTHER, maxDuration=55_000):
            assert quickest(freed, FREE_S) < FREE_S
            platformos.add_many(1)
            with live(running, token=OTHER, lastId="0", limit=1) as third:
                assert content(ended(third))["count"] == 1
