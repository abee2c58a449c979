"""Brackets: a set of characters in a regular expression, as far as RE2 and JavaScript agree."""

from __future__ import annotations

from poslogs.query import escape
from poslogs.query.misread import Misread


def passed(source: str, at: int) -> int:
    """Where a set ends whose `[` stands at `at`. Raises Misread."""
    at += 1 + source.startswith("^", at + 1)
    begin = at
    low = ""  # the character before, with which a range may begin
    while source[at : at + 1] != "]":
        if at >= len(source):
            raise Misread(r"lacks a `]`; write `\[` for the sign.")
        if source.startswith("[:", at):
            raise Misread("has a class such as `[:alpha:]`; write its characters out, as in `[a-z]`.")
        if source[at] == "-" and at > begin and source[at + 1 : at + 2] not in ("]", ""):
            at, low = _range(source, at, low), ""
        else:
            at, low = _character(source, at)
    if at == begin:
        raise Misread(r"has a `]` right after a `[`; write `\]` for the sign.")
    return at + 1


def _range(source: str, at: int, low: str) -> int:
    """Where a range ends whose `-` stands at `at`."""
    end, high = _character(source, at + 1)
    if not low or not high:
        raise Misread(r"has a `-` in brackets that makes no range; write `\-` for the sign.")
    if escape.code(low) > escape.code(high):
        raise Misread(f"has the range `{low}-{high}`, which ends before it begins.")
    return end


def _character(source: str, at: int) -> tuple[int, str]:
    r"""Where a character ends, and the character as it is written; "" for a class such as `\d`."""
    if source[at] != "\\":
        return at + 1, source[at]
    end, is_class = escape.passed(source, at)
    return end, "" if is_class else source[at:end]
