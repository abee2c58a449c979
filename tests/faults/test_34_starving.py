"""Fault 34: clients ask for very much: answers and tails that nobody reads, dropped questions, tails of long logs."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.following import memory, quiet
from tests.faults.unread import begun, of_clients, peak, unread
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire.exchange import (
    FETCH,
    LIVE,
    OTHER,
    PLENTY,
    READER,
    STREAM,
    asking,
    clients,
    open_streams,
    request,
    wait_for,
)

Start = Callable[..., Server]
ROW = "x" * 3000  # a message; its row has 3.2 kB
PATIENCE_S = 60.0

pytestmark = pytest.mark.parametrize("kind", GUNICORN_KINDS)


def rest(sock: socket.socket) -> bytes:
    """All that comes until the server closes."""
    sock.settimeout(PATIENCE_S)
    got = b""
    with contextlib.suppress(ConnectionError):
        while data := sock.recv(65536):
            got += data
    return got


def leave(sock: socket.socket) -> None:
    """Leave with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def settled(server: Server, platformos: PlatformOS) -> None:
    """Wait until the server stops asking platformOS for clients that do not read."""
    before = -1
    while before != len(platformos.requests):
        before = len(platformos.requests)
        platformos.wait_until(lambda: not platformos.in_flight, PATIENCE_S)
        for _ in range(20):
            server.get("/livez", token=None)


def fetch(server: Server, token: str = READER, **input_: Any) -> Any:
    """The answer to a fetch of `staging`."""
    return server.post("/call", {"tool": FETCH, "input": {"env": "staging", **input_}}, token=token, timeout=PATIENCE_S)


def told(answer: Any) -> dict[str, Any]:
    """The result of a tool that an answer carries."""
    found = json.loads(answer.json()["content"][0]["text"])
    assert isinstance(found, dict)
    return found


# Calls whose answers nobody reads


@pytest.mark.slow
def test_a_hundred_answers_that_nobody_reads_take_little_memory(
    server: Start, platformos: PlatformOS, kind: str
) -> None:
    """Each has 10,000 rows of 3.2 kB, and all are under way at once. Other calls are answered; places come back."""
    platformos.add_many(10_000, message=ROW)
    bounds = {"POSLOGS_MAX_CALLS": "101", "POSLOGS_CLIENT_CALLS": "20"}
    running = server(kind, clients=of_clients(5), env=bounds, own=True)
    tokens = [f"token-of-client-{n:04}" for n in range(5) for _ in range(20)]
    before = memory(running.worker_pid())
    with unread(running, "/call", asking(FETCH, limit=10_000, lastId="0"), tokens) as socks:
        wait_for(lambda: begun(socks), PATIENCE_S)
        settled(running, platformos)
        assert peak(running.worker_pid()) - before < 300
        assert len(told(fetch(running, limit=10))["logs"]) == 10
        refused = fetch(running, tokens[0], limit=1)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        for sock in socks:
            leave(sock)
        wait_for(lambda: fetch(running, tokens[0], limit=1).status_code == 200, PATIENCE_S)
    quiet(running)


def test_calls_are_bounded_for_each_client_and_in_all(server: Start, platformos: PlatformOS, kind: str) -> None:
    """With two each and three in all, the third of one client is refused, then the second of another."""
    platformos.add_many(3000, message=ROW)
    bounds = {"POSLOGS_MAX_CALLS": "3", "POSLOGS_CLIENT_CALLS": "2"}
    running = server(kind, clients=of_clients(1), env=bounds)
    one, other = READER, "token-of-client-0000"
    with unread(running, "/call", asking(FETCH, limit=10_000, lastId="0"), [one, one]) as socks:
        wait_for(lambda: begun(socks), PATIENCE_S)
        refused = fetch(running, one, limit=1)
        assert refused.status_code == 503
        sentence = "Calls under way for this client: 2, as many as it may have; "
        sentence += "read the answers of those, or try again in 5 s."
        assert refused.json()["error"] == sentence
        assert fetch(running, other, limit=1).status_code == 200
        agent = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
        call = {"name": "platformos_logs_fetch", "arguments": {"env": "staging"}}
        result = running.post("/mcp", {**agent, "params": call}, token=one).json()["result"]
        assert result["isError"] is True
        assert result["content"][0]["text"].startswith("Calls under way for this client: 2")
        with unread(running, "/call", asking(FETCH, limit=10_000, lastId="0"), [other]) as last:
            wait_for(lambda: begun(last), PATIENCE_S)
            refused = fetch(running, other, limit=1)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
            assert refused.json()["error"].startswith("This server has as many calls under way as it may have")
    quiet(running)


def test_a_call_whose_client_does_not_read_is_cut(server: Start, platformos: PlatformOS, kind: str) -> None:
    """Its place comes back though it stays connected. A client that reads slowly gets its whole answer."""
    platformos.add_many(3000, message=ROW)
    bounds = {"POSLOGS_CLIENT_CALLS": "1", "POSLOGS_UNREAD_SECONDS": "3"}
    running = server(kind, clients=of_clients(0), env=bounds)
    with unread(running, "/call", asking(FETCH, limit=10_000, lastId="0"), [READER]) as (sock,):
        wait_for(lambda: begun([sock]), PATIENCE_S)
        assert fetch(running, limit=1).status_code == 503
        wait_for(lambda: fetch(running, limit=1).status_code == 200, PATIENCE_S)
        assert not rest(sock).endswith(b"\r\n0\r\n\r\n")  # it has no proper end
    whole = told(fetch(running, limit=10_000))
    assert [entry["id"] for entry in whole["logs"]] == platformos.ids
    assert (whole["lastId"], whole["truncated"]) == ("3000", False)
    newest = told(fetch(running, tail=2000))
    assert [entry["id"] for entry in newest["logs"]] == platformos.ids[-2000:]
    assert (newest["lastId"], newest["truncated"]) == ("3000", True)


# Tails that nobody reads


@pytest.mark.slow
@pytest.mark.parametrize("begins", ["alike", "otherwise"])
def test_a_stalled_reader_holds_two_megabytes_at_most(
    server: Start, platformos: PlatformOS, kind: str, begins: str
) -> None:
    """Thirty begin 10,000 rows of 3.2 kB back and read nothing. One more that reads gets all of them.

    Each kind of worker, tool and beginning meets each of the others once.
    """
    tool = STREAM if (kind == "gevent") is (begins == "alike") else LIVE
    start: dict[str, Any] = {"tail": 10_000} if begins == "alike" else {"lastId": "0"}
    platformos.add_many(10_000, message=ROW)
    running = server(kind, clients=clients(), own=True)
    body = asking(tool, **start)
    with running.stream(tool, {"env": "staging", **start}, token=READER) as first:
        first.wait_entries(10_000, PATIENCE_S)
    with unread(running, "/call-stream", body, [READER] * 4) as socks:  # what they share is there then
        wait_for(lambda: begun(socks), PATIENCE_S)
        settled(running, platformos)
        before = memory(running.worker_pid())
        with unread(running, "/call-stream", body, [READER] * 30) as more:
            wait_for(lambda: begun(more), PATIENCE_S)
            settled(running, platformos)
            assert memory(running.worker_pid()) - before < 30 * 2
            with running.stream(tool, {"env": "staging", **start}, token=READER) as last:
                assert [entry["id"] for entry in last.wait_entries(10_000, PATIENCE_S)] == platformos.ids
    wait_for(lambda: open_streams(running) == 0, PATIENCE_S)
    quiet(running)


@pytest.mark.slow
def test_entries_that_are_much_larger_than_others_are_held_for_few(
    server: Start, platformos: PlatformOS, kind: str
) -> None:
    """When sixteen stall, each at another entry of 7 MB, those that took nothing for the longest are cut off."""
    platformos.page = 3
    platformos.add_many(20, data={"text": "x" * 7_000_000})
    running = server(kind, clients=clients(), own=True)
    with running.stream(STREAM, {"env": "staging", "lastId": "17"}, token=READER) as first:
        first.wait_entries(3, PATIENCE_S)
    before = memory(running.worker_pid())
    with ExitStack() as stack:
        stalled = [
            stack.enter_context(unread(running, "/call-stream", asking(STREAM, lastId=str(number)), [READER]))[0]
            for number in range(16)
        ]
        wait_for(lambda: begun(stalled), PATIENCE_S)
        wait_for(lambda: open_streams(running) < 10, PATIENCE_S)
        settled(running, platformos)
        wait_for(lambda: memory(running.worker_pid()) - before < 200, PATIENCE_S)
        with running.stream(STREAM, {"env": "staging", "lastId": "0"}, token=READER) as last:
            assert [entry["id"] for entry in last.wait_entries(20, PATIENCE_S)] == platformos.ids
    wait_for(lambda: open_streams(running) == 0, PATIENCE_S)
    quiet(running)


# Questions for nobody


@pytest.mark.slow
@pytest.mark.parametrize("stays", [False, True], ids=["resets", "stays"])
def test_one_client_s_questions_hold_up_no_other_s(
    server: Start, platformos: PlatformOS, kind: str, stays: bool
) -> None:
    """One client has sixty streams, each with its own question, while answers take half a second. Another's is next."""
    platformos.add_many(100)
    running = server(kind, clients=clients(other={"token": OTHER, "limits": PLENTY}), env={"POSLOGS_WINDOW_MB": "1"})
    with running.stream(STREAM, {"env": "staging", "lastId": "100"}, token=OTHER), ExitStack() as stack:
        wait_for(lambda: len(platformos.requests) >= 1)
        platformos.fail("slow", seconds=0.5)
        socks = []
        for number in range(60):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", running.port)))
            sock.sendall(request("/call-stream", asking(lastId=str(number)), token=READER))
            socks.append(sock)
        wait_for(lambda: begun(socks), PATIENCE_S)
        if not stays:
            for sock in socks:
                leave(sock)
            wait_for(lambda: open_streams(running) == 1, PATIENCE_S)
        asked = len(platformos.requests)
        with running.stream(STREAM, {"env": "staging", "lastId": "90"}, token=OTHER) as reader:
            reader.wait_entries(10, PATIENCE_S)
        until = [each.last_id for each in platformos.requests[asked:]].index("90")
        assert until <= 6  # the poller's, and those that were under way
        if not stays:
            platformos.heal()
            settled(running, platformos)
            gone = [each for each in platformos.requests[asked:] if each.last_id not in ("90", "100", "99")]
            assert len(gone) <= 4
    quiet(running)


# The tail of a long log


@pytest.mark.slow
def test_a_tail_of_a_long_log_takes_few_questions_on_every_door(
    server: Start, platformos: PlatformOS, kind: str
) -> None:
    """Of 200,000 rows the newest ten, or hundred, are found by at most sixty questions."""
    platformos.add_many(200_000)
    running = server(kind, clients=clients())
    ids = [str(number) for number in range(1, 200_001)]
    for tail in (10, 100):
        for tool in (STREAM, LIVE):
            asked = len(platformos.requests)
            with running.stream(tool, {"env": "staging", "interval": 3_600_000, "tail": tail}, token=READER) as reader:
                assert [entry["id"] for entry in reader.wait_entries(tail, PATIENCE_S)] == ids[-tail:]
            assert len(platformos.requests) - asked <= 60
        asked = len(platformos.requests)
        assert [entry["id"] for entry in told(fetch(running, tail=tail))["logs"]] == ids[-tail:]
        assert len(platformos.requests) - asked <= 60
        asked = len(platformos.requests)
        call = {"name": "platformos_logs_fetch", "arguments": {"env": "staging", "limit": tail}}
        agent = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        found = running.post("/mcp", agent, token=READER).json()["result"]["structuredContent"]
        assert [entry["id"] for entry in found["entries"]] == ids[-tail:]
        assert len(platformos.requests) - asked <= 60
    quiet(running)
