"""The official conformance suite, against the real server with its token.

The suite calls tools, resources and prompts by name. What poslogs itself has to show is checked at the app that people
run; both whole requirement sets at the same app with the suite's own added to its table (factory.py).
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.mcp import install
from tests.mcp.conftest import Node, Tell
from tests.support.platformos import PlatformOS
from tests.support.server import TOKEN, Server

SUITE = "@modelcontextprotocol/conformance/dist/index.js"
NEWEST, BEFORE = "2026-07-28", "2025-11-25"
LINE = re.compile(r"^([✓✗]) ([\w-]+): (\d+) passed, (\d+) failed", re.MULTILINE)
COLOUR = re.compile(r"\x1b\[\d+m")
FAILED_AT_FIRST = {NEWEST: 20, BEFORE: 15}  # entries of the files of expected failures may only become fewer
SCENARIOS = [  # that the app passes without any of the suite's own
    (NEWEST, "tools-list"),
    (NEWEST, "server-sse-multiple-streams"),
    (NEWEST, "dns-rebinding-protection"),
    (NEWEST, "http-header-validation"),
    (NEWEST, "sep-2164-resource-not-found"),
    (NEWEST, "resources-list"),
    (NEWEST, "prompts-list"),
    (BEFORE, "server-initialize"),
    (BEFORE, "ping"),
    (BEFORE, "logging-set-level"),
    (BEFORE, "tools-list"),
    (BEFORE, "dns-rebinding-protection"),
    (BEFORE, "resources-list"),
    (BEFORE, "prompts-list"),
]
MUST_PASS = {  # with the suite's own
    NEWEST: {
        "server-stateless", "tools-list", "tools-call-simple-text", "tools-call-error", "tools-call-with-progress",
        "server-sse-multiple-streams", "dns-rebinding-protection", "http-header-validation", "caching",
        "resources-list", "resources-read-text", "resources-templates-read", "sep-2164-resource-not-found",
        "prompts-list", "prompts-get-simple", "prompts-get-with-args",
    },
    BEFORE: {
        "server-initialize", "ping", "logging-set-level", "tools-list", "tools-call-simple-text", "tools-call-error",
        "tools-call-with-progress", "tools-call-with-logging", "dns-rebinding-protection", "resources-list",
        "resources-read-text", "resources-templates-read", "prompts-list", "prompts-get-simple",
        "prompts-get-with-args",
    },
}  # fmt: skip

StartServer = Callable[..., Server]


@pytest.fixture
def suite(node: Node, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`suite(server, "--scenario", …)`: a run of the suite with a token that is good."""

    def run(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
        options = ["server", "--url", f"{server.url}/mcp", *arguments]
        ran = node.run(SUITE, *options, home=tmp_path, MCP_AUTH=f"Bearer {TOKEN}")
        ran.stdout = COLOUR.sub("", ran.stdout)
        return ran

    return run


@pytest.mark.parametrize("revision", [NEWEST, BEFORE])
def test_a_whole_set_fails_as_expected_and_no_further(
    revision: str,
    server: StartServer,
    platformos: PlatformOS,
    suite: Callable[..., subprocess.CompletedProcess[str]],
    tell: Tell,
) -> None:
    """Of the scenarios that the revision requires, exactly those in the file fail."""
    platformos.add_many(3)
    running = server(app="tests.mcp.factory:app")
    expected = install.HERE / f"expected-{revision}.yml"
    ran = suite(running, "--requirements", revision, "--expected-failures", str(expected))
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr
    assert "Stale baseline" not in ran.stdout
    passed = {name for sign, name, _, _ in LINE.findall(ran.stdout) if sign == "✓"}
    assert MUST_PASS[revision] - passed == set()
    scored = _scored(node_modules=install.node_folder() / "node_modules", revision=revision)
    checks = {name: int(good) for _, name, good, _ in LINE.findall(ran.stdout)}
    warned = passed & set(_entries(expected))  # the suite marks these as passed, and counts them as failures
    tell(
        f"conformance {revision}: {len(scored & passed)} of {len(scored)} scenarios pass, {len(warned)} of them with a "
        f"warning ({', '.join(sorted(warned))}); {len(scored - passed)} fail as expected; "
        f"{sum(checks[name] for name in scored)} scored checks pass"
        + (f"; server-stateless {checks['server-stateless']} of 25" if revision == NEWEST else "")
    )


@pytest.mark.parametrize(("revision", "scenario"), SCENARIOS)
def test_the_app_that_people_run_passes(
    revision: str,
    scenario: str,
    server: StartServer,
    platformos: PlatformOS,
    suite: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """Without the suite's own tools no check fails and none warns."""
    platformos.add_many(3)
    ran = suite(server(), "--scenario", scenario, "--spec-version", revision)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (counts,) = re.findall(r"Passed: (\d+)/(\d+), (\d+) failed, (\d+) warnings", ran.stdout)
    passed, checks, failed, warnings = map(int, counts)
    assert (passed, failed, warnings) == (checks, 0, 0), ran.stdout
    assert checks >= 1


def test_the_app_that_people_run_is_stateless(
    server: StartServer,
    platformos: PlatformOS,
    suite: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
    tell: Tell,
) -> None:
    """All checks of `server-stateless` pass but the four that need a tool of the suite's own."""
    output = tmp_path / "output"
    suite(server(), "--scenario", "server-stateless", "--spec-version", NEWEST, "-o", str(output))
    (file,) = output.glob("*/checks.json")
    checks: list[dict[str, Any]] = json.loads(file.read_text())
    bad = {check["id"]: check for check in checks if check["status"] not in ("SUCCESS", "INFO", "SKIPPED")}
    untestable = {name for name, check in bad.items() if "does not list the diagnostic tool" in json.dumps(check)}
    assert set(bad) == untestable
    assert len(untestable) <= 4
    good = [check for check in checks if check["status"] == "SUCCESS"]
    assert len(good) >= 20
    tell(f"conformance server-stateless at the shipped app: {len(good)} checks pass, {len(untestable)} need its tools")


@pytest.mark.parametrize("revision", [NEWEST, BEFORE])
def test_the_expected_failures_have_not_become_more(revision: str) -> None:
    """The suite itself reports an expected failure that passes. This test reports one that is added."""
    entries = _entries(install.HERE / f"expected-{revision}.yml")
    assert len(entries) == len(set(entries)) <= FAILED_AT_FIRST[revision]
    assert not set(entries) & MUST_PASS[revision]


def _entries(file: Path) -> list[str]:
    return re.findall(r"^  - ([\w-]+)", file.read_text(), re.MULTILINE)


def _scored(node_modules: Path, revision: str) -> set[str]:
    """The scenarios that count, by the suite's own list."""
    text = (node_modules / SUITE.removesuffix("dist/index.js") / "requirements" / f"{revision}.yaml").read_text()
    section = re.search(r"^server:\n((?:  - [\w-]+\n)+)", text, re.MULTILINE)
    assert section is not None
    return set(re.findall(r"- ([\w-]+)", section[1]))
