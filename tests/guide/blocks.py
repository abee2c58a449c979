"""The guide's blocks by short names, and which tests run them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from tests.support.guide import Block, guide_blocks
from tests.support.server import TOKEN

Test = TypeVar("Test", bound=Callable[..., object])

MARKS = {  # name: the language at the fence, and something that only this block of the language has
    "start": ("bash", "npm run"),
    "secret": ("bash", "export CLIENT_SECRET"),
    "curl stream": ("bash", "platformos.logs.stream"),
    "curl live": ("bash", "platformos.logs.live"),
    "body stream": ("json", "platformos.logs.stream"),
    "body live": ("json", "platformos.logs.live"),
    "entry": ("json", '"timestamp"'),
    "frames": ("", "event: data"),
    "header": ("", "Authorization:"),
    "python": ("python", "sseclient"),
    "node": ("javascript", "require('eventsource')"),
    "browser": ("javascript", "document.getElementById"),
    "page": ("html", "log-output"),
    "monitor": ("javascript", "class ErrorMonitor"),
    "analyzer": ("javascript", "class LogAnalyzer"),
    "resilient": ("javascript", "class ResilientStreamer"),
}
SECRETS = ("your-client-secret-here", "your-token")  # which the guide has its reader put his own in place of
CLAIMS: dict[str, list[str]] = {}  # name: the tests that run the block


def runs(*names: str) -> Callable[[Test], Test]:
    """Mark a test as one that runs these blocks."""

    def claim(test: Test) -> Test:
        for name in names:
            assert name in MARKS, name
            CLAIMS.setdefault(name, []).append(test.__name__)
        return test

    return claim


def names_of(block: Block) -> list[str]:
    """The names whose marks `block` bears: one, unless the table above is out of date."""
    return [name for name, (language, mark) in MARKS.items() if block.language == language and mark in block.code]


def code(name: str) -> str:
    """The text of a block, with a token of our own in place of those that open a demo only."""
    return re.sub("|".join(SECRETS), TOKEN, printed(name))


def printed(name: str) -> str:
    """The text of a block as it is printed. Skips the test where there is no guide."""
    found = [block.code for block in guide_blocks() if name in names_of(block)]
    assert len(found) == 1, f"{len(found)} blocks bear the mark of {name!r}"
    return found[0]
