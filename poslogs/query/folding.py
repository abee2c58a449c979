"""Folding: text in the form in which it is compared, so that case and the way of writing an accent do not matter."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Final

MOST_MARKS: Final = 30  # in a row; to put more of them in order takes a time that grows with their square
_MARKS: Final = (range(0x300, 0x1E94B), range(0xE0100, 0xE01F0))  # all combining marks are in here


def composed(text: str) -> str:
    """The text in NFC; as it is where more than MOST_MARKS combining marks follow one another."""
    if text.isascii() or unicodedata.is_normalized("NFC", text) or _crowd().search(text):
        return text
    return unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """The text in full case folding, where `ß` is `ss`, and composed, before and after."""
    return text.lower() if text.isascii() else composed(composed(text).casefold())


@cache
def _crowd() -> re.Pattern[str]:
    marks = [code for codes in _MARKS for code in codes if unicodedata.category(chr(code)).startswith("M")]
    return re.compile(f"[{''.join(map(chr, marks))}]{{{MOST_MARKS + 1}}}")
