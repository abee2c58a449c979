"""/mcp as JSON-RPC: what a modern request must say, what a legacy one need not (mcp.md, sections 4 and 5)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.lent import Lender
from tests.support.server import Server
from tests.wire.agent import (
    ENV_LIST,
    FETCH,
    KINDS,
    LEGACY,
    PREFIX,
    VERSION,
    asked,
    content,
    error,
    headers,
    message,
    result,
    send,
    serving,
)

LISTS = ("tools/list", "resources/list", "resources/templates/list", "prompts/list")
NO_ARGUMENTS: tuple[object, ...] = (["staging"], [], False, 0, "")
CAPABILITIES = {"tools": {}, "logging": {}, "resources": {}, "prompts": {}}


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, lender: Lender) -> Iterator[Server]:
    """One server for this file, of each kind."""
    with lender.starter() as start, serving(start, request.param) as (running, _):
        yield running
        assert "Traceback" not in running.output, running.output


def failing(server: Server, body: dict[str, Any], *lines: str) -> tuple[int, int, Any]:
    """HTTP status, code and data of an error."""
    answer = send(server, body, *lines)
    found = error(answer, body["id"])
    return answer.status, found["code"], found.get("data")


def coded(text: str) -> str:
    """A text as Mcp-Name may carry it."""
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


# Modern


def test_discover_tells_versions_capabilities_and_instructions(server: Server) -> None:
    """The answer is compared byte by byte, except the instructions, which are three sentences."""
    found = result(asked(server, "server/discover"))
    assert found.pop("instructions").count(". ") == 2
    assert found == {
        "resultType": "complete",
        "supportedVersions": [VERSION],
        "capabilities": CAPABILITIES,
        "ttlMs": 300_000,
        "cacheScope": "private",
        "_meta": {f"{PREFIX}serverInfo": {"name": "poslogs", "version": "1.0.0"}},
    }


def test_every_modern_result_says_that_it_is_complete_and_whose(server: Server) -> None:
    """Lists may be kept for five minutes, resources not at all. Tool calls and prompts do not say."""
    for method in LISTS:
        found = result(asked(server, method))
        assert (found["ttlMs"], found["cacheScope"], found["resultType"]) == (300_000, "private", "complete")
    read = result(asked(server, "resources/read", {"uri": "platformos://staging/logs"}))
    assert (read["ttlMs"], read["cacheScope"]) == (0, "private")
    called = result(asked(server, "tools/call", {"name": FETCH, "arguments": {"env": "staging"}}))
    prompt = result(asked(server, "prompts/get", {"name": "watch_deploy", "arguments": {"env": "staging"}}))
    for found in (called, prompt):
        assert found["resultType"] == "complete"
        assert not {"ttlMs", "cacheScope"} & set(found)
    for found in (read, called, prompt):
        assert found["_meta"][f"{PREFIX}serverInfo"]["name"] == "poslogs"


@pytest.mark.parametrize(
    "meta",
    [
        None,
        "x",
        {},
        {f"{PREFIX}protocolVersion": VERSION},
        {f"{PREFIX}clientCapabilities": {}},
        {f"{PREFIX}protocolVersion": 5, f"{PREFIX}clientCapabilities": {}},
        {f"{PREFIX}protocolVersion": VERSION, f"{PREFIX}clientCapabilities": []},
        {f"{PREFIX}protocolVersion": VERSION, f"{PREFIX}clientCapabilities": None},
    ],
    ids=str,
)
def test_what_a_request_says_of_itself_comes_first(server: Server, meta: Any) -> None:
    """A fault there gets -32602 and 400, whatever else is wrong with the request."""
    told = message("no/such")
    told["params"]["_meta"] = meta
    assert failing(server, told, *headers(told, Mcp_Method="other"))[:2] == (400, -32602)


def test_headers_must_say_what_the_body_says(server: Server) -> None:
    """Each that is missing, doubled, or different, even in case, gets -32020 and 400."""
    told = message("tools/call", {"name": FETCH, "arguments": {"env": "staging"}})
    for changed in (
        {"MCP_Protocol_Version": "2025-11-25"},
        {"MCP_Protocol_Version": None},
        {"MCP_Protocol_Version": "2099-01-01"},
        {"Mcp_Method": None},
        {"Mcp_Method": "Tools/call"},
        {"Mcp_Method": "tools/list"},
        {"Mcp_Name": None},
        {"Mcp_Name": FETCH.upper()},
        {"Mcp_Name": "=?base64?%%%?="},
        {"Mcp_Name": coded("other")},
        {"Mcp_Method": coded("tools/call")},
        {"MCP_Protocol_Version": coded(VERSION)},
    ):
        assert failing(server, told, *headers(told, **changed))[:2] == (400, -32020), changed
    for twice in ("Mcp-Name: x", f"Mcp-Name: {FETCH}", "Mcp-Method: tools/call", f"MCP-Protocol-Version: {VERSION}"):
        assert failing(server, told, *headers(told), twice)[:2] == (400, -32020), twice
    for method, params in (("resources/read", {"uri": "platformos://staging/logs"}), ("prompts/get", {"name": "x"})):
        other = message(method, params)
        assert failing(server, other, *headers(other, Mcp_Name="y"))[:2] == (400, -32020)
    nameless = message("tools/call", {"arguments": {}})
    assert failing(server, nameless, *headers(nameless))[:2] == (400, -32020)


def test_headers_may_be_spelt_and_coded_freely(server: Server) -> None:
    """Names may be in any case, values have spaces around them, and Mcp-Name be in base64, or be there needlessly."""
    told = message("tools/call", {"name": FETCH, "arguments": {"env": "staging"}})
    for lines in (
        [line.lower().replace(VERSION.lower(), VERSION) for line in headers(told)],
        [line.replace(": ", ":  \t ") + "  " for line in headers(told)],
        headers(told, Mcp_Name=coded(FETCH)),
    ):
        content(result(send(server, told, *lines)))
    foreign = message("prompts/get", {"name": "größe 日本"})
    sentence = error(send(server, foreign, *headers(foreign, Mcp_Name=coded("größe 日本"))))["message"]
    assert sentence.startswith('There is no prompt "größe 日本"; there are ')
    ping = message("tools/list")
    assert result(send(server, ping, *headers(ping, Mcp_Name="whatever")))


def test_a_version_that_is_not_served_is_told_which_is(server: Server) -> None:
    """It gets -32022 and 400, checked after the headers and before the method."""
    for version in ("2099-01-01", "1900-01-01", "x"):
        told = message("no/such", meta={f"{PREFIX}protocolVersion": version})
        status, code, data = failing(server, told, *headers(told, MCP_Protocol_Version=version))
        assert (status, code, data) == (400, -32022, {"supported": [VERSION], "requested": version})


@pytest.mark.parametrize(
    "method",
    [
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "subscriptions/listen",
        "completion/complete",
        "x",
        "",
    ],
)
def test_a_method_that_modern_clients_do_not_have_is_not_found(server: Server, method: str) -> None:
    """It gets -32601 and 404, before the level is checked."""
    told = message(method, meta={f"{PREFIX}logLevel": "loud"})
    assert failing(server, told, *headers(told))[:2] == (404, -32601)


def test_what_is_named_must_be_known(server: Server) -> None:
    """Unknown levels, tools, resources, prompts and cursors, and arguments other than objects get -32602 and 400."""
    for method, params, meta in (
        ("tools/list", {}, {f"{PREFIX}logLevel": "loud"}),
        ("tools/list", {}, {f"{PREFIX}logLevel": 5}),
        ("tools/call", {"name": "platformos_logs_nothing"}, {}),
        ("tools/call", {"name": "platformos.logs.stream"}, {}),
        *(("tools/call", {"name": ENV_LIST, "arguments": value}, {}) for value in NO_ARGUMENTS),
        *(("prompts/get", {"name": "watch_deploy", "arguments": value}, {}) for value in NO_ARGUMENTS),
        ("resources/read", {"uri": "platformos://nowhere/logs"}, {}),
        ("resources/read", {"uri": "file:///etc/passwd"}, {}),
        ("prompts/get", {"name": "nothing"}, {}),
        ("prompts/get", {"name": "watch_deploy"}, {}),
        ("prompts/get", {"name": "watch_deploy", "arguments": {"env": "nowhere"}}, {}),
        *((method, {"cursor": cursor}, {}) for method in LISTS for cursor in ("x", "", 0)),
    ):
        told = message(method, params, meta=meta)
        assert failing(server, told, *headers(told))[:2] == (400, -32602), (method, params)
    for given in ({}, {"arguments": None}, {"arguments": {}}):
        content(result(asked(server, "tools/call", {"name": ENV_LIST, **given})))


# Legacy


@pytest.mark.parametrize("version", LEGACY)
def test_initialize_speaks_the_version_that_was_asked_for(server: Server, version: str) -> None:
    """This holds for each of the four. The answer has nothing of the modern era."""
    found = result(asked(server, "initialize", {"protocolVersion": version}, modern=False))
    assert found.pop("instructions").count(". ") == 2
    assert found == {
        "protocolVersion": version,
        "capabilities": CAPABILITIES,
        "serverInfo": {"name": "poslogs", "version": "1.0.0"},
    }


@pytest.mark.parametrize("version", [VERSION, "2099-01-01", "1.0", 5, None])
def test_initialize_answers_its_newest_to_what_it_does_not_know(server: Server, version: Any) -> None:
    """It is never the modern version."""
    found = result(asked(server, "initialize", {"protocolVersion": version}, modern=False))
    assert found["protocolVersion"] == "2025-11-25"


def test_legacy_results_carry_nothing_modern(server: Server) -> None:
    """They are served without initialize, with an old version in the header or none."""
    for method, params in (
        *((method, {}) for method in LISTS),
        ("resources/read", {"uri": "platformos://staging/logs"}),
        ("tools/call", {"name": FETCH, "arguments": {"env": "staging"}}),
        ("prompts/get", {"name": "watch_deploy", "arguments": {"env": "staging"}}),
    ):
        for lines in ((), ("MCP-Protocol-Version: 2025-03-26",)):
            found = result(send(server, message(method, params, modern=False), *lines))
            assert not {"resultType", "ttlMs", "cacheScope", "_meta"} & set(found), method


def test_ping_and_levels_are_answered(server: Server) -> None:
    """Each of the eight levels is accepted, though nothing is remembered. Another gets -32602."""
    assert result(asked(server, "ping", modern=False)) == {}
    for level in ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"):
        assert result(asked(server, "logging/setLevel", {"level": level}, modern=False)) == {}
    for level in ("loud", None, 5, ["info"]):
        answer = asked(server, "logging/setLevel", {"level": level}, modern=False)
        assert (answer.status, error(answer)["code"]) == (200, -32602)


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("server/discover", {}, -32601),
        ("subscriptions/listen", {}, -32601),
        ("no/such", {}, -32601),
        ("resources/read", {"uri": "platformos://nowhere/logs"}, -32002),
        ("resources/read", {}, -32002),
        ("tools/call", {"name": "nothing"}, -32602),
        ("tools/call", {}, -32602),
        ("tools/call", {"name": ["x"]}, -32602),
        ("tools/call", {"name": "platformos.logs_fetch"}, -32602),
        ("prompts/get", {"name": {}}, -32602),
        ("resources/read", {"uri": []}, -32002),
        ("resources/read", {"uri": 10**30}, -32002),
        ("resources/read", {"uri": json.loads("[" * 400 + "]" * 400)}, -32002),
        ("tools/call", {"name": FETCH, "arguments": 5}, -32602),
        ("prompts/get", {"name": "nothing"}, -32602),
        ("tools/list", {"cursor": "x"}, -32602),
    ],
)
def test_errors_of_legacy_requests_are_http_200(server: Server, method: str, params: dict[str, Any], code: int) -> None:
    """A client of that era takes any other status for a broken server."""
    answer = asked(server, method, params, modern=False)
    assert (answer.status, error(answer)["code"]) == (200, code)
