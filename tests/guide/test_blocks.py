"""Every block of the guide is tested."""

from __future__ import annotations

import importlib

from tests.guide.blocks import CLAIMS, MARKS, names_of
from tests.support.guide import guide_blocks

RUNNERS = ("test_bash", "test_bodies", "test_browser", "test_node", "test_python")


def test_every_block_of_the_guide_is_run_by_a_test() -> None:
    """Each block bears one name, each name belongs to one block, and a test claims each."""
    for name in RUNNERS:
        importlib.import_module(f"tests.guide.{name}")
    blocks = guide_blocks()
    odd = [(block.heading, block.language, block.code[:80]) for block in blocks if len(names_of(block)) != 1]
    assert not odd, f"blocks without a name of their own: {odd}"
    assert sorted(name for block in blocks for name in names_of(block)) == sorted(MARKS)
    assert sorted(CLAIMS) == sorted(MARKS)
