"""Fault 37: strangers write what they like, and tokens come where they do not belong: no log line shows it."""

from __future__ import annotations

import contextlib
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire.exchange import READER, ask, clients, connected, get, post, request, reset, unharmed, wait_for

Start = Callable[..., Server]

UNKNOWN = "token-of-another-server-77f1"  # nobody holds it here: only its form shows that it is a token
BAD_HEADS = 400
LINES, LINE_BYTES = 20, 300  # of one kind in a minute (servers/discretion.py)
EVERY_ATOM = (
    "%(h)s %(l)s %(u)s %(t)s %(r)s %(s)s %(m)s %(U)s %(q)s %(H)s %(b)s %(f)s %(a)s %({authorization}i)s %({x-other}i)s "
    "%({http_authorization}e)s %({raw_uri}e)s %({query_string}e)s %({cookie}i)s"
)
FAILING = """
from wsgi import app
whole = app.wsgi_app

def failing(environ, start_response):
    if environ["PATH_INFO"].startswith("/fail"):
        raise ValueError(f"it failed for {environ['QUERY_STRING']} and {environ['HTTP_AUTHORIZATION']}")
    return whole(environ, start_response)

app.wsgi_app = failing
"""

kinds = pytest.mark.parametrize("kind", GUNICORN_KINDS)


@kinds
def test_bad_heads_are_few_lines_a_minute_and_short(server: Start, platformos: PlatformOS, kind: str) -> None:
    """Hundreds of unreadable heads of kilobytes make twenty lines, without their content."""
    running = server(kind, clients=clients(), own=True)
    before = len(running.output)
    for number in range(BAD_HEADS):
        data = b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization Bearer %s%d%s\r\n\r\n"
        assert ask(running, data % (READER.encode(), number, b"x" * 6000)).status == 400
    running.out.wait("(more like it are left out for a minute)")
    told = running.output[before:]
    assert told.count("Invalid request from ip=127.0.0.1: Invalid HTTP Header") == LINES
    assert len(told) < LINES * LINE_BYTES
    unharmed(running)


def misplaced(token: str) -> list[bytes]:
    """Requests with a token in every place but its own, and a few in their own that are refused."""
    basic = b64encode(f"{token}:".encode()).decode()
    password = b64encode(f"someone:{token}".encode()).decode()
    fail = request(f"/fail?token={token}", method="GET", token=token)
    return [
        request("/", b"", f"Authorization Bearer {token}", method="GET", token=None),
        request("/", b"", f"Authorization : Bearer {token}", method="GET", token=None),
        request("/", b"", f" Bearer {token}", method="GET", token=None),
        request("/health", b"", f"Authorization: Basic {basic}", method="GET", token=None),
        request("/health", b"", f"Authorization: Basic {password}", method="GET", token=None),
        request("/health", b"", f"Authorization: {token}", method="GET", token=None),
        request("/health", b"", f"Authorization: Token {token}", method="GET", token=None),
        request(f"/health?token={token}", method="GET", token=None),
        request(f"/health?access_token={token}&x=1", method="GET", token=token),
        request(f"/?authorization=Bearer%20{token}", method="GET", token=None),
        request("/health", b"", f"Cookie: t={token}", f"Referer: http://a/?token={token}", method="GET", token=token),
        request("/call", f'{{"tool": "{token}", "token": "{token}"}}'.encode(), token=token),
        request("/call", f"token={token}".encode(), "Content-Type: text/plain", token=None),
        request("/call", f"zz{token}\r\n".encode(), "Transfer-Encoding: chunked", length=False, token=token),
        f"GET /?token={token} HTTP/9.9\r\nHost: a\r\n\r\n".encode(),
        f"Bearer {token}\r\n\r\n".encode(),
        fail,
    ]  # fmt: skip


@kinds
def test_no_log_line_has_a_token_whatever_the_form(
    server: Start, platformos: PlatformOS, kind: str, tmp_path: Path
) -> None:
    """Access lines of every atom, error lines and tracebacks hold no token, ours or another, at any level."""
    (tmp_path / "failing.py").write_text(FAILING)
    args = ["--log-level", "debug", "--access-logfile", "-", "--access-logformat", EVERY_ATOM]
    running = server(kind, tmp_path, clients=clients(), args=args, app="failing:app")
    for token in (READER, UNKNOWN):
        for data in misplaced(token):
            with contextlib.suppress(ConnectionError):
                assert ask(running, data).status >= 200, data
        with connected(running) as sock:
            sock.sendall(request("/health", method="GET", token=token)[:-4])
            get(running, "/livez", token=None)
            reset(sock)
    by_value = [
        request(f"/{READER}/x", method="GET", token=None),
        request(f"/health?x={READER}", b"", f"User-Agent: ({READER})", f"X-Other: {READER}", method="GET", token=None),
        request(f"/{UNKNOWN}", b"", f"X-Other: {UNKNOWN}", method="GET", token=UNKNOWN),
    ]  # fmt: skip
    for data in by_value:
        assert ask(running, data).status in (401, 404)
    get(running, "/the-last-one")
    running.out.wait("GET /the-last-one")
    for token in (READER, UNKNOWN):
        for form in (token, b64encode(f"{token}:".encode()).decode(), b64encode(f"someone:{token}".encode()).decode()):
            lines = [line for line in running.output.splitlines() if form in line]
            assert lines == []
    assert "ValueError: it failed for token=[hidden] and Bearer [hidden]" in running.output
    wait_for(lambda: running.output.count("GET /health?x=[hidden]") >= 1)


@pytest.mark.parametrize("kind", ["flask", "waitress"])
def test_no_line_of_other_servers_has_a_token_either(server: Start, platformos: PlatformOS, kind: str) -> None:
    """flask run writes a line for each request, with its query."""
    running = server(kind, clients=clients(), own=True)
    assert get(running, f"/health?token={READER}&other={UNKNOWN}x", token=None).status == 401
    assert post(running, b"{}", path=f"/{READER}?access_token={UNKNOWN}", token=None).status == 401
    if kind == "flask":
        running.out.wait("access_token=[hidden]")
    assert READER not in running.output
    assert f"access_token={UNKNOWN}" not in running.output
