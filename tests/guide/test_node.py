"""The guide's Node.js client and the patterns that build on it."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.guide.blocks import code, runs
from tests.guide.conftest import Scene
from tests.support.need import missing, need
from tests.support.program import Program
from tests.support.server import TOKEN

pytestmark = pytest.mark.timeout(180)

INSTALL_TIMEOUT_S = 120
SOURCE = f"\nconst source = new LogStreamer('http://localhost:3030', '{TOKEN}');\n"
TELL = "\nconst tell = (state) => console.log('STATE ' + JSON.stringify(state));\n"
MONITOR = """
const monitor = new ErrorMonitor(source);
source.handleEvent = (type, data) => {
  if (!data.includes(process.env.MARK)) return;
  monitor.handleEvent(type, data);
  tell({ count: monitor.errorCount, errors: monitor.errors });
};
monitor.monitor('staging');
"""
ANALYZER = """
const analyzer = new LogAnalyzer();
source.handleEvent = (type, data) => {
  if (type !== 'data' || !data.includes(process.env.MARK)) return;
  analyzer.processLog(JSON.parse(JSON.parse(data).text));
  tell(analyzer.getReport());
};
source.streamLogs('staging', { tool: 'platformos.logs.live', interval: 1000 });
"""
RESILIENT = """
const resilient = new ResilientStreamer('http://localhost:3030', process.env.TOKEN);
const handle = resilient.handleEvent.bind(resilient);
resilient.handleEvent = (type, data) => {
  handle(type, data);
  if (data.includes(process.env.MARK)) tell({ retries: resilient.retryCount, text: JSON.parse(data).text });
};
resilient.streamLogs('staging', { interval: 1000 });
"""


@pytest.fixture(scope="session")
def modules(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of node modules with the one that the client names, kept from run to run in pytest's cache."""
    cache = getattr(request.config, "cache", None)
    folder = cache.mkdir("guide-node") if cache else tmp_path_factory.mktemp("guide-node")
    if not (folder / "node_modules" / "eventsource" / "package.json").is_file():
        command = [need("npm"), "install", "--no-audit", "--no-fund", "--prefix", str(folder), "eventsource"]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            missing("npm install eventsource did not end in time")
        if done.returncode:
            missing(f"npm install eventsource failed: {done.stderr[-300:]}")
    return folder / "node_modules"


@runs("node")
def test_the_node_client_prints_type_and_message(scene: Scene, modules: Path, tmp_path: Path) -> None:
    """It prints errors from before and after the start, each once and in order, and nothing else."""
    before = scene.add("error", "warn", "error")
    with _node(code("node"), scene, modules, tmp_path) as client:
        client.wait_line(f"[ERROR] {before[2]}")
        after = scene.add("info", "error")
        client.wait_line(f"[ERROR] {after[1]}")
        printed = [line for line in client.lines if line.startswith("[") and scene.mark in line]
        assert printed == [f"[ERROR] {text}" for text in (before[0], before[2], after[1])]
        assert not [line for line in client.lines if line.startswith(("Log data", "Stream error"))]


@runs("node")
def test_the_node_client_is_told_of_an_error_and_of_the_end(scene: Scene, modules: Path, tmp_path: Path) -> None:
    """When platformOS refuses the token the client prints the error, says that the stream is complete, and ends."""
    scene.staging.fail("status", status=401, body={"error": "unauthorized"})
    with _node(code("node"), scene, modules, tmp_path) as client:
        assert client.wait_exit(30) == 0, client.out.text
        assert client.lines[-1] == "Stream completed"
        assert any(line.startswith('Stream error: {"type":"error","text":"{') for line in client.lines)


@runs("monitor")
def test_the_error_monitor_counts_and_alerts(scene: Scene, modules: Path, tmp_path: Path) -> None:
    """Of eleven errors, one more than its limit, each is counted once."""
    messages = scene.add(*["error"] * 11, "info")
    with _node(code("node") + SOURCE + TELL + code("monitor") + MONITOR, scene, modules, tmp_path) as client:
        client.wait_line("High error rate detected: 11 errors")
        state = _state(client, "count", 11)
        assert [error["message"] for error in state["errors"]] == messages[:11]


@runs("analyzer")
def test_the_log_analyzer_reports_what_was_listed(scene: Scene, modules: Path, tmp_path: Path) -> None:
    """Types and hours of six entries are counted as they were listed, the errors kept whole."""
    types = ["error", "info", "info", "debug", "warn", "info"]
    messages = scene.add(*types)
    with _node(code("node") + SOURCE + TELL + code("analyzer") + ANALYZER, scene, modules, tmp_path) as client:
        report = _state(client, "totalLogs", len(types))
    assert report["typeBreakdown"] == Counter(types)
    assert sum(report["hourlyDistribution"].values()) == len(types)
    assert all(0 <= int(hour) < 24 for hour in report["hourlyDistribution"])
    assert [error["message"] for error in report["recentErrors"]] == messages[:1]


@runs("resilient")
def test_the_resilient_streamer_streams(scene: Scene, modules: Path, tmp_path: Path) -> None:
    """It shows what its base class shows, and no retry is needed."""
    messages = scene.add("info")
    with _node(code("node") + TELL + code("resilient") + RESILIENT, scene, modules, tmp_path) as client:
        client.wait_line(f"[INFO] {messages[0]}")
        state = _state(client, "retries", 0)
    entry = json.loads(state["text"])
    assert (entry["message"], entry["env"]) == (messages[0], "staging")


def _node(script: str, scene: Scene, modules: Path, folder: Path) -> Program:
    file = folder / "client.js"
    file.write_text(script)
    return Program([need("node"), str(file)], folder, {"NODE_PATH": str(modules), "MARK": scene.mark, "TOKEN": TOKEN})


def _state(client: Program, name: str, least: int) -> dict[str, Any]:
    """The first state reported by a driver in which `name` has reached `least`."""

    def reached() -> list[dict[str, Any]]:
        states = [json.loads(line.removeprefix("STATE ")) for line in client.lines if line.startswith("STATE ")]
        return [state for state in states if state[name] >= least]

    client.out.wait_until(lambda _: bool(reached()), 15)
    return reached()[0]
