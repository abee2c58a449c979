"""What the code cites is in the repository: a reader of a docstring can open the page that it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from poslogs.settings import ROOT

CITED = re.compile(r"[\w./-]*\b[\w-]+\.md\b")
# A specification that is not in the repository, named without its file: (contract, "Frames"), (hosting, section 7).
SPECIFIED = re.compile(r"\((?:contract|hosting|faults|platformos|fleet)\b[^)]{0,40}\)")
SOURCES = sorted(
    it.relative_to(ROOT)
    for it in (ROOT / "poslogs").glob("**/*")
    if it.suffix in (".py", ".js", ".ts", ".css", ".html", ".svg")
)


def missing(text: str) -> list[str]:
    """The pages that a text cites and that are not in the repository."""
    pages = [it for it in CITED.findall(text) if not (ROOT / it).is_file()]
    return pages + SPECIFIED.findall(text)


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_a_source_cites_pages_of_the_repository_alone(source: Path) -> None:
    """A page is cited by its path from the root, such as docs/decisions/0005-disconnects.md."""
    assert missing((ROOT / source).read_text()) == []


@pytest.mark.parametrize("citation", ["(hosting.md, section 3)", '(contract, "Frames")', "docs/decisions/0099-none.md"])
def test_a_citation_that_nobody_can_open_is_found(citation: str) -> None:
    """The check finds each kind of citation that there once was."""
    assert missing(f"A fact {citation}.")
    assert not missing("A fact (docs/decisions/0005-disconnects.md), and the contract of a base class.")
