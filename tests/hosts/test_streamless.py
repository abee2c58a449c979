"""Hosts without streams: a stream gets the sentence, and all else works, also below a path."""

from __future__ import annotations

import json

import pytest

from tests.hosts.hosts import ASKED
from tests.hosts.streamless import STREAMLESS
from tests.support.platformos import PlatformOS

pytestmark = pytest.mark.slow

NONE = "No stream is opened here: "
ROUTES = ("/", "/page/asking.js", "/livez", "/openapi.json")
AGENT = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}


@pytest.mark.parametrize("name", STREAMLESS)
def test_a_stream_gets_the_sentence_and_all_else_an_answer(
    name: str, platformos: PlatformOS, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The list of tools, calls, reports, an agent's, probes, the page that asks, and the description of it all."""
    platformos.add_many(2)
    folder = tmp_path_factory.mktemp("host")  # a short name, for the sockets of Passenger
    with STREAMLESS[name](folder, platformos) as host:
        refused = host.post("/call-stream", ASKED)
        assert refused.status_code == 503, refused.text
        assert refused.json()["error"].startswith(f"{NONE}{host.why}")
        assert "Retry-After" not in refused.headers
        host.wait_output(f"{NONE}{host.why}")
        assert len(host.get("/tools").json()["tools"]) > 3
        fetched = host.post("/call", {"tool": "platformos.logs.fetch", "input": {"env": "staging"}}).json()
        assert [entry["id"] for entry in json.loads(fetched["content"][0]["text"])["logs"]] == ["1", "2"]
        report = {"name": "platformos_logs_report", "arguments": {"env": "staging"}}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": report}
        assert host.post("/mcp", message, headers=AGENT).json()["result"]["structuredContent"]["total"] == 2
        answers = [host.get(path, token=None) for path in ROUTES]
        assert [answer.status_code for answer in answers] == [200] * len(ROUTES)
        assert answers[-1].json()["servers"][0]["url"] == (host.prefix or "/")
        assert "Traceback" not in host.output, host.output
