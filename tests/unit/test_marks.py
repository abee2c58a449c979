"""Tests that only some verbs of the Makefile run: each is where its verb looks.

A verb names folders because each process of pytest collects all tests that it is told of, for seconds of a core.
"""

from __future__ import annotations

import re

import pytest

from tests.support.need import repo


@pytest.mark.parametrize("mark", ["slow", "long"])
def test_a_marked_test_is_where_its_verb_looks(mark: str) -> None:
    """`make test-slow` runs what is marked slow, `make test-long` what is marked long; `make test-page` both."""
    lines = [line for line in (repo() / "Makefile").read_text().splitlines() if re.search(rf"-m .*\b{mark}\b", line)]
    folders = tuple(f"{folder}/" for line in lines for folder in re.findall(r"tests/\w+", line))
    marked = [
        path for path in repo().glob("tests/**/test_*.py") if f"mark.{mark}\n" in path.read_text(encoding="utf-8")
    ]
    assert marked
    assert [path for path in marked if not str(path.relative_to(repo())).startswith(folders)] == []
