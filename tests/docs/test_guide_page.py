"""docs/guide.md against a real server: every block that can run is run as a reader would paste it.

The line above a fence says what becomes of the block:

- `<!-- run: bash, shows: EXPRESSION -->` (or `node`, `python`): it must end by itself with status 0, and what it
  writes must match the expression;
- `<!-- run: browser -->`: a page with a button that fills `#log`;
- `<!-- save: NAME -->`: it is put under that name beside all the others, which may import it;
- `<!-- not run: REASON -->`: for the rest.

Blocks name `http://localhost:3030`; the test puts its own server's port in its place.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.need import missing, need, repo
from tests.support.output import Output
from tests.support.platformos import PlatformOS
from tests.support.server import TOKEN, Server
from tests.support.site import served

pytestmark = pytest.mark.slow

GUIDE = repo() / "docs" / "guide.md"
BASE_URL = "http://localhost:3030"
MARKED = re.compile(r"^(?:<!-- ([^\n]*) -->\n)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"run: (bash|node|python), shows: (.+)|run: (browser)|save: ([\w.-]+)|not run: (.+)")
MUST_BE_MARKED = {"bash", "sh", "python", "javascript", "js", "html"}
SUFFIXES = {"bash": "sh", "node": "mjs", "python": "py"}
BLOCK_TIMEOUT_S = 90  # the longest block runs for 3 s

SHIPPED = json.loads((repo() / "clients.json").read_text())

StartServer = Callable[..., Server]


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of the guide; of the fields for marks only one is filled."""

    line: int
    language: str
    code: str
    run: str = ""
    shows: str = ""
    save: str = ""
    marked: bool = False

    def at(self, server: Server) -> str:
        """The code as it has to be for this server."""
        return self.code.replace(BASE_URL, f"http://localhost:{server.port}")


def _blocks() -> list[Block]:
    text = GUIDE.read_text(encoding="utf-8")
    found = []
    for fence in MARKED.finditer(text):
        mark = MARK.fullmatch(fence[1] or "")
        run, shows, browser, save, _ = mark.groups(default="") if mark else ("",) * 5
        line = text.count("\n", 0, fence.start(3))
        found.append(Block(line, fence[2], fence[3], run or browser, shows, save, bool(mark)))
    return found


BLOCKS = _blocks()
PROGRAMS = [pytest.param(block, id=f"{block.run}-line-{block.line}") for block in BLOCKS if block.run in SUFFIXES]
PAGES = [pytest.param(block, id=f"line-{block.line}") for block in BLOCKS if block.run == "browser"]


def test_no_block_is_left_without_a_word_on_how_it_is_tested() -> None:
    """Each block is run, saved for others, or says why not: code that nobody runs goes stale."""
    unmarked = [block.line for block in BLOCKS if block.language in MUST_BE_MARKED and not block.marked]
    assert not unmarked, f"no mark, or one that is misspelt, above the blocks at these lines: {unmarked}"
    assert len(PROGRAMS) >= 8
    assert len(PAGES) == 1


@pytest.mark.parametrize("block", PROGRAMS)
def test_a_block_runs_as_it_is_pasted(block: Block, server: StartServer, tmp_path: Path) -> None:
    """A fresh checkout, the shipped clients.json and its demo: the block ends well and shows what it promises."""
    running = server(clients=SHIPPED)
    script = tmp_path / f"block.{SUFFIXES[block.run]}"
    script.write_text(block.at(running), encoding="utf-8")
    _save_all(tmp_path, running)
    command = [*_interpreter(block), str(script)]
    ran = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=tmp_path, env=_newcomer(), timeout=BLOCK_TIMEOUT_S
    )
    told = ran.stdout + ran.stderr
    assert ran.returncode == 0, told
    assert re.search(block.shows, told), told
    assert '{"error"' not in told


@pytest.mark.parametrize("block", PAGES)
def test_the_page_shows_entries_in_a_browser(block: Block, server: StartServer, tmp_path: Path) -> None:
    """In Chromium the page, from another port of localhost, shows entries, and again after a restart."""
    need("playwright")
    chromium = need("headless")
    from playwright.sync_api import expect, sync_playwright

    running = server(clients=repo() / "clients.json")
    (tmp_path / "logs.html").write_text(block.at(running), encoding="utf-8")
    _save_all(tmp_path, running)
    failures: list[str] = []
    with served(tmp_path, "localhost") as origin, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        try:
            page = browser.new_page()
            page.on("pageerror", lambda error: failures.append(str(error)))
            page.goto(f"{origin}/logs.html")
            page.get_by_role("button", name="Start").click()
            expect(page.locator("#log li").first).to_contain_text("Z ", timeout=30_000)
            expect(page.get_by_role("status")).to_have_text("live", timeout=30_000)
            expect(page.locator("#log li").nth(19)).to_be_visible(timeout=30_000)
            running.stop()
            expect(page.get_by_role("status")).to_have_text("The server does not answer.", timeout=30_000)
            running.start()
            expect(page.get_by_role("status")).to_have_text("live", timeout=60_000)
        finally:
            browser.close()
    assert failures == []


@pytest.mark.parametrize("tool", ["stream", "live"])
def test_the_recovery_pattern_loses_and_repeats_nothing(
    tool: str, server: StartServer, platformos: PlatformOS, tmp_path: Path
) -> None:
    """When the server is killed and started again, `follow` yields each entry once, in order."""
    node = need("node")
    running = server()
    _save_all(tmp_path, running)
    (tmp_path / "use.mjs").write_text(
        "import { follow } from './follow.mjs';\n"
        "const input = { env: 'staging', interval: 250 };\n"
        f"const entries = follow('platformos.logs.{tool}', input, {{ token: '{TOKEN}' }});\n"
        "for await (const entry of entries) console.log(entry.id);\n"
    )
    platformos.add_many(3)
    out = Output()
    process = subprocess.Popen([node, "use.mjs"], cwd=tmp_path, stdout=subprocess.PIPE, env=_newcomer())
    try:
        out.follow(process)
        out.wait("3\n", timeout=30)
        os.killpg(running.pid, signal.SIGKILL)
        running.stop()
        platformos.add_many(2)
        running.start()
        platformos.add_many(2)
        out.wait("7\n", timeout=60)
    finally:
        process.kill()
        process.wait()
    assert out.text.split() == platformos.ids


def test_the_error_monitor_tells_of_what_comes_alone(
    server: StartServer, platformos: PlatformOS, tmp_path: Path
) -> None:
    """The monitor is silent about twenty errors of the last minutes. It reports the errors that come later."""
    (block,) = (block for block in BLOCKS if "function alarm(" in block.code)
    running = server()
    _save_all(tmp_path, running)
    script = tmp_path / "monitor.mjs"
    script.write_text(block.at(running), encoding="utf-8")
    platformos.add_many(20, error_type="error", message="of old")
    command, environ = [*_interpreter(block), str(script)], {**_newcomer(), "CLIENT_SECRET": TOKEN}
    for fresh in (False, True):
        out = Output()
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environ)
        try:
            out.follow(process)
            out.wait("watching", timeout=BLOCK_TIMEOUT_S)
            for _ in range(300 if fresh else 0):  # it lasts for three seconds
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.3)
                    break
                platformos.add_many(12, error_type="error", message="of now")
            assert process.wait(BLOCK_TIMEOUT_S) == 0, out.text
        finally:
            process.kill()
            process.wait()
        out.wait_closed()
        assert ('the last: "of now"' in out.text) is fresh, out.text
        assert "of old" not in out.text


def test_the_table_of_parameters_is_what_the_tools_check(server: StartServer) -> None:
    """The table has each parameter of each tool with its default and bounds, and no other."""
    running = server()
    tools = {tool["name"]: tool["inputSchema"] for tool in running.get("/tools").json()["tools"]}
    promised = {}
    for schema_name, schema in tools.items():
        short = schema_name.removeprefix("platformos.logs.")
        for name, field in schema.get("properties", {}).items():
            bounds = _bounds(field)
            promised[name, short] = (json.dumps(field["default"]) if "default" in field else "", bounds)
    told = {}
    for name, shorts, default, bounds in _table_of_parameters():
        for short in shorts:
            told[name, short] = ("" if default in ("required", "all entries") else default, bounds)
    assert {key: bounds for key, (_, bounds) in told.items()} == {key: bounds for key, (_, bounds) in promised.items()}
    for key, (default, _) in promised.items():
        assert default in told[key][0], (key, default)


def _bounds(field: dict[str, Any]) -> set[int]:
    for low, high in (("minimum", "maximum"), ("minLength", "maxLength")):
        if high in field:
            return {field[low], field[high]}
    return {int(number) for number in re.findall(r"\d+(?=[,}])", field.get("pattern", ""))}


def _table_of_parameters() -> Iterator[tuple[str, list[str], str, set[int]]]:
    section = GUIDE.read_text(encoding="utf-8").split("### Parameters")[1].split("\n## ")[0]
    for row in re.findall(r"^\| `.*\|$", section, re.MULTILINE):
        name, tools, _, default, bounds, _ = [cell.strip() for cell in row.strip("|").split("|")]
        numbers = {int(number) for number in re.findall(r"\d+", bounds)}
        yield name.strip("`"), tools.split(", "), default.replace("`", ""), numbers


def _interpreter(block: Block) -> list[str]:
    if block.run == "python":
        need("sseclient")
        return [sys.executable]
    if block.run == "node":
        return [need("node")]
    for program in ("curl", "jq"):
        if f"{program} " in block.code and shutil.which(program) is None:
            missing(f"{program} is not installed")
    return [need("bash"), "-euo", "pipefail"]


def _newcomer() -> dict[str, str]:
    """The variables of somebody who has set none of ours, and whose proxy is not asked for localhost."""
    return {name: value for name, value in os.environ.items() if name != "CLIENT_SECRET"} | {"no_proxy": "localhost"}


def _save_all(folder: Path, server: Server) -> None:
    for block in BLOCKS:
        if block.save:
            (folder / block.save).write_text(block.at(server), encoding="utf-8")
