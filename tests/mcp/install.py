"""Puts what `make test-mcp` needs below `.cache/mcp`, once: Node.js 22 with the tools in package.json, and two venvs.

Versions are pinned in the files beside this one; a folder is made again only when its file, or Python, has changed.
As a program it tells what it does, and ends with 1 when something cannot be had.
"""

from __future__ import annotations

import fcntl
import hashlib
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache" / "mcp"
NODE_FILES = ("package.json", "package-lock.json")
OLDEST_NODE = (22, 19)
INSTALL_TIMEOUT_S = 600


class CannotInstall(Exception):
    """Something is missing, in a sentence."""


def node_folder() -> Path:
    """The folder with `node_modules`. Raises CannotInstall."""
    return _made("node", [HERE / name for name in NODE_FILES], _npm_ci)


def node_program(folder: Path) -> str:
    """The Node.js to run things with: our own, or the machine's where the registry has none for it."""
    own = next(folder.glob("node_modules/node-*/bin/node"), None)
    program = str(own) if own else shutil.which("node")
    if program is None or _version(program) < OLDEST_NODE:
        raise CannotInstall(f"the npm registry has no Node.js for this machine: install {OLDEST_NODE[0]} or newer")
    return program


def python_program(major: int) -> str:
    """The interpreter of the venv that holds the MCP SDK 1.x or 2.x for Python. Raises CannotInstall."""
    file = HERE / f"python-sdk-{major}.txt"
    return str(_made(f"python-{major}", [file], lambda folder: _venv(folder, file)) / "bin" / "python")


def _npm_ci(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise CannotInstall("npm is not installed: install the system package npm")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in NODE_FILES:
        shutil.copy(HERE / name, folder)
    _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], folder)


def _venv(folder: Path, requirements: Path) -> None:
    _run([sys.executable, "-m", "venv", "--clear", str(folder)], CACHE)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "install", "-r", str(requirements)], CACHE)


def _made(name: str, sources: Iterable[Path], make: Callable[[Path], None]) -> Path:
    folder, stamp = CACHE / name, CACHE / f"{name}.stamp"
    parts = [source.read_bytes() for source in sources]
    wanted = hashlib.sha256(b"\0".join([*parts, sys.version.encode(), platform.machine().encode()])).hexdigest()
    with _alone():
        if not stamp.is_file() or stamp.read_text() != wanted:
            print(f"Installing {name} for the tests of /mcp (once) ...", flush=True)
            stamp.unlink(missing_ok=True)
            make(folder)
            stamp.write_text(wanted)
    return folder


@contextmanager
def _alone() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(command: list[str], folder: Path) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S)
    except subprocess.CalledProcessError as error:
        raise CannotInstall(f"{' '.join(command[:3])} failed: {error.stderr[-500:]}") from error
    except subprocess.TimeoutExpired as late:
        raise CannotInstall(f"{' '.join(command[:3])} did not end in {INSTALL_TIMEOUT_S} s") from late


def _version(program: str) -> tuple[int, ...]:
    told = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    return tuple(int(part) for part in re.findall(r"\d+", told))


def main() -> int:
    """Install all three."""
    try:
        node_program(node_folder())
        for major in (1, 2):
            python_program(major)
    except CannotInstall as reason:
        print(f"Not installed: {reason}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
