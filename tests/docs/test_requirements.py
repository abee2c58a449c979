"""What is pinned by hand and what is installed are the same, file by file."""

from __future__ import annotations

import json
import re

import pytest
from packaging.markers import Marker
from packaging.utils import canonicalize_name

from tests.support.server import REPO

PIN = re.compile(r"([A-Za-z0-9._-]+)==(\S+)")
LOCKED = re.compile(
    r"^([A-Za-z0-9._-]+)==(\S+)(?: ; (.+?))?(?: \\)?\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.M
)
UNIX = [
    {"sys_platform": name, "platform_system": system, "platform_machine": machine, "os_name": "posix",
     "platform_python_implementation": "CPython", "implementation_name": "cpython",
     "python_version": version, "python_full_version": f"{version}.0"}
    for name, system in (("linux", "Linux"), ("darwin", "Darwin"))
    for machine in ("x86_64", "aarch64", "arm64")
    for version in ("3.11", "3.12", "3.13", "3.14")
]  # fmt: skip


def test_the_lock_holds_what_is_pinned_and_no_more() -> None:
    """For Linux and macOS, Python 3.11 to 3.14, it has each pinned version with its hashes, and nothing else."""
    pinned = {(canonicalize_name(name), version)
              for name, version in PIN.findall((REPO / "requirements.txt").read_text())}  # fmt: skip
    locked = LOCKED.findall((REPO / "requirements.lock").read_text())
    assert len(locked) == len(PIN.findall((REPO / "requirements.lock").read_text()))
    for machine in UNIX:
        here = {(canonicalize_name(name), version) for name, version, marker, _ in locked
                if not marker or Marker(marker).evaluate(machine)}  # fmt: skip
        assert here == pinned, f"run `make lock` after a change of requirements.txt ({machine})"


def test_the_lock_names_no_place_to_install_from() -> None:
    """The index is the reader's own choice."""
    text = (REPO / "requirements.lock").read_text()
    assert "://" not in text
    assert not re.findall(r"^--(?!hash)", text, re.M)


@pytest.mark.parametrize("folder", ["clients", "javascript", "mcp", "openapi", "page"])
def test_what_tests_install_is_pinned_and_names_no_place(folder: str) -> None:
    """What stands beside the server in a test is the same everywhere, wherever it comes from."""
    here = REPO / "tests" / folder
    package = json.loads((here / "package.json").read_text())
    versions = [*package["dependencies"].values(), *package.get("optionalDependencies", {}).values()]
    assert [version for version in versions if not re.fullmatch(r"\d+\.\d+\.\d+(-[\w.]+)?", version)] == []
    lock = json.loads((here / "package-lock.json").read_text())["packages"]
    assert [name for name, entry in lock.items() if "resolved" in entry] == []
    assert [name for name, entry in lock.items() if name and "integrity" not in entry] == []
    lines = [line for file in here.glob("*.txt") for line in file.read_text().splitlines()]
    assert [line for line in lines if not line.startswith("#") and not PIN.fullmatch(line)] == []
