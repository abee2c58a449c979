"""The Inspector's command line against the real server with its token."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mcp.conftest import Node, Tell
from tests.support.platformos import PlatformOS
from tests.support.server import TOKEN, Server

INSPECTOR = "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
NEEDS_AUTH = 3

StartServer = Callable[..., Server]
Inspect = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def inspect(node: Node, server: StartServer, platformos: PlatformOS, tmp_path: Path) -> Inspect:
    """`inspect("--method", …)`: what the Inspector does at a server with three rows; `token=None` sends none."""
    platformos.add_many(3)
    url = f"{server().url}/mcp"

    def run(*arguments: str, token: str | None = TOKEN) -> subprocess.CompletedProcess[str]:
        header = [] if token is None else ["--header", f"Authorization: Bearer {token}"]
        return node.run(INSPECTOR, "--cli", url, "--transport", "http", *header, *arguments, home=tmp_path)

    return run


def test_the_tools_are_listed_and_their_schemas_are_portable(inspect: Inspect, tell: Tell) -> None:
    """`--strict` complains of no schema."""
    ran = inspect("--method", "tools/list", "--strict")
    assert (ran.returncode, ran.stderr) == (0, "")
    names = [tool["name"] for tool in json.loads(ran.stdout)["tools"]]
    assert sorted(names) == [f"platformos_{name}" for name in ("env_list", "logs_fetch", "logs_live", "logs_report")]
    tell(f"inspector tools/list --strict: exit 0, nothing on stderr, {', '.join(names)}")


@pytest.mark.parametrize("era", ["legacy", "modern", "auto"])
def test_a_live_call_ends_with_its_result(era: str, inspect: Inspect, tell: Tell) -> None:
    """In all three eras that it speaks, the text and the structured content say the same."""
    given = json.dumps({"env": "staging", "lastId": "0", "maxDuration": 3000})
    call = ["--method", "tools/call", "--tool-name", "platformos_logs_live", "--tool-args-json", given]
    ran = inspect("--protocol-era", era, *call)
    assert ran.returncode == 0, ran.stderr
    result = json.loads(ran.stdout)
    seen = result["structuredContent"]
    assert seen == json.loads(result["content"][0]["text"])
    assert [entry["message"] for entry in seen["entries"]] == ["row 1", "row 2", "row 3"]
    assert seen["stopped"] == "maxDuration"
    tell(f"inspector tools/call {era}: exit 0, {seen['count']} entries up to {seen['lastId']}, {seen['stopped']}")


def test_arguments_given_one_by_one_are_taken(inspect: Inspect) -> None:
    """People type them so; the Inspector makes a number of text that looks like one."""
    call = ["--method", "tools/call", "--tool-name", "platformos_logs_live", "--tool-arg", "env=staging"]
    arguments = [part for each in ("lastId=1", "limit=2", "maxDuration=50000") for part in ("--tool-arg", each)]
    ran = inspect("--protocol-era", "modern", *call, *arguments)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert json.loads(ran.stdout)["structuredContent"]["stopped"] == "limit"


def test_two_hundred_calls_ten_at_a_time_all_succeed(inspect: Inspect, tell: Tell) -> None:
    """This is the Inspector's own load test."""
    load = ["--load", "--load-requests", "200", "--load-concurrency", "10", "--format", "json"]
    ran = inspect("--method", "tools/call", "--tool-name", "platformos_env_list", *load)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    tell(f"inspector load: {' '.join(ran.stdout.split())[:300]}")


def test_without_a_token_it_says_that_it_needs_one(inspect: Inspect) -> None:
    """It exits with its status for that, and begins no sign-in."""
    ran = inspect("--method", "tools/list", "--stored-auth-only", token=None)
    assert ran.returncode == NEEDS_AUTH, ran.stdout + ran.stderr
