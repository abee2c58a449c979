"""Puts what these tests need from npm below `.cache/page`, once: axe-core, as package-lock.json pins it.

As a program it tells what it does, and ends with 1 when it cannot be had.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache" / "page"
FILES = ("package.json", "package-lock.json")
INSTALL_TIMEOUT_S = 300


class CannotInstall(Exception):
    """Something is missing, in a sentence."""


def axe() -> str:
    """The source text of axe-core. Raises CannotInstall."""
    return (_node_modules() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def _node_modules() -> Path:
    folder, stamp = CACHE / "node", CACHE / "node.stamp"
    wanted = hashlib.sha256(b"\0".join((HERE / name).read_bytes() for name in FILES)).hexdigest()
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # several processes of tests start at once
        if not stamp.is_file() or stamp.read_text() != wanted:
            print("Installing axe-core for the tests of the page (once) ...", flush=True)
            stamp.unlink(missing_ok=True)
            _npm_ci(folder)
            stamp.write_text(wanted)
    return folder / "node_modules"


def _npm_ci(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise CannotInstall("npm is not installed: install the system package npm")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in FILES:
        shutil.copy(HERE / name, folder)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S)
    except subprocess.CalledProcessError as error:
        raise CannotInstall(f"npm ci failed: {error.stderr[-500:]}") from error
    except subprocess.TimeoutExpired as late:
        raise CannotInstall(f"npm ci did not end in {INSTALL_TIMEOUT_S} s") from late


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
