"""Puts what these tests need from npm below `.cache/page`, once: axe-core, as package-lock.json pins it.

As a program it prints what it does, and exits with 1 when axe-core cannot be had.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.install import Cache, install

HERE = Path(__file__).resolve().parent
CACHE = Cache.of("page")


def axe() -> str:
    """The source text of axe-core. Raises CannotInstall."""
    return (CACHE.node(HERE) / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(install(axe))
