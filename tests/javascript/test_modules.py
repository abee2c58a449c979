"""The page's modules that need no browser, by Node.js's own runner.

By hand: `PYTHON=.venv/bin/python node --test tests/javascript/modules/*.test.mjs`.
"""

from __future__ import annotations

import os
import subprocess
import sys

from poslogs.doors.page.door import STATIC
from tests.support.need import need, repo

TIMEOUT_S = 100
MOST_LINES = 200
IN_ONE = "for (const file of process.argv.slice(1)) await import(`${process.cwd()}/${file}`);"  # process, not one each
TESTS = sorted(path.relative_to(repo()) for path in repo().glob("tests/javascript/modules/*.test.mjs"))


def test_pure_modules_do_what_they_promise() -> None:
    """All tests of the modules pass. A failure shows the runner's own output."""
    ended = subprocess.run(
        [need("node"), "--test-reporter", "spec", "--input-type=module", "--eval", IN_ONE, "--", *map(str, TESTS)],
        cwd=repo(),
        env={**os.environ, "PYTHON": sys.executable},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert ended.returncode == 0, ended.stdout
    assert int(ended.stdout.partition("ℹ pass ")[2].split()[0]) >= len(TESTS) > 0


def test_modules_are_short() -> None:
    """A module of the page has 200 lines at most."""
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in STATIC.glob("*.js")}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}
