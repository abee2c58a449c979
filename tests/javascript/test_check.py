"""check.py on a machine that lacks what it needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.need import repo

TIMEOUT_S = 60


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_without_node_a_line_says_what_was_not_checked(tmp_path: Path, ci: str, status: int) -> None:
    """A person without Node.js can check the rest. Under CI, where all must be there, it is a failure."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.javascript.check"],
        cwd=repo(),
        env={**os.environ, "PATH": str(tmp_path), "CI": ci},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    sentence = "JavaScript was not checked: node is not installed: install the system packages nodejs and npm.\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (status, "", sentence)
