"""Queries: `query` and `filter` at every door, and how a wrong query is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire.agent import FETCH, LIVE, REPORT, called, content, ended, live, refused
from tests.wire.exchange import READER, clients

Start = Callable[..., Server]
STREAMS = ("platformos.logs.stream", "platformos.logs.live")
ROWS: list[dict[str, Any]] = [
    {"id": 1, "error_type": "LiquidError", "message": "Checkout failed", "data": {"page": "checkout/pay"}},
    {"id": 2, "error_type": "info", "message": "Checkout done", "data": {"order": {"id": 1204288}}},
    {"id": 3, "error_type": "warning", "message": "slow", "data": {"page": "cart", "user": {"email": "ann@x.org"}}},
    {"id": 4, "error_type": "error", "message": "healthcheck of the checkout", "data": {"list": [{"ok": True}, None]}},
    {"id": 5, "error_type": "debug", "message": "a time-out", "data": {"url": "/checkout?x=1"}},
    {"id": 6, "error_type": "payment-callback", "message": "Straße 5", "data": {}},
]
ASKED: list[tuple[dict[str, Any], list[int]]] = [
    ({"query": "type:error checkout -healthcheck"}, [1]),
    ({"query": "checkout"}, [1, 2, 4, 5]),
    ({"query": '"checkout done"'}, [2]),
    ({"query": "/time.?out/"}, [5]),
    ({"query": "type:warn,payment-callback"}, [3, 6]),
    ({"query": "env:staging STRASSE"}, [6]),
    ({"query": "env:production"}, []),
    ({"query": "message:checkout"}, [1, 2, 4]),
    ({"query": "page:c*"}, [1, 3]),
    ({"query": "user:*@x.org"}, [3]),
    ({"query": "data.order.id:1204288"}, [2]),
    ({"query": "data.list.1:*"}, [4]),
    ({"query": "-page:*"}, [2, 4, 5, 6]),
    ({"query": " \t "}, [1, 2, 3, 4, 5, 6]),
    ({"filter": ["error", "WARN"]}, [1, 3, 4]),
    ({"filter": ["error"]}, [1, 4]),
    ({"filter": "liquiderror", "query": "checkout"}, [1]),
    ({"filter": ["error", "info"], "query": "checkout"}, [1, 2, 4]),
    ({"filter": "debug", "query": "message:checkout"}, []),
]
# As a person would type them.
WRONG = {
    "typ:error": "`query`, column 1: there is no field `typ`; write `type:`, or quotes around the whole for the text.",
    "tpye:error": "`query`, column 1: there is no field `tpye`; write `type:`, or quotes around the whole for the "
    "text.",
    "error massage:timeout": "`query`, column 7: there is no field `massage`; write `message:`, or quotes around the "
    "whole for the text.",
    "usr:ann@example.com": "`query`, column 1: there is no field `usr`; write `user:`, or quotes around the whole for "
    "the text.",
    "dta.order.id:5": "`query`, column 1: there is no field `dta.order.id`; write `data.order.id:`, or quotes around "
    "the whole for the text.",
    "type: error": "`query`, column 1: after `type:` a value is missing; write one there, without a blank between.",
    "type:error, warn": "`query`, column 1: after a comma a value is missing; write one there, without a blank "
    "between.",
    '"not found': '`query`, column 1: a closing `"` is missing; write `\\"` for one inside.',
    'error "a"b': '`query`, column 7: `b` stands right after a closing `"`; put a blank between, or `\\"` for one '
    "inside.",
    'foo:"bar baz"': '`query`, column 1: a `"` stands inside of `foo:"bar`; put quotes around the whole, and write '
    '`\\"` for this one.',
    "error - timeout": "`query`, column 7: a `-` stands alone; write it right before what must not be there, or "
    '`"-"` for the sign.',
    "--force": '`query`, column 1: two `-` stand together; write `-force`, or `"--force"` for the text.',
    "page:/checkout": "`query`, column 1: a regular expression lacks its closing `/`; if none is meant, put quotes "
    "around the text.",
    "/var/log/x": "`query`, column 1: `log/x` stands right after the closing `/` of a regular expression; put a blank "
    "between, write `\\/` for one inside, or put quotes around a text.",
    "/timeout/i": "`query`, column 1: a regular expression takes no flags such as `i`: case is ignored, unless it "
    "begins with `(?-i)`; if none is meant, put quotes around the text.",
    "/(a|b/": "`query`, column 1: the regular expression lacks a `)`.",
    "type:error /*.js/": "`query`, column 12: the regular expression has nothing that `*` could repeat; write `\\*` "
    "for the sign.",
    "/^(?!health)/": "`query`, column 1: the regular expression has a look ahead, `(?!`; use a second term, with `-` "
    "before it.",
    "/[[:digit:]]+/": "`query`, column 1: the regular expression has a class such as `[:alpha:]`; write its characters "
    "out, as in `[a-z]`.",
    "/(([xy]{1,9}){1,9}){1,9}!z/": "`query`, column 1: the regular expression makes a program of 1463 instructions; "
    "500 are allowed: repeat less in it.",
    "x" * 501: "`query`, column 1: a query has 500 characters at most, not 501; leave some out.",
    " ".join(["a"] * 21): "`query`, column 41: a query has 20 terms at most; leave some out.",
}


def _ids(entries: list[dict[str, Any]]) -> list[int]:
    return [int(entry["id"]) for entry in entries]


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_every_door_gives_what_a_query_holds_for(kind: str, server: Start, platformos: PlatformOS) -> None:
    """Streams of what was there and of what comes, fetches and reports; with a filter both hold."""
    running = server(kind, clients=clients(), environments={"staging": platformos})
    platformos.add(*ROWS)
    asked = {"env": "staging", "lastId": "0"}
    for input_, ids in ASKED:
        fetched = running.call("platformos.logs.fetch", asked | input_, token=READER)
        assert (_ids(fetched["logs"]), fetched["lastId"]) == (ids, "6"), input_
        newest = running.call("platformos.logs.fetch", {"env": "staging", "limit": 1} | input_, token=READER)
        assert _ids(newest["logs"]) == ids[-1:], input_
        assert running.call("platformos.logs.report", asked | input_, token=READER)["total"] == len(ids), input_
    end = {"id": 7, "error_type": "error", "message": "the end", "data": {}}
    readers = [
        (running.stream(tool, asked | input_ | {"interval": 250}, token=READER, gzip=bool(number % 2)), ids)
        for tool in STREAMS
        for number, (input_, ids) in enumerate(ASKED)
    ]
    everything = running.stream(STREAMS[0], asked | {"interval": 250}, token=READER)
    for reader, ids in readers:
        reader.wait_entries(len(ids))
    everything.wait_entries(len(ROWS))
    platformos.add(*({**row, "id": row["id"] + 10} for row in ROWS), {**end, "id": 17})
    everything.wait_entries(2 * len(ROWS) + 1)
    for reader, ids in readers:
        reader.wait_entries(2 * len(ids))
        found = [number for number in map(int, reader.entry_ids) if number != 17]
        assert found == ids + [number + 10 for number in ids]
        reader.close()
    everything.close()


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_agents_ask_with_the_same_queries(kind: str, server: Start, platformos: PlatformOS) -> None:
    """Fetch, live and report; a wrong query is told to the model as a sentence that it can mend."""
    running = server(kind, clients=clients(), environments={"staging": platformos})
    platformos.add(*ROWS)
    for input_, ids in ASKED:
        if isinstance(input_.get("filter"), list):
            continue
        found = called(running, FETCH, env="staging", lastId="0", **input_)
        assert (_ids(found["entries"]), found["lastId"]) == (ids, "6"), input_
        assert called(running, REPORT, env="staging", lastId="0", **input_)["total"] == len(ids), input_
    waited = content(ended(live(running, lastId="0", query="type:error -healthcheck", until="first")))
    assert (_ids(waited["entries"]), waited["stopped"]) == ([1], "first")
    for tool in (FETCH, LIVE, REPORT):
        assert refused(running, tool, env="staging", query="/(a|b/") == WRONG["/(a|b/"]


def test_a_wrong_query_is_refused_with_its_place(server: Start, platformos: PlatformOS) -> None:
    """At each door, before anything is asked; the sentence says what to write instead."""
    running = server(clients=clients(), environments={"staging": platformos})
    for query, sentence in WRONG.items():
        for tool in ("fetch", "report", "stream", "live"):
            path = "/call" if tool in ("fetch", "report") else "/call-stream"
            body = {"tool": f"platformos.logs.{tool}", "input": {"env": "staging", "query": query}}
            answer = running.post(path, body, token=READER)
            assert (answer.status_code, answer.json()) == (400, {"error": sentence})
    assert platformos.requests == []


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_query_that_matches_nothing_costs_no_send(kind: str, server: Start, platformos: PlatformOS) -> None:
    """Entries pass by; what is sent is the first comment alone, and then the first entry that matches."""
    running = server(kind)
    input_ = {"env": "staging", "interval": 250, "tail": 0}
    with (
        running.stream(STREAMS[0], input_) as everything,
        running.stream(STREAMS[0], input_ | {"query": "needle -haystack"}) as few,
    ):
        for reader in (everything, few):
            reader.wait_frame(lambda frame: frame.id is not None)
        before = len(few.frames)
        for count in range(1, 6):
            platformos.add_many(3, message="needle in a haystack")
            everything.wait_entries(3 * count)
        platformos.add({"message": "the needle"})
        few.wait_entries(1)
        assert [frame.event for frame in few.frames[before:]] == ["data"]
        assert few.last_id == platformos.ids[-1]


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_slow_query_holds_up_no_reader_with_another(kind: str, server: Start, platformos: PlatformOS) -> None:
    """Megabytes of a visitor's making, and an expression that takes RE2 long: others read on while it looks."""
    running = server(kind, own=True)
    input_ = {"env": "staging", "interval": 250, "tail": 0, "maxMessage": 256}  # what is sent is short
    hostile = "".join("xy"[bit % 2] for bit in _random_bits(131_072))
    rows = [{"message": "big", "data": {"texts": [hostile] * 4}} for _ in range(2)]
    with (
        running.stream(STREAMS[0], input_ | {"query": "-/x[xy]{400}!/"}) as slow,
        running.stream(STREAMS[0], input_ | {"query": "message:marker"}) as quick,
        running.stream(STREAMS[0], input_ | {"query": "/mark.r$/"}) as other,
        running.stream(STREAMS[0], input_) as everything,
    ):
        for reader in (slow, quick, other, everything):
            reader.wait_frame(lambda frame: frame.id is not None)
        for count in (1, 2):  # after these all of them rest
            platformos.add({"message": "marker"})
            for reader in (slow, quick, other, everything):
                reader.wait_entries(count)
        platformos.add(*rows)
        everything.wait_entries(4, timeout=30)
        platformos.add({"message": "marker"})
        everything.wait_entries(5, timeout=30)
        quick.wait_entries(3, timeout=30)
        assert len(slow.entries) < 4
        assert running.get("/livez").status_code == 200
        slow.wait_entries(5, timeout=90)
        other.wait_entries(3, timeout=90)


def _random_bits(count: int) -> list[int]:
    """Bits that an expression cannot foresee, the same in each run."""
    state, found = 1, []
    for _ in range(count):
        state = (state * 1_103_515_245 + 12_345) % 2**31
        found.append(state >> 16)
    return found
