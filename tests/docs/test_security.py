"""docs/security.md: each promise names the tests that hold it, and each number is the one that holds."""

from __future__ import annotations

import re

import pytest

from poslogs.settings import SETTINGS
from tests.support.server import REPO

TEXT = (REPO / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("| ").split(" | ")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| ---")
]
HELD = [row for row in ROWS if "tests/" in row[-1]]
DEFAULTS = {setting.variable: setting.default for setting in SETTINGS}


def test_the_tables_are_really_read() -> None:
    """The test finds the three tables whose last column names tests."""
    heads = [row for row in ROWS if row[-1] == "held by"]
    assert len(heads) == 3
    assert len(HELD) > 15


@pytest.mark.parametrize("row", HELD, ids=lambda row: row[0][:40])
def test_a_promise_names_tests_that_are_there(row: list[str]) -> None:
    """The tests are in files of the repository."""
    files = re.findall(r"`(tests/[^`]+)`", row[-1])
    assert files
    for file in files:
        test = "\ntest(" if file.endswith(".mjs") else "\ndef test_"
        assert test in (REPO / file).read_text(encoding="utf-8"), file


def test_the_numbers_of_the_memory_table_are_the_defaults() -> None:
    """A setting in it that is followed by a number in brackets has that number by default."""
    found = re.findall(r"`(POSLOGS_\w+)` \(([\d,]+)\)", TEXT)
    assert len(found) >= 7
    for name, number in found:
        assert DEFAULTS[name] == number.replace(",", ""), name


def test_every_setting_in_it_is_one() -> None:
    """No setting in the page is misspelt or gone."""
    assert set(re.findall(r"POSLOGS_[A-Z_]+", TEXT)) <= set(DEFAULTS)
