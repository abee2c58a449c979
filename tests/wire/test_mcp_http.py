"""/mcp as HTTP: who may come in, in which order, and what is not JSON-RPC (mcp.md, sections 2 and 3)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.support.lent import Lender
from tests.support.server import Server, free_port
from tests.wire.agent import ACCEPT, KINDS, VERSION, asked, error, headers, message, result, send, serving
from tests.wire.exchange import PAGE, READER, SECRETS, ask, clients, request

PUBLIC = "logs.example.com"
EVIL = f"http://{PUBLIC}"
WANTED = "authorization,content-type,accept,mcp-protocol-version,mcp-method,mcp-name,mcp-session-id,last-event-id"
PREFLIGHT = request("/mcp", b"", f"Origin: {PAGE}", "Access-Control-Request-Method: POST",
                    f"Access-Control-Request-Headers: {WANTED}", method="OPTIONS", token=None)  # fmt: skip


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, lender: Lender) -> Iterator[Server]:
    """One server for this file, of each kind."""
    with lender.starter() as start, serving(start, request.param) as (running, _):
        yield running
        assert "Traceback" not in running.output, running.output
        assert not any(token in running.output for token in SECRETS)


PING = message("ping", modern=False)


def at(host: str, asking: bytes) -> bytes:
    """A request to a server by another name."""
    return asking.replace(b"Host: 127.0.0.1", f"Host: {host}".encode())


def test_pages_of_other_origins_are_refused_before_anything_else(server: Server) -> None:
    """A strange origin and null get 403, with or without a token, by any method. Allowed ones are served."""
    for origin in (EVIL, "null", f"http://localhost.{PUBLIC}", "https://localhost:5173"):
        for token in (None, "wrong", READER):
            assert error(send(server, PING, f"Origin: {origin}", token=token), None)["code"] == 403
        for method in ("GET", "OPTIONS", "DELETE"):
            answer = ask(server, request("/mcp", b"", f"Origin: {origin}", method=method, token=None))
            assert answer.status == 403
            assert "access-control-allow-origin" not in answer.headers
    answer = send(server, PING, f"Origin: {PAGE}")
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert result(answer) == {}


def test_a_strange_host_is_refused_on_loopback(server: Server) -> None:
    """A name that DNS may have given to this machine gets 421, before authentication. Local names are served."""
    body = json.dumps(PING).encode()
    for host in (PUBLIC, f"{PUBLIC}:3030", f"localhost.{PUBLIC}", "10.1.2.3", "[2001:db8::1]:80"):
        for asking in (request("/mcp", body, ACCEPT, token=None), PREFLIGHT):
            told = error(answer := ask(server, at(host, asking)), None)
            assert told["code"] == answer.status == 421, host
            assert "POSLOGS_PROXY_HOPS=1" in told["message"]
    for host in ("localhost", "LOCALHOST:3030", "127.0.0.1:1", "[::1]:3030", "127.8.9.1"):
        assert ask(server, at(host, request("/mcp", body, ACCEPT))).status == 200, host


@pytest.mark.parametrize("kind", KINDS)
def test_a_public_host_is_served_where_the_server_is_public_or_behind_a_proxy(
    started: Callable[..., Server], kind: str
) -> None:
    """It is public when bound to every address, or set to be behind a proxy. At loopback it keeps to local names."""
    body = at(PUBLIC, request("/mcp", json.dumps(PING).encode(), ACCEPT, "Connection: close"))
    everywhere = free_port()
    with started(kind, clients=clients(), args=["-b", f"0.0.0.0:{everywhere}"]) as server:
        assert ask(server, body).status == 421
        server.port = everywhere
        assert result(ask(server, body)) == {}
    with started(kind, clients=clients(), env={"POSLOGS_PROXY_HOPS": "1"}) as server:
        assert result(ask(server, body)) == {}


def test_a_preflight_is_answered_without_a_token(server: Server) -> None:
    """It gets 204 with the headers of the protocol. Without an origin OPTIONS is a method like any other."""
    answer = ask(server, PREFLIGHT)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == PAGE
    allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert allowed == set(WANTED.split(","))
    assert "POST" in answer.headers["access-control-allow-methods"]
    for line in ("Accept: */*", "Access-Control-Request-Method: POST"):
        assert ask(server, request("/mcp", b"", line, method="OPTIONS", token=None)).status == 401
        assert ask(server, request("/mcp", b"", line, method="OPTIONS")).status == 405


def test_a_token_is_needed_and_no_sign_in_is_offered(server: Server) -> None:
    """It gets 401 with a plain challenge, and 404 where hosts look for a sign-in. No token in an address is read."""
    missing, wrong = send(server, PING, token=None), send(server, PING, token="nobody's")
    assert error(missing, None)["code"] == missing.status == wrong.status == 401
    assert missing.headers["www-authenticate"] == 'Bearer realm="poslogs"'
    assert wrong.headers["www-authenticate"] == 'Bearer realm="poslogs", error="invalid_token"'
    for path in (f"/mcp?token={READER}", f"/mcp?access_token={READER}"):
        assert ask(server, request(path, json.dumps(PING).encode(), token=None)).status == 401
    for method, path in (
        ("GET", "/.well-known"),
        ("GET", "/.well-known/oauth-protected-resource"),
        ("GET", "/.well-known/oauth-protected-resource/mcp"),
        ("GET", "/.well-known/oauth-authorization-server"),
        ("GET", "/.well-known/openid-configuration"),
        ("GET", "/mcp/.well-known/oauth-authorization-server"),
        ("GET", "/mcp/.well-known/openid-configuration"),
        ("POST", "/register"),
        ("GET", "/authorize?response_type=code"),
        ("POST", "/token"),
    ):
        for token in (None, READER, "wrong"):
            answer = ask(server, request(path, b"", method=method, token=token))
            assert answer.status == 404, path
            assert "www-authenticate" not in answer.headers
    for path in ("/nowhere", "/mcp/register", "/tokens"):
        assert ask(server, request(path, b"", method="GET", token=None)).status == 401, path


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH"])
def test_only_post_is_taken(server: Server, method: str) -> None:
    """Other methods get 405 with Allow if they have a token, else 401."""
    answer = ask(server, request("/mcp", b"", "Accept: text/event-stream", method=method))
    assert error(answer, None)["code"] == answer.status == 405
    assert answer.headers["allow"] == "POST, OPTIONS"
    assert ask(server, request("/mcp", b"", method=method, token=None)).status == 401


def test_large_and_strange_bodies_are_refused_as_json_rpc(server: Server) -> None:
    """They get 413 and 415, as errors that a client can show."""
    large = error(answer := send(server, b'{"jsonrpc":"2.0","id":1,"method":"' + b"x" * 70_000 + b'"}'), None)
    assert large["code"] == answer.status == 413
    strange = error(answer := send(server, PING, "Content-Type: text/plain"), None)
    assert strange["code"] == answer.status == 415


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"nul", b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}', b'{"a":"\\ud800"}', b"[" * 60_000],
)
def test_what_is_not_json_is_a_parse_error(server: Server, body: bytes) -> None:
    """It gets 400, -32700 and a null id, in either era."""
    for lines in ((), (f"MCP-Protocol-Version: {VERSION}",)):
        told = error(answer := send(server, body, *lines), None)
        assert (answer.status, told["code"]) == (400, -32700)
        assert "`tool`" not in told["message"]
        assert '"tool"' not in told["message"], "a sentence of /call"


@pytest.mark.parametrize(
    "body",
    [
        [PING],
        [],
        "ping",
        5,
        None,
        True,
        {},
        {"id": 1, "method": "ping"},
        {**PING, "jsonrpc": "1.0"},
        {**PING, "jsonrpc": 2.0},
        {"jsonrpc": "2.0", "id": 1},
        {"jsonrpc": "2.0", "id": 1, "method": 5},
        {**PING, "params": None},
        {**PING, "params": [1]},
        {**PING, "params": "x"},
        {**PING, "id": None},
        {**PING, "id": True},
        {**PING, "id": 1.5},
        {**PING, "id": {}},
        {**PING, "id": 2**70},
        {"jsonrpc": "1.0", "method": "notifications/initialized"},
    ],
    ids=str,
)
def test_what_is_no_request_is_refused_with_a_null_id(server: Server, body: object) -> None:
    """Batches, scalars and wrong members get 400 and -32600, in either era."""
    for lines in ((), (f"MCP-Protocol-Version: {VERSION}",)):
        assert error(answer := send(server, body, *lines), None)["code"] == -32600
        assert answer.status == 400


def test_notifications_and_answers_are_taken_without_a_word(server: Server) -> None:
    """They get 202 and an empty body, whatever the method. In the legacy era so do answers that nobody asked for."""
    for method in ("notifications/initialized", "notifications/cancelled", "tools/call", "no/such"):
        for lines in ((), (f"MCP-Protocol-Version: {VERSION}",), ("MCP-Protocol-Version: 2025-06-18",)):
            answer = send(server, {"jsonrpc": "2.0", "method": method}, *lines)
            assert (answer.status, answer.body) == (202, b"")
    for told in ({"result": {}}, {"error": {"code": 1, "message": "x"}}):
        answer = send(server, {"jsonrpc": "2.0", "id": 1, **told})
        assert (answer.status, answer.body) == (202, b"")
        assert error(send(server, {"jsonrpc": "2.0", "id": 1, **told}, f"MCP-Protocol-Version: {VERSION}"), None)


def test_sessions_and_positions_in_headers_are_ignored(server: Server) -> None:
    """No session id is given, and one that is sent changes nothing."""
    answer = send(server, message("initialize", {"protocolVersion": "2025-11-25"}, modern=False), "Mcp-Session-Id: abc")
    assert result(answer)["protocolVersion"] == "2025-11-25"
    assert "mcp-session-id" not in answer.headers
    assert result(send(server, PING, "Mcp-Session-Id: no-such", "Last-Event-ID: 5")) == {}


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (None, 200),
        ("Accept: */*", 200),
        ("Accept: application/json", 200),
        ("Accept: text/event-stream", 200),
        ("Accept: application/*;q=0.5", 200),
        ("Accept: text/html", 406),
        ("Accept: application/json;q=0, text/event-stream;q=0", 406),
    ],
)
def test_406_only_where_neither_form_is_accepted(server: Server, accept: str | None, status: int) -> None:
    """A client that states no form gets JSON. The 406 is JSON-RPC."""
    answer = send(server, PING, accept=accept)
    assert answer.status == status
    if status == 406:
        assert error(answer, None)["code"] == 406


def test_ids_come_back_as_they_were(server: Server) -> None:
    """Text, zero, negative and large ids keep their type."""
    for id_ in ("x", "", "7", 0, -5, 2**53, 2**63 - 1, "\u2028é"):
        answer = send(server, {**PING, "id": id_})
        assert json.loads(answer.body)["id"] == id_
        assert type(json.loads(answer.body)["id"]) is type(id_)


def test_the_era_is_decided_by_each_request(server: Server) -> None:
    """A version in _meta, or one in the header that is not an old one, makes it modern. All else is legacy."""
    assert result(asked(server, "tools/list"))["resultType"] == "complete"
    assert "resultType" not in result(asked(server, "tools/list", modern=False))
    for version in ("2025-11-25", "2024-11-05"):
        assert "resultType" not in result(
            send(server, message("tools/list", modern=False), f"MCP-Protocol-Version: {version}")
        )
    headed = send(server, message("tools/list", modern=False), f"MCP-Protocol-Version: {VERSION}")
    assert (headed.status, error(headed)["code"]) == (400, -32602)
    bodied = send(server, message("tools/list"), "MCP-Protocol-Version: 2025-11-25")
    assert (bodied.status, error(bodied)["code"]) == (400, -32020)
    told = message("tools/list")
    assert result(send(server, told, *headers(told)))["resultType"] == "complete"
