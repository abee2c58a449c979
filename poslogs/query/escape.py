"""Escapes: what a backslash makes in a regular expression, as far as RE2 and JavaScript agree."""

from __future__ import annotations

import re
from typing import Final

from poslogs.query.misread import Misread

CONTROLS: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}
CLASSES: Final = frozenset("dDwWsS")
PUNCTUATION: Final = frozenset(" !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")  # what a backslash makes literal
_HEX: Final = re.compile(r"x[0-9A-Fa-f]{2}")
_REFUSED: Final = {  # by name, with what to write instead
    "p": r"`\p`; write the characters out, as in `[a-zäöü]`",
    "P": r"`\P`; write the characters out, as in `[^a-zäöü]`",
    "Q": r"`\Q`; write a backslash before each sign that is meant literally",
    "E": r"`\E`; write a backslash before each sign that is meant literally",
    "A": r"`\A`; write `^`",
    "z": r"`\z`; write `$`",
    "Z": r"`\Z`; write `$`",
    "u": r"`\u`; write the character itself",
    "x": r"`\x` without two hexadecimal digits; write the character itself",
    "k": r"a backreference, `\k`; write what it stands for",
    "0": r"an octal number, `\0`; write `\x00`",
}


def passed(source: str, at: int) -> tuple[int, bool]:
    """Where an escape ends whose backslash stands at `at`, and whether it is a class. Raises Misread."""
    sign = source[at + 1 : at + 2]
    if not sign:
        raise Misread(r"ends in a backslash; write `\\` for one.")
    if found := _HEX.match(source, at + 1):
        return found.end(), False
    if sign in PUNCTUATION or sign in CONTROLS or sign in CLASSES:
        return at + 2, sign in CLASSES
    if sign in _REFUSED:
        raise Misread(f"has {_REFUSED[sign]}.")
    if "1" <= sign <= "9":
        raise Misread(f"has a backreference, `\\{sign}`; write what it stands for.")
    raise Misread(f"has `\\{sign}`, which means nothing here; leave the backslash out.")


def code(written: str) -> int:
    """The code point of a character, which may be written as an escape."""
    if written.startswith("\\x") and len(written) > 2:
        return int(written[2:], 16)
    return ord(written if len(written) == 1 else CONTROLS.get(written[1], written[1]))
