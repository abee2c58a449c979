"""Puts what these tests need from npm below `.cache/page`, once: axe-core, as package-lock.json pins it.

As a program it tells what it does, and ends with 1 when it cannot be had.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.npm import CannotInstall, node_modules

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache" / "page"


def axe() -> str:
    """The source text of axe-core. Raises CannotInstall."""
    return (node_modules(HERE, CACHE) / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def main() -> int:
    """Install it."""
    try:
        axe()
    except CannotInstall as reason:
        print(f"Not installed: {reason}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
