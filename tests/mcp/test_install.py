"""The installation that all tests here stand on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.mcp import install
from tests.mcp.conftest import Node
from tests.support.need import repo


def test_a_second_run_installs_nothing(node: Node, python_sdk: Callable[[int], str]) -> None:
    """Without npm on its path and an index for pip it has nothing to do, and says nothing."""
    python_sdk(1), python_sdk(2)
    env = {"PATH": "", "PIP_NO_INDEX": "1", "PYTHONPATH": str(repo())}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.mcp.install"], cwd=repo(), env=env, capture_output=True, text=True, timeout=20
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_without_npm_it_says_what_to_install(tmp_path: Path) -> None:
    """If nothing is installed yet it prints one sentence, and exits with 1."""
    code = "import pathlib, sys; from tests.mcp import install; from tests.support.install import Cache; "
    code += f"install.CACHE = Cache(pathlib.Path({str(tmp_path)!r})); "
    env = {"PATH": "", "PYTHONPATH": str(repo())}
    ran = subprocess.run(
        [sys.executable, "-c", code + "sys.exit(install.main())"], env=env, capture_output=True, text=True, timeout=20
    )
    assert ran.returncode == 1
    assert ran.stderr == "Not installed: npm is not installed: install the system package npm.\n"


def test_node_is_new_enough_and_its_own(node: Node) -> None:
    """It is 22.19 or newer, from the folder of these tests if the registry has one."""
    told = subprocess.run([node.program, "--version"], capture_output=True, text=True, check=True).stdout
    assert tuple(int(part) for part in told.strip("v\n").split("."))[:2] >= install.OLDEST_NODE
    if os.uname().sysname == "Linux":
        assert Path(node.program).is_relative_to(install.CACHE.folder)
