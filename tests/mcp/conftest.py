"""What these tests share: the installed tools, and a summary of what each run measured."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.mcp import install
from tests.support.install import CannotInstall
from tests.support.need import missing
from tests.support.program import Program

TOLD = "told"

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Node:
    """Our Node.js and the modules that it finds."""

    program: str
    folder: Path

    def start(self, script: Path, **env: str) -> Program:
        """Run a script from a folder of its own, which gets our modules."""
        (script.parent / "node_modules").symlink_to(self.folder / "node_modules")
        return Program([self.program, str(script)], script.parent, env)

    def run(
        self, module: str, *arguments: str, home: Path, timeout: float = 120, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """What a module's program does with `arguments` until it ends; its settings are in the empty folder `home`."""
        return subprocess.run(
            [*self.command(module, authorised="MCP_AUTH" in env), *arguments],
            cwd=home,
            env=self.environ(home, **env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )

    def command(self, module: str, *, authorised: bool = False) -> list[str]:
        """How to start the program of a module, given by its path below node_modules."""
        preload = ["--import", str(install.HERE / "auth.mjs")] if authorised else []
        return [self.program, *preload, str(self.folder / "node_modules" / module)]

    def environ(self, home: Path, **env: str) -> dict[str, str]:
        """The variables of somebody who has set none, and asks no proxy."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        return {**kept, "HOME": str(home), "NO_PROXY": "*", **env}


@pytest.fixture(scope="session")
def node() -> Node:
    """Node.js with what package.json names."""
    try:
        folder = install.node_folder()
        return Node(install.node_program(folder), folder)
    except CannotInstall as reason:
        missing(str(reason))


@pytest.fixture(scope="session")
def python_sdk() -> Callable[[int], str]:
    """`python_sdk(2)`: the interpreter that has the SDK 2.x for Python."""

    def interpreter(major: int) -> str:
        try:
            return install.python_program(major)
        except CannotInstall as reason:
            missing(str(reason))

    return interpreter


def sdk(request: pytest.FixtureRequest, language: str, major: int) -> Callable[[Path, Mapping[str, str]], Program]:
    """What starts a script on that SDK, in the script's own folder; the test ends where it cannot be installed."""
    if language == "python":
        interpreter = request.getfixturevalue("python_sdk")(major)
        return lambda script, env: Program([interpreter, str(script)], script.parent, env)
    node: Node = request.getfixturevalue("node")
    return lambda script, env: node.start(script, **env)


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """`tell(line)` adds a line to the summary at the end of the run."""
    return lambda line: record_property(TOLD, line)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show the lines of the tests that passed."""
    reports = terminalreporter.getreports("passed")
    lines = sorted(text for report in reports for name, text in report.user_properties if name == TOLD)
    if lines:
        terminalreporter.section("what was measured")
        for line in lines:
            terminalreporter.write_line(line)
