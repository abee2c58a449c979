"""Plain text: what others wrote, made fit for one line of a terminal or a log."""

from __future__ import annotations


def plain(text: str) -> str:
    r"""The text with everything that does not print as `\x1b` and its like, so that none of it acts on a terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
