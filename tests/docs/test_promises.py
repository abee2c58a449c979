"""docs/promises.md has a line for each fault, and each line names the test that shows it."""

from __future__ import annotations

import re

import pytest

from poslogs.settings import ROOT

LINES = re.findall(r"^\| (\d+) \| .+ \| .+ \| `(.+)` \|$", (ROOT / "docs/promises.md").read_text(), re.MULTILINE)


def test_every_fault_has_its_line_in_order() -> None:
    """The lines are numbered without a gap."""
    assert [int(number) for number, _ in LINES] == list(range(1, len(LINES) + 1))
    assert len(LINES) >= 33


@pytest.mark.parametrize(("number", "file"), LINES)
def test_a_line_names_the_test_of_its_fault(number: str, file: str) -> None:
    """The line names a file with that number, whose docstring names the fault."""
    text = (ROOT / "tests/faults" / file).read_text()
    assert file.startswith(f"test_{int(number):02}_")
    assert text.startswith(f'"""Fault {number}: ')
    assert "\ndef test_" in text


def test_no_test_of_a_fault_is_without_a_line() -> None:
    """Every test of a fault has a line: what is tested is promised."""
    files = {path.name for path in (ROOT / "tests/faults").glob("test_[0-9]*.py")}
    assert files == {file for _, file in LINES}
