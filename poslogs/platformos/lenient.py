"""Lenient JSON: what platformOS may write that strict JSON does not allow.

NaN, Infinity and 1e999 become null, integers of 20 digits or more floats (null beyond their range), and lone
surrogates U+FFFD.
"""

from __future__ import annotations

import json
import math
import re
from typing import Final


def decode(text: str) -> object:
    """The value of a text. Raises ValueError where it is not JSON, RecursionError where it is nested too deeply."""
    return _clean(_DECODER.decode(text))


def _clean(value: object) -> object:
    """The value without lone surrogates, which UTF-8 cannot carry."""
    if isinstance(value, str):
        return _LONE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {str(_clean(key)): _clean(item) for key, item in value.items()}
    return value


def _whole_number(digits: str) -> int | float | None:
    return int(digits) if len(digits) < 20 else _finite(digits)


def _finite(digits: str) -> float | None:
    value = float(digits)
    return value if math.isfinite(value) else None


_DECODER: Final = json.JSONDecoder(
    parse_constant=lambda _: None, parse_int=_whole_number, parse_float=_finite, strict=False
)
_LONE: Final = re.compile("[\ud800-\udfff]")  # the parser has joined pairs
