"""Checks the JavaScript of this repository: ESLint, and the types that TypeScript finds in its JSDoc.

Their versions are pinned in package-lock.json; they are installed below `.cache/javascript`, once. As a program it
prints what they find, and ends with 1 for that. Where they cannot be had it says so in a line, and ends with 1 under CI
only.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.install import Cache, CannotInstall
from tests.support.need import repo, under_ci

HERE = Path(__file__).resolve().parent
CACHE = Cache.of("javascript")
OLDEST_NODE = (20, 19)
TIMEOUT_S = 300


def commands() -> Iterator[list[str]]:
    """What is run in the root of the repository, all at once. Raises CannotInstall."""
    node = _node()
    programs = CACHE.node(HERE) / "node_modules"
    eslint = [node, str(programs / "eslint" / "bin" / "eslint.js"), "--config", str(HERE / "eslint.config.mjs")]
    yield [*eslint, "--cache", "--cache-strategy", "content", "--cache-location", str(CACHE.folder / "eslint"), "."]
    for project in ("tsconfig.json", "tsconfig.node.json"):  # what browsers load, and what Node.js does
        yield [node, str(programs / "typescript" / "bin" / "tsc"), "--project", str(HERE / project)]


def found() -> str:
    """What is wrong, as the programs say it; "" for nothing. Raises CannotInstall."""
    with ThreadPoolExecutor() as pool:
        return "".join(pool.map(_told, commands()))


def _told(command: list[str]) -> str:
    ended = subprocess.run(
        command, cwd=repo(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S
    )
    return "" if ended.returncode == 0 else ended.stdout or f"{command[1]} ended with {ended.returncode}\n"


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        raise CannotInstall("node is not installed: install the system packages nodejs and npm")
    version = subprocess.run([node, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST_NODE:
        raise CannotInstall(f"Node.js is {version}: install {'.'.join(map(str, OLDEST_NODE))} or newer")
    return node


def main() -> int:
    """Print what is wrong."""
    try:
        wrong = found()
    except CannotInstall as reason:
        print(f"JavaScript was not checked: {reason}.", file=sys.stderr)
        return 1 if under_ci() else 0
    print(wrong or "JavaScript: nothing found\n", end="")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
