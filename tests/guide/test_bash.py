"""The guide's shell commands."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.guide.blocks import code, printed, runs
from tests.guide.conftest import Scene
from tests.support.need import need, repo
from tests.support.program import Program
from tests.support.server import Server

pytestmark = pytest.mark.timeout(90)


@runs("secret", "curl stream", "curl live")
@pytest.mark.parametrize(("name", "filtered"), [("curl stream", False), ("curl live", True)])
def test_the_curl_commands_show_entries_as_they_come(scene: Scene, tmp_path: Path, name: str, filtered: bool) -> None:
    """Rows from before and after the start are printed as frames; the filter leaves out all but errors."""
    need("curl")
    script = tmp_path / "block.sh"
    script.write_text(code("secret") + code(name))
    (tmp_path / ".curlrc").write_text("no-buffer\nsilent\n")  # what a terminal shows, a pipe shows too
    before = scene.add("error", "info")
    with Program([need("bash"), str(script)], tmp_path, {"CURL_HOME": str(tmp_path)}) as shell:
        shell.wait_line(before[0])
        after = scene.add("info", "error")
        shell.wait_line(after[1])
        shown = [message for message in before + after if any(message in line for line in shell.lines)]
        assert shown == ([before[0], after[1]] if filtered else before + after)
        assert sum(scene.mark in line for line in shell.lines) == len(shown)
        at = next(number for number, line in enumerate(shell.lines) if before[0] in line)
        assert shell.lines[at].startswith('data: {"type":"text","text":"{\\"id\\":')
        assert shell.lines[at - 1] == "event: data"


@pytest.mark.parametrize("name", ["curl stream", "curl live"])
def test_the_curl_commands_work_as_printed_on_a_fresh_checkout(
    server: Callable[..., Server], tmp_path: Path, name: str
) -> None:
    """The guide's own token opens the demo, whose entries are printed as frames. Only the port differs."""
    need("curl")
    running = server(clients=repo() / "clients.json")
    script = tmp_path / "block.sh"
    script.write_text((printed("secret") + printed(name)).replace(":3030", f":{running.port}"))
    (tmp_path / ".curlrc").write_text("no-buffer\nsilent\n")
    with Program([need("bash"), str(script)], tmp_path, {"CURL_HOME": str(tmp_path)}) as shell:
        shell.wait_line('data: {"type":"text"', 30)


@runs("start")
def test_the_server_starts_where_the_guide_expects_it(tmp_path: Path) -> None:
    """One command differs: gunicorn takes the place of npm, at the address that every block uses."""
    assert "npm run" in code("start")
    asked = [sys.executable, "-m", "gunicorn", "-c", str(repo() / "gunicorn.conf.py"), "--print-config", "wsgi:app"]
    environ = {"PYTHONPATH": str(repo())}
    with Program(asked, tmp_path, environ) as shown:
        assert shown.wait_exit(30) == 0, shown.out.text
        bind = next(line for line in shown.lines if line.startswith("bind"))
    assert "'127.0.0.1:3030'" in bind
    assert all("http://localhost:3030" in code(name) for name in ("curl stream", "python", "node", "browser"))


def test_the_commands_run_in_any_folder(tmp_path: Path) -> None:
    """The blocks are whole scripts for the shell."""
    for name in ("start", "secret", "curl stream", "curl live"):
        checked = subprocess.run([need("bash"), "-n"], input=code(name), text=True, capture_output=True, cwd=tmp_path)
        assert (checked.returncode, checked.stderr) == (0, "")
