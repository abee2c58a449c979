"""examples/: the three programs as people run them, against a real server and against servers that misbehave."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.support.need import need, repo
from tests.support.output import Output
from tests.support.platformos import PlatformOS
from tests.support.server import TOKEN, Server, free_port

pytestmark = pytest.mark.slow

TIMEOUT_S = 60
SSE, PYTHON, MCP = EXAMPLES = ("mcp-sse-client.js", "python-client.py", "mcp-client.js")
HOSTILE = "\x1b]0;owned\x07 \x9b2J \u202egnp.exe\r\nfake: \u2028 [x] done\n"

StartServer = Callable[..., Server]


@pytest.mark.parametrize("example", EXAMPLES)
def test_help_tells_the_options_without_a_server(example: str) -> None:
    """`--help` is an answer, not a failure."""
    ran = _run(example, "--help")
    assert ran.returncode == 0
    for option in ("--url", "--token", "--env", "--filter", "--last-id"):
        assert option in ran.stdout


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_wrong_token_is_told_in_the_words_of_the_server(example: str, server: StartServer) -> None:
    """The program prints the server's sentence and nothing else, and exits with 1."""
    running = server()
    sentence = running.get("/tools", token="nobodys").json()["error"]
    ran = _run(example, "--url", running.url, "--token", "nobodys")
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", f"{sentence}\n")


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_unknown_environment_is_told_in_the_words_of_the_server(
    example: str, server: StartServer, platformos: PlatformOS
) -> None:
    """The program prints one sentence that names the environment, and exits with 1."""
    ran = _run(example, "--url", server().url, "--env", "stagin")
    assert ran.returncode == 1
    assert "stagin" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize("example", EXAMPLES)
def test_without_a_server_it_says_how_to_start_one(example: str) -> None:
    """If the first connection is refused, the program names `make run`, and exits with 1."""
    ran = _run(example, "--url", f"http://localhost:{free_port()}")
    assert ran.returncode == 1
    assert "make run" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_log_line_cannot_drive_the_terminal(example: str, server: StartServer, platformos: PlatformOS) -> None:
    """Escapes, marks that reorder text and line breaks in a message are shown as escapes, in one line."""
    platformos.add({"message": HOSTILE})
    arguments = {SSE: ["--max-duration", "3500"], PYTHON: ["fetch"], MCP: []}[example]
    ran = _run(example, "--url", server().url, *arguments)
    assert ran.returncode == 0, ran.stderr
    (line,) = [line for line in ran.stdout.split("\n") if "owned" in line]
    assert "[x] done" in line
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u202e]", line)


@pytest.mark.parametrize("tool", ["stream", "live"])
@pytest.mark.parametrize("end", ["killed", "stopped"])
def test_a_stream_goes_on_after_the_server_was_restarted(
    tool: str, end: str, server: StartServer, platformos: PlatformOS
) -> None:
    """Entries from before, during and after the outage are each printed once, in order."""
    running = server()
    platformos.add_many(3)
    arguments = ["--url", running.url, "--tool", tool, "--interval", "250", "--json"]
    with _started(SSE, *arguments) as (out, _):
        _wait_ids(out, 3)
        if end == "killed":
            os.killpg(running.pid, signal.SIGKILL)
        running.stop()
        platformos.add_many(2)
        running.start()
        _wait_ids(out, 5)
        platformos.add_many(2)
        _wait_ids(out, 7)
    assert _ids(out.text) == platformos.ids


def test_the_stream_client_follows_for_the_time_that_was_asked(server: StartServer, platformos: PlatformOS) -> None:
    """It prints the newest entries that match as JSON, then ends with status 0."""
    platformos.add_many(5)
    platformos.add({"error_type": "LiquidError", "message": "Grüße 日本語 🎉"}, {"error_type": "debug"})
    arguments = ["--url", server().url, "--max-duration", "3500", "--json"]
    options = (["--tail", "3"], ["--filter", "LIQUIDERROR"], ["--last-id", "6"])
    with ThreadPoolExecutor() as pool:
        newest, errors, later = pool.map(lambda more: _run(SSE, *arguments, *more), options)
    assert (newest.returncode, newest.stderr) == (0, "")
    assert _ids(newest.stdout) == ["5", "6", "7"]
    assert [json.loads(line)["message"] for line in errors.stdout.splitlines()] == ["Grüße 日本語 🎉"]
    assert _ids(later.stdout) == ["7"]


def test_the_stream_client_ends_when_platformos_refuses_the_token(server: StartServer, platformos: PlatformOS) -> None:
    """An `error` and then `done` with time left mean that nothing more can come, which is a failure."""
    platformos.fail("status", status=401)
    ran = _run(SSE, "--url", server().url)
    assert ran.returncode == 1
    assert "token" in ran.stderr


def test_the_stream_client_uses_colours_on_a_terminal_only(server: StartServer, platformos: PlatformOS) -> None:
    """An error is red on a terminal; a pipe gets no escapes."""
    platformos.add({"error_type": "error", "message": "broken"})
    arguments = ["--url", server().url, "--max-duration", "3500"]
    with ThreadPoolExecutor() as pool:
        piped, shown = pool.submit(_run, SSE, *arguments), pool.submit(_run_on_terminal, SSE, *arguments)
    assert "broken" in piped.result().stdout
    assert "\x1b" not in piped.result().stdout
    assert "\x1b[31m" in shown.result()


def test_the_stream_client_reads_any_event_stream() -> None:
    """It reads every line end, data in several lines, cut characters, odd fields, an id with NUL, half an event."""
    entry = json.dumps(
        json.dumps({"id": "2", "timestamp": "t", "type": "info", "message": "日本🎉"}), ensure_ascii=False
    )
    body = (
        "\ufeff: open\r\n\r\nid: 1\r\nevent: data\r\ndata:" + _envelope("1", "first") + "\r\n\r\n"
        "id: 2\revent:data\rdata: {\"type\":\"text\",\rdata: \"text\":" + entry + "}\r\r"
        "id: 9\0\nunknown: x\nunknown\nevent: data\ndata: " + _envelope("3", "third") + "\n\n"
        "event: data\ndata: " + _envelope("4", "half")
    ).encode()  # fmt: skip
    with _stub([_bytewise(body), _bytewise(b"event: done\ndata: [DONE]\n\n")]) as stub:
        ran = _run(SSE, "--url", stub.url, "--json")
    assert ran.returncode == 0, ran.stderr
    assert [json.loads(line)["message"] for line in ran.stdout.splitlines()] == ["first", "日本🎉", "third"]
    assert [headers.get("Last-Event-ID") for headers, _ in stub.requests] == [None, "2"]


def test_the_stream_client_prints_no_entry_twice() -> None:
    """The server repeats after a reconnect what it has sent already."""
    first = _frame("1", "a") + _frame("2", "b")
    again = _frame("2", "b") + _frame("3", "c") + b"event: done\ndata: [DONE]\n\n"
    with _stub([_stream(first), _stream(again)]) as stub:
        ran = _run(SSE, "--url", stub.url, "--tail", "2", "--json")
    assert _ids(ran.stdout) == ["1", "2", "3"]
    assert [body["input"].get("tail") for _, body in stub.requests] == [2, None]


@pytest.mark.parametrize("status", [429, 503])
def test_the_stream_client_waits_as_long_as_it_is_told(status: int) -> None:
    """Neither `Retry-After` after a refusal nor `retry` after a farewell is cut short."""
    done = b"event: done\ndata: [DONE]\n\n"
    refusal = _refusal(status, "not now", {"Retry-After": "2"})
    with _stub([refusal, _stream(b": closing\nretry: 1500\n\n"), _stream(done)]) as stub:
        ran = _run(SSE, "--url", stub.url)
    assert ran.returncode == 0, ran.stderr
    assert "not now" in ran.stderr
    first, second, third = stub.times
    assert second - first >= 2
    assert third - second >= 1.5


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_the_stream_client_stops_when_trying_again_is_of_no_use(status: int) -> None:
    """It sends one request, prints the server's sentence, and exits with 1."""
    with _stub([_refusal(status, "change this")]) as stub:
        ran = _run(SSE, "--url", stub.url)
    assert (ran.returncode, ran.stderr) == (1, "change this\n")
    assert len(stub.requests) == 1


@pytest.mark.parametrize("example", [SSE, MCP])
def test_a_wrong_option_is_told(example: str) -> None:
    """The program prints one sentence without a stack, and exits with 1."""
    ran = _run(example, "--colour")
    assert ran.returncode == 1
    assert "--colour" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_the_stream_client_leaves_quietly_when_its_pipe_is_closed(server: StartServer, platformos: PlatformOS) -> None:
    """When its pipe closes, as with `| head -1`, it exits with 0 and prints no stack."""
    platformos.add_many(1)
    with _started(SSE, "--url", server().url, "--interval", "250", pump=False) as (_, process):
        assert process.stdout is not None
        assert b"row 1" in process.stdout.readline()
        process.stdout.close()
        platformos.add_many(1)
        assert process.wait(TIMEOUT_S) == 0


def test_the_python_client_lists_and_fetches(server: StartServer, platformos: PlatformOS) -> None:
    """It shows tools, environments, and batches by limit, from a position, by filter, and of the newest entries."""
    platformos.add_many(4)
    platformos.add({"error_type": "LiquidError"})
    running = server()

    def lines(*arguments: str) -> list[str]:
        ran = _run(PYTHON, *arguments, "--url", running.url)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.splitlines()

    def ids(*arguments: str) -> list[str]:
        return [line.split()[0] for line in lines("fetch", *arguments)]

    assert {line.split(":")[0] for line in lines("tools")} >= {"platformos.logs.stream", "platformos.env.list"}
    assert lines("envs") == [f"staging: {platformos.url}"]
    assert ids("--limit", "2") == ["4", "5"]
    assert ids("--last-id", "0", "--limit", "2") == ["1", "2"]
    assert ids("--last-id", "2", "--limit", "2") == ["3", "4"]
    assert ids("--filter", "error") == ["5"]
    assert ids("--tail", "2") == ["4", "5"]


def test_the_python_client_streams_for_a_while(server: StartServer, platformos: PlatformOS) -> None:
    """It streams for as long as was asked, then exits with 0."""
    platformos.add_many(2)
    ran = _run(PYTHON, "stream", "--seconds", "3.5", "--url", server().url)
    assert ran.returncode == 0, ran.stderr
    assert [line.split()[0] for line in ran.stdout.splitlines()] == ["1", "2"]


def test_the_python_client_says_what_it_needs() -> None:
    """Without its packages it prints their names, and how to get them."""
    ran = _run(PYTHON, "tools", interpreter=[sys.executable, "-S"])
    assert ran.returncode == 1
    assert "pip install requests sseclient-py" in ran.stderr


def test_the_python_client_needs_sseclient_to_stream_alone(
    server: StartServer, platformos: PlatformOS, tmp_path: Any
) -> None:
    """tools, envs and fetch work without sseclient; stream says in one line how to get it."""
    (tmp_path / "sseclient.py").write_text("raise ModuleNotFoundError(name='sseclient')\n")
    running = server()
    platformos.add_many(2)
    for what, shown in (("tools", "platformos.logs.fetch:"), ("envs", "staging:"), ("fetch", "row 1")):
        ran = _run(PYTHON, what, "--url", running.url, PYTHONPATH=str(tmp_path))
        assert (ran.returncode, shown in ran.stdout) == (0, True), ran
    asked = len(platformos.requests)
    ran = _run(PYTHON, "stream", "--url", running.url, PYTHONPATH=str(tmp_path))
    assert ran.returncode == 1
    assert ran.stderr == "sseclient is missing, which streams need: pip install sseclient-py\n"
    assert len(platformos.requests) == asked  # nothing was opened in vain


def test_the_python_client_keeps_its_token_in_spite_of_netrc(server: StartServer, tmp_path: Any) -> None:
    """requests would take the login of ~/.netrc in place of a plain Authorization header."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n")
    netrc.chmod(0o600)
    assert _run(PYTHON, "envs", "--url", server().url, NETRC=str(netrc)).returncode == 0


def test_the_mcp_client_shows_tools_environments_and_entries(server: StartServer, platformos: PlatformOS) -> None:
    """One run shows all three; a position continues."""
    platformos.add_many(3)
    running = server()
    ran = _run(MCP, "--url", running.url)
    assert ran.returncode == 0, ran.stderr
    for part in ("platformos.logs.fetch", f"staging: {platformos.url}", "row 1", "row 3", "--last-id 3"):
        assert part in ran.stdout
    rest = _run(MCP, "--url", running.url, "--last-id", "2", "--limit", "5")
    assert "row 3" in rest.stdout
    assert "row 2" not in rest.stdout


def _command(example: str, interpreter: Sequence[str] = ()) -> list[str]:
    default = [sys.executable] if example == PYTHON else [need("node")]
    return [*(interpreter or default), str(repo() / "examples" / example)]


def _variables(**more: str) -> dict[str, str]:
    return {**os.environ, "CLIENT_SECRET": TOKEN, "no_proxy": "*", **more}


def _run(
    example: str, *arguments: str, interpreter: Sequence[str] = (), **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*_command(example, interpreter), *arguments],
        check=False,
        capture_output=True,
        encoding="utf-8",
        env=_variables(**variables),
        timeout=TIMEOUT_S,
    )


def _run_on_terminal(example: str, *arguments: str) -> str:
    ours, theirs = pty.openpty()
    variables = {name: value for name, value in _variables(TERM="xterm").items() if name != "NO_COLOR"}
    process = subprocess.Popen([*_command(example), *arguments], stdout=theirs, stdin=subprocess.DEVNULL, env=variables)
    os.close(theirs)
    told = b""
    with suppress(OSError):  # a terminal's other end is gone
        while part := os.read(ours, 65536):
            told += part
    os.close(ours)
    assert process.wait(TIMEOUT_S) == 0
    return told.decode()


@contextmanager
def _started(example: str, *arguments: str, pump: bool = True) -> Iterator[tuple[Output, subprocess.Popen[bytes]]]:
    out = Output()
    process = subprocess.Popen([*_command(example), *arguments], stdout=subprocess.PIPE, env=_variables())
    try:
        if pump:
            out.follow(process)
        yield out, process
    finally:
        process.kill()
        process.wait(TIMEOUT_S)


def _ids(text: str) -> list[str]:
    return [json.loads(line)["id"] for line in text.splitlines(keepends=True) if line.endswith("\n")]


def _wait_ids(out: Output, count: int) -> None:
    out.wait_until(lambda text: text.count("\n") >= count, TIMEOUT_S)


Answer = Callable[[BaseHTTPRequestHandler], None]


class _Stub(ThreadingHTTPServer):
    """Answers one POST after another with the next of its answers, and notes what was asked."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = list(answers)
        self.requests: list[tuple[Any, dict[str, Any]]] = []
        self.times: list[float] = []
        self.url = f"http://localhost:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: _Stub

    def do_POST(self) -> None:
        self.server.times.append(time.monotonic())
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.headers, json.loads(body)))
        self.server.answers.pop(0)(self)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a test's output is for its failures."""


@contextmanager
def _stub(answers: Sequence[Answer]) -> Iterator[_Stub]:
    stub = _Stub(answers)
    threading.Thread(target=stub.serve_forever, daemon=True).start()
    try:
        yield stub
    finally:
        stub.shutdown()
        stub.server_close()


def _stream(body: bytes, pieces: int = 1) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        for start in range(0, len(body), max(1, len(body) // pieces)):
            handler.wfile.write(body[start : start + max(1, len(body) // pieces)])

    return answer


def _bytewise(body: bytes) -> Answer:
    return _stream(body, pieces=len(body))


def _refusal(status: int, sentence: str, headers: dict[str, str] | None = None) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {**(headers or {}), "Content-Type": "application/json"}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(json.dumps({"error": sentence}).encode())

    return answer


def _envelope(number: str, message: str) -> str:
    entry = {"id": number, "timestamp": "2026-01-15T10:00:00.000Z", "type": "info", "message": message}
    return json.dumps({"type": "text", "text": json.dumps(entry)})


def _frame(number: str, message: str) -> bytes:
    return f"id: {number}\nevent: data\ndata: {_envelope(number, message)}\n\n".encode()
