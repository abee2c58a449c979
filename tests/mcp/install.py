"""Puts what the tests of /mcp need below `.cache/mcp`, once: Node.js 22 with the tools in package.json, and two venvs.

As a program it prints what it does, and exits with 1 when something cannot be had.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.install import Cache, CannotInstall, install

HERE = Path(__file__).resolve().parent
CACHE = Cache.of("mcp")
OLDEST_NODE = (22, 19)


def node_folder() -> Path:
    """The folder with `node_modules`. Raises CannotInstall."""
    return CACHE.node(HERE)


def node_program(folder: Path) -> str:
    """The Node.js to run things with: our own, or the machine's where the registry has none for it."""
    own = next(folder.glob("node_modules/node-*/bin/node"), None)
    program = str(own) if own else shutil.which("node")
    if program is None or _version(program) < OLDEST_NODE:
        raise CannotInstall(f"the npm registry has no Node.js for this machine: install {OLDEST_NODE[0]} or newer")
    return program


def python_program(major: int) -> str:
    """The interpreter of the venv that holds the MCP SDK 1.x or 2.x for Python. Raises CannotInstall."""
    return str(CACHE.venv(f"python-{major}", HERE / f"python-sdk-{major}.txt") / "bin" / "python")


def _version(program: str) -> tuple[int, ...]:
    told = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    return tuple(int(part) for part in re.findall(r"\d+", told))


def main() -> int:
    """Install all three."""
    return install(lambda: node_program(node_folder()), lambda: python_program(1), lambda: python_program(2))


if __name__ == "__main__":
    sys.exit(main())
