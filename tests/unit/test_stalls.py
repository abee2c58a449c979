"""Runs with stalls: random processes of the run stand still, go on, and the status is that of the tests."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

TEST = """
import subprocess, sys, time

SEES = "import time\\nlast = time.monotonic()\\nwhile True:\\n    time.sleep(0.01)\\n    now = time.monotonic()" \\
    "\\n    if now - last > 0.2:\\n        print('stood still', flush=True)\\n    last = now"

def test_one():
    child = subprocess.Popen([sys.executable, "-c", SEES], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"stood still\\n"
    child.kill()
    assert child.wait() < 0
    assert %s
"""


@pytest.mark.parametrize("passes", [True, False])
def test_a_child_of_a_test_stands_still_and_goes_on(tmp_path: Path, passes: bool) -> None:
    (tmp_path / "test_one.py").write_text(TEST % passes)
    command = [sys.executable, "-m", "tests.stalls", "--seed", "7", "--each", "0.1"]
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "-c", "/dev/null"]
    run = subprocess.run([*command, *options, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert run.returncode == (0 if passes else 1), run.stdout + run.stderr
    assert run.stdout.startswith("seed 7: each 0.1 s ")
    assert re.search(r"^[1-9]\d* stalls$", run.stdout, re.MULTILINE)


def test_an_odd_pace_is_refused() -> None:
    run = subprocess.run([sys.executable, "-m", "tests.stalls", "--each", "0"], capture_output=True, text=True)
    assert run.returncode == 2
    assert "--each must be 0.02 to 3600" in run.stderr
