"""Tests that only some verbs of the Makefile run: each is where its verb looks.

A verb names folders because each process of pytest collects all tests that it is told of, for seconds of a core.
"""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.conftest import KIND, ONE_KIND, repeats
from tests.support.need import repo


def looked_in(mark: str) -> tuple[str, ...]:
    """The folders that verbs name which run what is marked so."""
    lines = [line for line in (repo() / "Makefile").read_text().splitlines() if re.search(rf"-m .*\b{mark}\b", line)]
    return tuple(f"{folder}/" for line in lines for folder in re.findall(r"tests/\w+", line))


@pytest.mark.parametrize("mark", ["slow", "long"])
def test_a_marked_test_is_where_its_verb_looks(mark: str) -> None:
    """`make test-slow` runs what is marked slow, `make test-long` what is marked long; `make test-page` both."""
    folders = looked_in(mark)
    said = re.compile(rf"\bmark\.{mark}\b")
    marked = [path for path in repo().glob("tests/**/test_*.py") if said.search(path.read_text(encoding="utf-8"))]
    assert marked
    assert [path for path in marked if not str(path.relative_to(repo())).startswith(folders)] == []


def test_a_test_for_several_kinds_of_servers_is_run_with_one_at_first_and_with_the_others_by_the_slow_verb() -> None:
    """Only where the test with that one kind is there too, and where the slow verb looks."""
    assert set(ONE_KIND) <= set(looked_in("slow"))
    other = {"gevent": "gthread", "gthread": "gevent"}[KIND]
    for name in (f"{ONE_KIND[0]}test_a.py::test_b[1-{{}}-c d]", f"{ONE_KIND[1]}test_a.py::test_b[{{}}]"):
        there = {name.format(KIND), name.format(other)}
        assert repeats(name.format(other), there)
        assert not repeats(name.format(KIND), there)
        assert not repeats(name.format(other), {name.format(other)})
    named = f"{ONE_KIND[0]}test_a.py::test_{other}"
    assert not repeats(named, {named})
    for elsewhere in ("tests/hosts/test_a.py::test_b[{}]", "tests/wire/test_streams.py::test_b[{}]"):
        assert not repeats(elsewhere.format(other), {elsewhere.format(KIND), elsewhere.format(other)})


def test_what_is_long_is_never_run_by_the_slow_verb() -> None:
    """Also where it repeats a test with another kind of server: the storms of `make test-long` take minutes each."""
    command = [sys.executable, "-m", "pytest", "tests/faults", "-q", "-n", "0", "-m", "slow and long", "--collect-only"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=repo(), timeout=120)
    assert run.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, run.stdout + run.stderr
