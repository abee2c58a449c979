"""Plain text: text from outside, made safe for a terminal, a log or a model."""

from __future__ import annotations

import re
from typing import Any, Final


def plain(text: str) -> str:
    r"""The text with every character that does not print escaped, as in `\x1b`, so that none acts on a terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def visible(text: str) -> str:
    r"""The text with its control characters escaped, as in `\x1b`, except line feed and tab."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def all_visible(value: Any) -> Any:
    """A JSON value with `visible` applied to every string in it, names too."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(name): all_visible(inner) for name, inner in value.items()}
    return [all_visible(inner) for inner in value] if isinstance(value, list) else value


_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # C0, DEL and C1
