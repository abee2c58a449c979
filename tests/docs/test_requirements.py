"""What is pinned by hand and what is installed are the same, file by file."""

from __future__ import annotations

import re

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
    """On Linux and macOS, from Python 3.11 to 3.14: each pinned version with its hashes, and nothing else."""
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
