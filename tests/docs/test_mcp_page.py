"""docs/mcp.md against a real server: the configurations, the tools, and the versions that it names.

The line above a fence says what becomes of the block: `<!-- config: HOST -->` is parsed here, and what its host would
send is sent; `<!-- run: PROGRAM -->` is run by tests/mcp; `<!-- not run: REASON -->` is for the rest.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.marked import Marked, marked_blocks
from tests.support.need import repo
from tests.support.server import Server

PAGE = repo() / "docs" / "mcp.md"
SHIPPED = json.loads((repo() / "clients.json").read_text())
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = marked_blocks(PAGE)
URL = "http://127.0.0.1:3030/mcp"
TOKEN = "your-client-secret-here"
SECRETS = ("${CLIENT_SECRET}", "${env:CLIENT_SECRET}", "${input:poslogs-token}")  # as each host writes them
HTTP_HOSTS = {"claude-code": "mcpServers", "vscode": "servers", "cursor": "mcpServers"}

StartServer = Callable[..., Server]


def test_no_block_is_left_without_a_word_on_how_it_is_tested() -> None:
    """Each block has a mark, and each host and program is there once."""
    assert {block.kind for block in BLOCKS} == {"run", "config", "not run"}
    configs = [block.name for block in BLOCKS if block.kind == "config"]
    assert sorted(configs) == sorted([*HTTP_HOSTS, "claude-desktop"])
    assert [block.language for block in BLOCKS if block.kind == "not run"] == ["bash"]


@pytest.mark.parametrize("host", HTTP_HOSTS)
def test_a_host_configured_as_written_is_let_in(host: str, server: StartServer) -> None:
    """A fresh checkout takes the address and the headers of the file, once the token is in its place."""
    document = json.loads(_config(host).code)
    entry = document[HTTP_HOSTS[host]]["poslogs"]
    assert entry["url"] == URL
    assert entry.get("type", "http") == "http"
    header = entry["headers"]["Authorization"]
    (secret,) = [secret for secret in SECRETS if secret in header]
    for each in document.get("inputs", []):
        assert each["type"] == "promptString"
        assert each["password"] is True
        assert f"${{input:{each['id']}}}" in header
    assert ("inputs" in document) is ("${input:" in header)
    _lists_the_tools(server(clients=SHIPPED), header.replace(secret, TOKEN))


def test_the_bridge_is_started_with_the_address_and_the_header() -> None:
    """Claude Desktop's file names both; tests/mcp/test_bridge.py starts what it names."""
    entry = json.loads(_config("claude-desktop").code)["mcpServers"]["poslogs"]
    assert URL in entry["args"]
    assert entry["args"][-2:] == ["--header", "Authorization:${AUTH_HEADER}"]
    assert entry["env"] == {"AUTH_HEADER": f"Bearer {TOKEN}"}
    assert not [argument for argument in entry["args"] if " " in argument]


def test_the_command_for_claude_code_names_the_address_and_the_header(server: StartServer) -> None:
    """The command has them word by word, and the server takes the header."""
    (block,) = [block for block in BLOCKS if block.language == "bash"]
    words = shlex.split(block.code.replace("\\\n", ""))
    header = f"Authorization: Bearer {TOKEN}"
    assert words == ["claude", "mcp", "add", "--transport", "http", "poslogs", URL, "--header", header]
    _lists_the_tools(server(clients=SHIPPED), header.removeprefix("Authorization: "))


def test_the_tables_are_what_the_server_lists(server: StartServer) -> None:
    """Every tool, and each input of each with its default and bounds; no other."""
    tools = _lists_the_tools(server(clients=SHIPPED), f"Bearer {TOKEN}")
    section = TEXT.split("## The tools")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(platformos_\w+)` \|", section, re.MULTILINE) == [tool["name"] for tool in tools]
    promised = {}
    for tool in tools:
        short = tool["name"].removeprefix("platformos_logs_")
        schema = tool["inputSchema"]
        for name, field in schema["properties"].items():
            default = "required" if name in schema.get("required", []) else json.dumps(field.get("default", ""))
            promised[name, short] = ("" if default == '""' else default, _bounds(field))
    assert dict(_inputs(section)) == promised


def test_a_live_call_lasts_as_long_as_the_page_says(server: StartServer) -> None:
    """The bound that the page explains."""
    tools = _lists_the_tools(server(clients=SHIPPED), f"Bearer {TOKEN}")
    (live,) = [tool for tool in tools if tool["name"] == "platformos_logs_live"]
    most = live["inputSchema"]["properties"]["maxDuration"]["maximum"]
    assert f"lasts {most // 1000} seconds at most" in TEXT


def test_versions_are_those_that_are_tested() -> None:
    """This holds for each package that the page names with a version."""
    package = json.loads((repo() / "tests" / "mcp" / "package.json").read_text())["dependencies"]
    named = dict(re.findall(r"((?:@modelcontextprotocol/\w+|mcp-remote))(?:@|` )(\d[\w.-]*\w)", TEXT))
    assert named == package
    for major in (1, 2):
        pinned = (repo() / "tests" / "mcp" / f"python-sdk-{major}.txt").read_text()
        (version,) = re.findall(rf"pip install (mcp=={major}\.[\d.]*\d)", TEXT)
        assert version in pinned.splitlines()


def _config(host: str) -> Marked:
    (block,) = [block for block in BLOCKS if block.kind == "config" and block.name == host]
    return block


def _lists_the_tools(server: Server, authorization: str) -> list[dict[str, Any]]:
    """The tools that a host gets which opens as most do."""
    headers = {"Authorization": authorization, "Accept": "application/json, text/event-stream"}
    begin = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "host", "version": "1"}}
    for number, (method, params) in enumerate([("initialize", begin), ("tools/list", {})]):
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        answer = server.post("/mcp", message, token=None, headers=headers)
        assert answer.status_code == 200, answer.text
    tools = answer.json()["result"]["tools"]
    assert isinstance(tools, list)
    return tools


def _bounds(field: dict[str, Any]) -> set[str]:
    if "enum" in field:
        return {json.dumps(value) for value in field["enum"]}
    for low, high in (("minimum", "maximum"), ("minLength", "maxLength")):
        if high in field:
            return {str(field[low]), str(field[high])}
    return set(re.findall(r"\d+(?=[,}])", field.get("pattern", "")))


def _inputs(section: str) -> Iterator[tuple[tuple[str, str], tuple[str, set[str]]]]:
    for row in re.findall(r"^\| `\w+` \|.*\|$", section, re.MULTILINE):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        if len(cells) != 5:
            continue  # a row of the other table
        name, tools, default, bounds, _ = cells
        found = set(re.findall(r'"\w+"|\d+', bounds))
        for tool in tools.split(", "):
            yield (name.strip("`"), tool), (default.strip("`"), found)
