"""The programs of docs/mcp.md, as they are pasted, on the official SDKs against the real server with its token."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.mcp.conftest import Tell, sdk
from tests.support.marked import marked_blocks
from tests.support.need import repo
from tests.support.platformos import PlatformOS
from tests.support.program import Program
from tests.support.server import TOKEN, Server

PROGRAMS = {block.name: block.code for block in marked_blocks(repo() / "docs" / "mcp.md") if block.kind == "run"}
URL = "http://127.0.0.1:3030/mcp"
LINE = re.compile(r" *(\d+\.\d\d) s  (\w+): (.*)")
TOOLS = ["platformos_env_list", "platformos_logs_fetch", "platformos_logs_live", "platformos_logs_report"]
WAVES = 3
ODD = "é © € 日本 🎉 \u2028\u2029 data: [DONE]"  # what a frame or a parser of lines may trip over
NEWEST, BEFORE = "2026-07-28", "2025-11-25"

StartServer = Callable[..., Server]


@dataclass(frozen=True, slots=True)
class Run:
    """A program, the revision that it comes to speak, and what is changed in it for that, if anything is."""

    program: str
    revision: str
    change: tuple[str, str] = ("", "")


RUNS = (
    Run("python-2", NEWEST),
    Run("python-2", BEFORE, ('mode="auto"', 'mode="legacy"')),
    Run("python-1", BEFORE),
    Run("typescript-2", NEWEST),
    Run("typescript-2", BEFORE, (", { versionNegotiation: { mode: 'auto' } }", "")),
    Run("typescript-1", BEFORE),
)


def test_there_is_a_program_for_each_sdk() -> None:
    """A block whose mark is misspelt would not be run."""
    assert set(PROGRAMS) == {run.program for run in RUNS}
    assert all(URL in code for code in PROGRAMS.values())


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run.program}-{run.revision}")
def test_entries_arrive_while_the_call_runs(
    run: Run,
    kind: str,
    server: StartServer,
    platformos: PlatformOS,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    tell: Tell,
) -> None:
    """Each row is listed only after the program has shown the one before, so none waits for the call's end."""
    platformos.add_many(3)
    running = server(kind)
    waves = [f"wave {number} {ODD}" for number in range(1, WAVES + 1)]
    # Its polls are the call's too, so three waves take far less than the five seconds of the call.
    quick = running.stream("platformos.logs.stream", {"env": "staging", "interval": 250})
    with quick, _started(run, running, request, tmp_path) as program:
        program.wait_line("fetched: 3 entries", 60)
        for wave in waves:
            platformos.add({"error_type": "error", "message": wave})
            program.wait_line(f"entry: error {wave}")
            assert not [line for line in program.lines if "result:" in line], program.out.text
        assert program.wait_exit(30) == 0, program.out.text
    told = [(float(m[1]), m[2], m[3]) for m in map(LINE.fullmatch, program.lines) if m]
    said = {what: text for _, what, text in told}
    assert said["protocol"] == run.revision
    assert said["tools"].split(", ") == TOOLS
    assert said["resources"] == "platformos://staging/logs"
    assert said["prompts"] == "investigate_errors, watch_deploy"
    assert said["result"] == f"{WAVES} entries up to {platformos.ids[-1]}, stopped by maxDuration"
    at = {what: [time for time, each, _ in told if each == what] for what in said}
    assert [text for _, what, text in told if what == "entry"] == [f"error {wave}" for wave in waves]
    (begin,), (end,) = at["fetched"], at["result"]
    assert end - begin >= 4.9
    assert len(at["progress"]) >= 2
    news = [int(number) for number in re.findall(r"  progress: \+(\d+) \(", program.out.text)]
    assert sum(news) == WAVES, program.out.text
    assert f"({WAVES} so far): error wave {WAVES} " in program.out.text
    assert at["progress"] == sorted(at["progress"])
    order = [(what, text) for _, what, text in told]
    first = next(index for index, (what, _) in enumerate(order) if what == "progress")
    assert first < order.index(("entry", f"error {waves[-1]}")), "progress came at the end of the call only"
    arrived = {what: ", ".join(f"{time - begin:.2f}" for time in at[what]) for what in ("entry", "progress", "result")}
    tell(
        f"{run.program} {run.revision} {kind}: seconds into the call: "
        f"entries {arrived['entry']}; progress {arrived['progress']}; result {arrived['result']}"
    )


def _started(run: Run, server: Server, request: pytest.FixtureRequest, folder: Path) -> Program:
    code = PROGRAMS[run.program]
    assert run.change[0] in code
    code = code.replace(*run.change).replace(URL, f"{server.url}/mcp")
    language, major = run.program.split("-")
    script = folder / ("watch.py" if language == "python" else "watch.mts")
    script.write_text(code, encoding="utf-8")
    return sdk(request, language, int(major))(script, {"CLIENT_SECRET": TOKEN})
