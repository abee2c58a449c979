"""Puts generators of clients below `.cache/openapi`, once: those of npm, and a venv with openapi-python-client.

As a program it prints what it does, and exits with 1 when something cannot be had.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.install import Cache, install

HERE = Path(__file__).resolve().parent
CACHE = Cache.of("openapi")


def node_modules() -> Path:
    """The folder with openapi-typescript, openapi-fetch and TypeScript. Raises CannotInstall."""
    return CACHE.node(HERE) / "node_modules"


def python_program() -> Path:
    """The interpreter that has openapi-python-client, and what its clients need. Raises CannotInstall."""
    return CACHE.venv("python", HERE / "openapi-python-client.txt") / "bin" / "python"


if __name__ == "__main__":
    sys.exit(install(node_modules, python_program))
