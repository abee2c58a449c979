"""The guide, which lies beside this repository, and its blocks of code. No copy of it is kept here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.need import repo, under_ci

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, the language named at its fence, and the nearest heading above it."""

    language: str
    heading: str
    code: str


def guide_path() -> Path | None:
    """Where the guide is, or None: outside this project's machines it may be absent."""
    path = repo().parent / "shared" / "spec" / "SSE_GUIDE.md"
    return path if path.is_file() else None


def guide_text() -> str:
    """The text of the guide. Without a guide the test is skipped, and under CI it fails."""
    path = guide_path()
    if path is None:
        reason = "SSE_GUIDE.md is not at ../shared/spec"
        if under_ci() and (repo().parent / "shared").exists():
            pytest.fail(reason)
        pytest.skip(reason)
    return path.read_text(encoding="utf-8")


def guide_blocks() -> list[Block]:
    """Every fenced block of the guide, in its order."""
    return blocks_of(guide_text())


def blocks_of(text: str) -> list[Block]:
    """Every fenced block of a Markdown text."""
    fences = list(FENCE.finditer(text))
    headings = [
        (heading.start(), heading[1])
        for heading in HEADING.finditer(text)
        if not any(fence.start() <= heading.start() < fence.end() for fence in fences)
    ]
    return [
        Block(fence[1], next((name for start, name in reversed(headings) if start < fence.start()), ""), fence[2])
        for fence in fences
    ]
