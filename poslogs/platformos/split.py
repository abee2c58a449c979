"""Splitting: where the values of an answer begin and end, by brackets, quotes and commas, before anything is parsed.

What it is for, and how long an answer may take, is docs/decisions/0016-split-before-parsed.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from poslogs.platformos.work import CUT_OFF, NO_OBJECT, NOT_JSON, TOO_MUCH, NotALog, Work

MAX_NAMES: Final = 10_000  # members that are searched for one name
ESCAPES: Final = 500  # escapes of a string, or values, that one match passes at most, so that no match takes long

Body = bytes | bytearray | memoryview


def member(body: Body, name: bytes, work: Work) -> int | None:
    """Where the value of a member of the outermost object begins; None when it has no such member.

    `name` includes its quotes. The first of several members counts. Raises NotALog where the body is not JSON.
    """
    start = _skip(body, 0)
    if body[start : start + 1] != b"{":
        raise NotALog(_kind(body, start))
    pos = start + 1
    if _END_OF_OBJECT.match(body, pos):
        return None
    for _ in range(MAX_NAMES):
        work.step()
        key = _KEY.match(body, pos)
        if key is None:
            raise _broken(body, _skip(body, pos))
        if body[key.start(1) : key.end(1)] == name:
            return key.end()
        pos = end_of(body, key.end(), work)
        after = _AFTER_MEMBER.match(body, pos)
        if after is None:
            raise _broken(body, _skip(body, pos))
        pos = after.end()
        if body[pos - 1] != COMMA:
            return None
    raise NotALog(TOO_MUCH)


def elements(body: Body, start: int, work: Work) -> Iterator[tuple[int, int]]:
    """Where each element of the list at `start` begins and ends.

    What follows the list is read too, to the end of the object that the list is in. Raises NotALog where the body is
    not JSON.
    """
    empty = _END_OF_LIST.match(body, start + 1)
    pos = empty.end() if empty else start + 1
    while not empty:
        work.step()
        usual = _ROW.match(body, pos)
        if usual is not None:
            yield usual.span(1)
            pos = usual.end()
        else:
            begin = _skip(body, pos)
            end = end_of(body, begin, work)
            after = _AFTER_ELEMENT.match(body, end)
            if after is None:
                raise _broken(body, _skip(body, end))
            yield begin, end
            pos = after.end()
        if body[pos - 1] != COMMA:
            break
    if _skip(body, _close(body, pos, 1, work)) < len(body):
        raise NotALog(NOT_JSON)


def end_of(body: Body, start: int, work: Work) -> int:
    """Where the value that begins at `start` ends. Raises NotALog if there is no value, or if it does not end."""
    first = body[start : start + 1]
    if first == b'"':
        return _end_of_string(body, start, work)
    if first in (b"{", b"["):
        return _close(body, start + 1, 1, work)
    scalar = _SCALAR.match(body, start)
    if scalar is None:
        raise _broken(body, start)
    return scalar.end()


def exceeds(body: bytes, most: int, work: Work) -> bool:
    """Whether a value holds more than `most` others: members, elements, objects and lists."""
    if _count(body) <= most:
        return False
    count = pos = 0
    while pos < len(body) and count <= most:
        found = _PIECE.match(body, pos)
        assert found is not None  # it may be empty
        count += _count(_TEXTS.sub(b"", found.group()))
        pos = found.end()
        if body[pos : pos + 1] == b'"':
            pos = _end_of_string(body, pos, work)
        work.step()
    return count > most


def _count(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def _close(body: Body, pos: int, depth: int, work: Work) -> int:
    """Where the last of the `depth` brackets that are open at `pos` closes."""
    while True:
        found = _INSIDE.match(body, pos)
        assert found is not None  # it may be empty
        pos = found.end()
        if found.lastindex == 1:
            depth += pos - found.start(1)
        elif found.lastindex == 2:
            run = pos - found.start(2)
            if run >= depth:
                return found.start(2) + depth
            depth -= run
        elif pos >= len(body):
            raise NotALog(CUT_OFF)
        elif body[pos] == QUOTE:
            pos = _end_of_string(body, pos, work)
        work.step()


def _end_of_string(body: Body, start: int, work: Work) -> int:
    pos = start + 1
    while True:
        found = _TEXT.match(body, pos)
        assert found is not None  # it may be empty
        pos = found.end()
        if body[pos : pos + 1] == b'"':
            return pos + 1
        if pos >= len(body) - 1:
            raise NotALog(CUT_OFF)
        work.step()


def _skip(body: Body, pos: int) -> int:
    found = _SPACE.match(body, pos)
    assert found is not None  # it may be empty
    return found.end()


def _broken(body: Body, pos: int) -> NotALog:
    return NotALog(CUT_OFF if pos >= len(body) else NOT_JSON)


def _kind(body: Body, start: int) -> str:
    first = bytes(body[start : start + 1])
    return "HTML" if first == b"<" else NO_OBJECT if first in (b"[", b'"') else NOT_JSON


QUOTE: Final = ord('"')
COMMA: Final = ord(",")

# The first quote mostly ends a text, as nothing escapes it; that case is five times as fast.
_WHOLE_TEXT: Final = rb'"(?:[^"]*+(?<!\\)"|[^"\\]*+(?:\\.[^"\\]*+){0,%d}+")' % ESCAPES
_SPACE: Final = re.compile(rb"[ \t\r\n]*+")
_SCALAR: Final = re.compile(rb'[^",:\[\]{} \t\r\n]++')
_END_OF_OBJECT: Final = re.compile(rb"[ \t\r\n]*+}")
_END_OF_LIST: Final = re.compile(rb"[ \t\r\n]*+]")
_AFTER_MEMBER: Final = re.compile(rb"[ \t\r\n]*+[,}]")
_AFTER_ELEMENT: Final = re.compile(rb"[ \t\r\n]*+[,\]]")
_KEY: Final = re.compile(rb"[ \t\r\n]*+(" + _WHOLE_TEXT + rb")[ \t\r\n]*+:[ \t\r\n]*+", re.DOTALL)
_TEXT: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+){0,%d}+' % ESCAPES, re.DOTALL)
# A list or an object of texts and scalars alone, then one that also holds such lists and objects.
_FLAT: Final = rb'[\[{](?:[^"\[\]{}]++|%b){0,50}+[\]}]' % _WHOLE_TEXT
_LOW: Final = rb'[\[{](?:[^"\[\]{}]++|%b|%b){0,50}+[\]}]' % (_WHOLE_TEXT, _FLAT)
# Nearly every row, in one match.
_ROW: Final = re.compile(
    rb'[ \t\r\n]*+(\{(?:[^"\[\]{}]++|%b|%b){0,100}+\})[ \t\r\n]*+[,\]]' % (_WHOLE_TEXT, _LOW), re.DOTALL
)
# What leaves the depth unchanged, then a run of opening or of closing brackets.
_INSIDE: Final = re.compile(
    rb'(?:[^"\[\]{}]++|%b|%b){0,%d}+(?:([\[{]++)|([\]}]++))?' % (_WHOLE_TEXT, _FLAT, ESCAPES), re.DOTALL
)
_PIECE: Final = re.compile(rb'(?:[^"]++|%b){0,%d}+' % (_WHOLE_TEXT, ESCAPES), re.DOTALL)
_TEXTS: Final = re.compile(_WHOLE_TEXT, re.DOTALL)
