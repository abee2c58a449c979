"""The log: a line when a stream is over, as text or JSON, which nobody can forge and for which nobody waits."""

from __future__ import annotations

import fcntl
import json
import os
import re
import select
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.platformos import PlatformOS
from tests.support.reader import TOKEN, Reader
from tests.support.server import Server
from tests.wire.exchange import wait_for

STREAM, LIVE = "platformos.logs.stream", "platformos.logs.live"
INPUT = {"env": "staging", "interval": 250, "lastId": "0"}
AGENT = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
KINDS = ("gevent", "gthread", "waitress")
FORGING = 'x"\n2026-01-01 00:00:00,000 ERROR poslogs: forged\u2028\x1b[31m' + "y" * 300
CLIENTS = {
    "default": {"token": TOKEN, "limits": {"requests": "100000 per minute", "streams": 1000}},
    FORGING: {"token": "token-of-one-who-is-named-oddly"},
}
OVER = "A stream is over."
TEXT = re.compile(
    r'^\S+ \S+ INFO poslogs\.streams: A stream is over\. client="(?P<client>.*)" environment="(?P<environment>.*)" '
    r'tool="(?P<tool>.*)" seconds=(?P<seconds>[\d.]+) entries=(?P<entries>\d+) reason="(?P<reason>.*)"$'
)
Start = Callable[..., Server]

every_server = pytest.mark.parametrize("kind", KINDS)
every_form = pytest.mark.parametrize("form", ["text", "json"])


def started(server: Start, kind: str, form: str = "json", *args: str, **kw: Any) -> Server:
    env = {"POSLOGS_LOG_FORMAT": form, "POSLOGS_HEARTBEAT_SECONDS": "0.5"}
    return server(kind, own=True, env=env, args=args, clients=CLIENTS, **kw)


def told(server: Server, form: str) -> list[dict[str, Any]]:
    """The fields of each line of a stream that is over; where all is JSON, every line must be."""
    lines = server.output.splitlines(keepends=True)
    whole = [line.removesuffix("\n") for line in lines if line.endswith("\n")]
    if form == "json":
        return [found for found in map(json.loads, whole) if found["message"] == OVER]
    return [
        {**found.groupdict(), "entries": int(found["entries"]), "seconds": float(found["seconds"])}
        for found in map(TEXT.match, whole)
        if found
    ]


def line_of(server: Server, form: str, count: int = 1) -> dict[str, Any]:
    """The last of `count` lines, as soon as there are so many."""
    server.out.wait_until(lambda _: len(told(server, form)) >= count, 30)
    found = told(server, form)
    assert len(found) == count, server.output
    return found[-1]


def opened(server: Server, count: int, tool: str = STREAM, **more: Any) -> Reader:
    """A reader that has had `count` entries."""
    reader = server.stream(tool, {**INPUT, **more})
    reader.wait_entries(count, 30)
    return reader


@every_server
@every_form
def test_each_end_of_a_stream_is_one_line_that_says_why(
    server: Start, platformos: PlatformOS, kind: str, form: str
) -> None:
    """Who, which environment and tool, how long, how many entries; and nothing of what was in them."""
    running = started(server, kind, form)
    platformos.add_many(3, message="secret of a row")

    with opened(running, 3):  # so the rows are there when the next stream begins, which is short
        with opened(running, 3, LIVE, maxDuration=1000) as reader:
            reader.wait_end(30)
        over = line_of(running, form)
        assert (over["tool"], over["entries"], over["reason"]) == (LIVE, 3, "duration")
    left = line_of(running, form, 2)
    expected = {"client": "default", "environment": "staging", "tool": STREAM, "entries": 3, "reason": "left"}
    assert {name: left[name] for name in expected} == expected
    assert left["seconds"] > 0

    arguments = {"env": "staging", "lastId": "0", "until": "first", "limit": 2}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
               "params": {"name": "platformos_logs_live", "arguments": arguments}}  # fmt: skip
    assert running.post("/mcp", message, headers=AGENT).status_code == 200
    done = line_of(running, form, 3)
    assert (done["tool"], done["entries"], done["reason"]) == (LIVE, 2, "done")

    with opened(running, 3) as reader:
        platformos.fail("status", status=401, body={"error": "expired"})
        reader.wait_end(30)
    assert line_of(running, form, 4)["reason"] == "refused"
    platformos.heal()

    with opened(running, 3) as reader:
        running.write_clients({"other": {"token": "another-token-entirely"}})
        reader.wait_end(30)
    assert line_of(running, form, 5)["reason"] == "revoked"
    assert "secret of a row" not in running.output
    assert TOKEN not in running.output


@pytest.mark.parametrize("kind", ["gevent", "gthread"])
@pytest.mark.parametrize("direct", ["on", "off"])
def test_a_stop_is_the_reason_of_all_streams_that_it_ends(
    server: Start, platformos: PlatformOS, kind: str, direct: str
) -> None:
    """Each has its line before the process is gone, whatever drives it."""
    platformos.add_many(2)
    env = {"POSLOGS_LOG_FORMAT": "json", "POSLOGS_DIRECT": direct}
    running = server(kind, own=True, env=env)
    readers = [opened(running, 2) for _ in range(5)]
    running.signal(signal.SIGTERM)
    for reader in readers:
        reader.wait_end(30)
        reader.close()
    assert running.wait_exit(60) == 0
    running.out.wait_closed()
    assert [(line["reason"], line["entries"]) for line in told(running, "json")] == [("drained", 2)] * 5


@every_server
@every_form
def test_a_client_s_name_forges_no_line(server: Start, platformos: PlatformOS, kind: str, form: str) -> None:
    """It is on one line, quoted, and not longer than a hundred characters."""
    running = started(server, kind, form)
    platformos.add_many(1)
    with running.stream(STREAM, INPUT, token="token-of-one-who-is-named-oddly") as reader:
        reader.wait_entries(1, 30)
    running.out.wait(OVER, 30)
    name = line_of(running, form)["client"]
    assert not any(line.startswith("2026-01-01") for line in running.output.splitlines())
    assert "\x1b" not in running.output
    assert "\u2028" not in running.output
    assert "y" * 101 not in running.output
    if form == "json":
        assert name == f"{FORGING[:100]}…"
    else:
        assert name.startswith(r"x\"\n2026-01-01 00:00:00,000 ERROR poslogs: forged\u2028")


@every_server
def test_a_refused_stream_has_no_line_and_a_level_leaves_all_out(
    server: Start, platformos: PlatformOS, kind: str
) -> None:
    """What was never open does not end; POSLOGS_LOG_LEVEL=warning is for who wants none of these lines."""
    clients = {"default": {"token": TOKEN, "limits": {"requests": "100000 per minute", "streams": 1}}}
    platformos.add_many(1)
    running = server(kind, own=True, clients=clients, env={"POSLOGS_HEARTBEAT_SECONDS": "0.5"})
    with opened(running, 1):
        assert running.post("/call-stream", {"tool": STREAM, "input": INPUT}).status_code == 429
    assert line_of(running, "text")["reason"] == "left"
    silent = server(kind, own=True, env={"POSLOGS_HEARTBEAT_SECONDS": "0.5", "POSLOGS_LOG_LEVEL": "warning"})
    with opened(silent, 1):
        pass
    wait_for(lambda: silent.streams_open() == 0, 30)
    with opened(silent, 1):
        pass
    wait_for(lambda: silent.streams_open() == 0, 30)
    assert OVER not in silent.output


@pytest.mark.parametrize("kind", ["gevent", "gthread"])
def test_all_that_gunicorn_writes_is_json_too(server: Start, platformos: PlatformOS, kind: str) -> None:
    """Its start-up lines, the banner, accesses with quotation marks in them, a reload and the end."""
    running = started(server, kind, "json", "--log-level", "info", "--access-logfile", "-")
    platformos.add_many(1)
    assert running.get("/health?a=b", headers={"User-Agent": 'a "browser"'}).status_code == 200
    with opened(running, 1):
        pass
    running.out.wait(OVER, 30)
    old = running.worker_pid()
    running.signal(signal.SIGHUP)
    running.out.wait_until(lambda text: text.count("streams at once") == 2, 60)
    wait_for(lambda: old not in running.worker_pids(), 60)
    running.signal(signal.SIGTERM)
    assert running.wait_exit(60) == 0
    running.out.wait_closed()
    lines = [json.loads(line) for line in running.output.splitlines()]
    for line in lines:
        assert {"time", "level", "logger", "pid", "message"} <= set(line), line
    messages = [line["message"] for line in lines]
    for part in ("Starting gunicorn", "Listening at: http://127.0.0.1:", "capacity  ", 'GET /health?a=b HTTP/1.1',
                 'a "browser"', "Hang up: ", "Shutting down: Master"):  # fmt: skip
        assert any(part in message.replace("\\", "") for message in messages), (part, messages)
    assert {line["logger"] for line in lines} >= {"gunicorn.error", "gunicorn.access", "poslogs", "poslogs.streams"}


@pytest.mark.parametrize("kind", ["gevent", "waitress"])
def test_a_failure_is_one_line_of_json_with_its_traceback_and_no_token(
    server: Start, platformos: PlatformOS, kind: str, tmp_path: Any
) -> None:
    """What filters took out of a traceback does not come back with another format."""
    (tmp_path / "failing.py").write_text(
        "from wsgi import app\n"
        "whole = app.wsgi_app\n"
        "def failing(environ, start_response):\n"
        "    if environ['PATH_INFO'].startswith('/fail'):\n"
        "        raise ValueError('it failed for ' + environ['HTTP_AUTHORIZATION'])\n"
        "    return whole(environ, start_response)\n"
        "app.wsgi_app = failing\n"
    )
    running = started(server, kind, "json", folder=tmp_path, app="failing:app")
    assert running.get("/fail").status_code == 500
    running.out.wait("it failed for")
    found = [json.loads(line) for line in running.output.splitlines() if "it failed for" in line]
    assert len(found) == 1
    assert "Traceback" in found[0]["traceback"]
    assert TOKEN not in running.output


def test_a_start_that_fails_says_so_as_json(server: Start, tmp_path: Any) -> None:
    """In the sentence that it always has."""
    running = server("gevent", own=True, env={"POSLOGS_LOG_FORMAT": "json"}, start=False, forked=False)
    running.write_clients({"default": {"token": 7}})
    running.start(wait=False)
    assert running.wait_exit() != 0
    running.out.wait_closed()
    (line,) = [json.loads(line) for line in running.output.splitlines()]
    assert line["message"].startswith("poslogs cannot start: ")
    assert line["level"] == "ERROR"


@pytest.mark.parametrize("kind", ["gevent", "waitress"])
def test_the_token_of_a_run_is_not_in_a_log_that_is_collected(server: Start, platformos: PlatformOS, kind: str) -> None:
    """As text it is shown once; as JSON a sentence says how to make one that lasts."""
    published = {"default": {"token": "your-client-secret-here"}}
    running = server(kind, own=True, env={"POSLOGS_LOG_FORMAT": "json"}, clients=published)
    running.out.wait("a log in JSON does not show it")
    for line in running.output.splitlines():
        assert "message" in json.loads(line)
    assert "#token=" not in running.output


class Unheard(Server):
    """A server whose stderr is a pipe that nobody reads."""

    def _command(self) -> list[str]:
        return ["sh", "-c", f'exec "$@" 2>{self.folder}/stderr', "sh", *super()._command()]


@pytest.mark.parametrize("kind", ["gevent", "gthread"])  # waitress has lines of its own, for which it waits
def test_a_log_that_nobody_reads_holds_up_nobody(platformos: PlatformOS, tmp_path: Path, kind: str) -> None:
    """Streams end and others begin while stderr takes nothing; who reads again learns how many lines are missing."""
    pipe = tmp_path / "stderr"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reading, fcntl.F_SETPIPE_SZ, 4096)
    env = {"POSLOGS_HEARTBEAT_SECONDS": "0.5"}
    platformos.add_many(1)
    try:
        with Unheard(tmp_path, kind, environments={"staging": platformos}, env=env) as server:
            for _ in range(40):
                with opened(server, 1):
                    pass
                wait_for(lambda: server.streams_open() == 0, 30)
            held = os.read(reading, 1 << 20).decode()
            assert 1 <= held.count(OVER) < 40
            with opened(server, 1):
                pass
            wait_for(lambda: server.streams_open() == 0, 30)
            wait_for(lambda: bool(select.select([reading], [], [], 0)[0]))
            last = os.read(reading, 1 << 20).decode()
            assert f" left_out={40 - held.count(OVER)}\n" in last
    finally:
        os.close(reading)
