"""Puts what some tests run beside the server below `.cache`, once: packages of npm, and venvs.

Versions are pinned in files; a folder is made again only when its files, or Python, have changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.need import repo

NODE_FILES = ("package.json", "package-lock.json")
INSTALL_TIMEOUT_S = 600


class CannotInstall(Exception):
    """Something is missing, in a sentence."""


@dataclass(frozen=True, slots=True)
class Cache:
    """The folder below `.cache` that one package of tests has."""

    folder: Path

    @classmethod
    def of(cls, name: str) -> Cache:
        """The folder of that name."""
        return cls(repo() / ".cache" / name)

    def node(self, sources: Path) -> Path:
        """The folder with `node_modules`, as package.json and its lock in `sources` say. Raises CannotInstall."""
        return self._made("node", [sources / name for name in NODE_FILES], lambda folder: _npm_ci(folder, sources))

    def venv(self, name: str, requirements: Path) -> Path:
        """The folder of a venv that has what `requirements` names. Raises CannotInstall."""
        return self._made(name, [requirements], lambda folder: _venv(folder, requirements))

    def _made(self, name: str, sources: Iterable[Path], make: Callable[[Path], None]) -> Path:
        folder, stamp = self.folder / name, self.folder / f"{name}.stamp"
        parts = [source.read_bytes() for source in sources]
        wanted = hashlib.sha256(b"\0".join([*parts, sys.version.encode(), platform.machine().encode()])).hexdigest()
        with self._alone():
            if not stamp.is_file() or stamp.read_text() != wanted:
                print(f"Installing {self.folder.name}/{name} for the tests (once) ...", flush=True)
                stamp.unlink(missing_ok=True)
                make(folder)
                stamp.write_text(wanted)
        return folder

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # several processes of tests start at once
            yield


def install(*parts: Callable[[], object]) -> int:
    """Makes each part and reports the first that fails. Returns the status to end with."""
    try:
        for part in parts:
            part()
    except CannotInstall as reason:
        print(f"Not installed: {reason}.", file=sys.stderr)
        return 1
    return 0


def _npm_ci(folder: Path, sources: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise CannotInstall("npm is not installed: install the system package npm")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in NODE_FILES:
        shutil.copy(sources / name, folder)
    _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], folder)


def _venv(folder: Path, requirements: Path) -> None:
    _run([sys.executable, "-m", "venv", "--clear", str(folder)], folder.parent)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "install", "-r", str(requirements)], folder.parent)


def _run(command: list[str], folder: Path) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S)
    except subprocess.CalledProcessError as error:
        raise CannotInstall(f"{' '.join(command[:3])} failed: {error.stderr[-500:]}") from error
    except subprocess.TimeoutExpired as late:
        raise CannotInstall(f"{' '.join(command[:3])} did not end in {INSTALL_TIMEOUT_S} s") from late
