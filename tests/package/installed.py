"""poslogs as it is installed: its wheel, in an environment of its own, beside what requirements.txt pins.

The environment holds nothing of this checkout and none of the tools that test it. What is pinned is linked into it
from where the tests run, so that nothing is asked of a network; the wheel is built and installed as people do it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path

from tests.support.need import need, repo
from tests.support.server import free_port

PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)$", re.M)
LIMIT_S = 120.0  # for one command, on a machine that has much else to do


def pins() -> dict[str, str]:
    """The version of each distribution that requirements.txt pins."""
    return dict(PIN.findall((repo() / "requirements.txt").read_text()))


def build(folder: Path) -> Path:
    """The wheel of this checkout, made in `folder`."""
    need("hatchling")
    run([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)], repo())
    (wheel,) = folder.glob("*.whl")
    return wheel


def run(argv: list[str], folder: Path, env: Mapping[str, str] | None = None) -> str:
    """What a command prints. AssertionError with all it wrote unless it ends well."""
    ended = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=LIMIT_S)
    assert ended.returncode == 0, f"{argv} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}"
    return ended.stdout


class Installed:
    """A new environment in `folder`, with the wheel and with what is pinned."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], folder)
        self.bin = folder / "env" / "bin"
        packages = sysconfig.get_path("purelib", vars={"base": str(folder / "env")})
        pinned = folder / "pinned"
        pinned.mkdir()
        for name in pins():
            _link(name, pinned)
        (Path(packages) / "pinned.pth").write_text(f"{pinned}\n")
        self.pip("install", "--no-deps", "--no-index", str(wheel))

    def pip(self, *words: str) -> str:
        """What the pip of the tests prints, asked about this environment."""
        argv = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(self.bin / "python")]
        return run([*argv, *words], self.bin)

    def environ(self, folder: Path) -> dict[str, str]:
        """The variables of somebody who works in `folder` and has this environment on the path."""
        kept = {name: os.environ[name] for name in ("LANG",) if name in os.environ}
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        return {**kept, "PATH": path, "HOME": str(folder), "PORT": str(free_port()), "PYTHONUNBUFFERED": "1"}


def _link(name: str, folder: Path) -> None:
    """Link what a distribution has at the top of where it is installed into `folder`."""
    known = distribution(name)
    assert known.files is not None, name
    for top in {file.parts[0] for file in known.files} - {"..", "__pycache__"}:
        link = folder / top
        if not link.exists():  # several may share one, as zope.event and zope.interface do
            link.symlink_to(Path(str(known.locate_file(top))).resolve())
