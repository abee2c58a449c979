"""Fenced blocks of one of our documents, each with the mark in the comment above it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^(?:<!-- ([^\n]*) -->\n)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Marked:
    """A block; `kind` and `name` are the mark's parts, as in `<!-- run: python-2 -->`, empty without a mark."""

    line: int
    kind: str
    name: str
    language: str
    code: str


def marked_blocks(document: Path) -> list[Marked]:
    """Every fenced block of `document`, in its order."""
    text = document.read_text(encoding="utf-8")
    found = []
    for fence in FENCE.finditer(text):
        kind, _, name = (fence[1] or "").partition(": ")
        found.append(Marked(text.count("\n", 0, fence.start(3)), kind, name, fence[2], fence[3]))
    return found
