"""An answer: the body that platformOS sent, made into rows."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Final

import orjson


class NotALog(Exception):
    """The body is no answer of the log API; the message says what it is instead."""


class Unreadable:
    """A row inside a readable answer that no parser takes: too deep, or an impossible number.

    `id` is what its text says it is, "" where it says nothing.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.id = next((found[1] for _, end in _members(text, '"id"') if (found := _ID.match(text, end))), "")


def rows(body: bytes) -> list[object]:
    """The rows of an answer, in its own order; an empty body and a missing `logs` mean none (platformos.md).

    One bad row does not spoil the others: it comes as `Unreadable`. Raises NotALog when the whole is no answer.
    """
    if not body.strip():
        return []
    try:
        return _logs(orjson.loads(body))
    except orjson.JSONDecodeError:
        return _leniently(body.decode("utf-8", "replace"))


def _logs(answer: object) -> list[object]:
    if not isinstance(answer, dict):
        raise NotALog("JSON that is no object")
    logs = answer.get("logs")
    if logs is None:
        return []
    if not isinstance(logs, list):
        raise NotALog("`logs` that is no list")
    return logs


def _leniently(text: str) -> list[object]:
    try:
        return _logs(_clean(_DECODER.decode(text)))
    except RecursionError:
        pass  # one row is too deep: take the rows one by one
    except ValueError:
        raise NotALog("HTML" if text.lstrip()[:1] == "<" else "something that is not JSON") from None
    found: list[object] = []
    for row in _split(text):
        try:
            found.append(_row(row))
        except (RecursionError, ValueError):
            found.append(Unreadable(row))
    return found


def _row(text: str) -> object:
    try:
        return orjson.loads(text)  # what it takes among its like must not depend on a row beside it
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return _clean(_DECODER.decode(text))


def _whole_number(digits: str) -> int | float | None:
    return int(digits) if len(digits) < 20 else _finite(digits)


def _finite(digits: str) -> float | None:
    value = float(digits)
    return value if math.isfinite(value) else None


# What strict JSON has no word for (NaN, Infinity, 1e999, an integer of 5,000 digits) becomes null or a float.
_DECODER: Final = json.JSONDecoder(
    parse_constant=lambda _: None, parse_int=_whole_number, parse_float=_finite, strict=False
)
# A string without an end is one token up to the end, or each of its quotes would be tried.
_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)
_ID: Final = re.compile(r'\s*:\s*"?([0-9]{1,19})"?\s*[,}]')
_LIST: Final = re.compile(r"\s*:\s*\[")


def _members(text: str, name: str) -> Iterator[tuple[int, int]]:
    """Where a name (with its quotes) stands right inside of the outermost object, and where it ends."""
    depth = 0
    for token in _TOKEN.finditer(text):
        mark = token.group()
        if mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
        elif depth == 1 and mark == name:
            yield token.start(), token.end()


def _clean(value: object) -> object:
    """The value without lone surrogates, which UTF-8 cannot carry."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {str(_clean(key)): _clean(item) for key, item in value.items()}
    return value


def _split(text: str) -> list[str]:
    """The texts of the members of `logs`, found by their brackets and commas alone."""
    if text.lstrip()[:1] != "{":
        raise NotALog("JSON that is no object")
    start = next((found for _, end in _members(text, '"logs"') if (found := _LIST.match(text, end))), None)
    if start is None:
        return []
    parts: list[str] = []
    depth = 0
    begin = start.end()
    for token in _TOKEN.finditer(text, begin):
        mark = token.group()[0]
        if mark in "[{":
            depth += 1
        elif depth and mark in "]}":
            depth -= 1
        elif not depth and mark in ",]":
            parts.append(text[begin : token.start()].strip())
            begin = token.end()
            if mark == "]":
                return parts if parts != [""] else []
    raise NotALog("JSON that is cut off")
