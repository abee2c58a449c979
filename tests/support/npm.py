"""Modules from npm for tests, as a package-lock.json pins them: installed once, in a folder that is kept."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

FILES = ("package.json", "package-lock.json")
INSTALL_TIMEOUT_S = 300


class CannotInstall(Exception):
    """Something is missing, in a sentence."""


def node_modules(source: Path, cache: Path) -> Path:
    """The folder `node_modules` with what the two files in `source` pin, below `cache`; made anew when they change.

    Raises CannotInstall.
    """
    folder, stamp = cache / "node", cache / "node.stamp"
    wanted = hashlib.sha256(b"\0".join((source / name).read_bytes() for name in FILES)).hexdigest()
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # several processes of tests start at once
        if not stamp.is_file() or stamp.read_text() != wanted:
            print(f"Installing what {source.parent.name}/{source.name}/package.json names (once) ...", flush=True)
            stamp.unlink(missing_ok=True)
            _npm_ci(source, folder)
            stamp.write_text(wanted)
    return folder / "node_modules"


def _npm_ci(source: Path, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise CannotInstall("npm is not installed: install the system package npm")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in FILES:
        shutil.copy(source / name, folder)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S)
    except subprocess.CalledProcessError as error:
        raise CannotInstall(f"npm ci failed: {error.stderr[-500:]}") from error
    except subprocess.TimeoutExpired as late:
        raise CannotInstall(f"npm ci did not end in {INSTALL_TIMEOUT_S} s") from late
