"""An answer: the body that platformOS sent, made into rows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator
from typing import Final

import orjson

from poslogs.platformos import cut, lenient, split
from poslogs.platformos.split import Body
from poslogs.platformos.work import NO_OBJECT, NOT_JSON, NotALog, Turn, Work, nobody

__all__ = ["NotALog", "Rows", "Unreadable", "rows"]

MOST_ROWS: Final = 20_000  # rows of one answer that are taken, where no setting says otherwise
WHOLE_BYTES: Final = 2 * 1024 * 1024  # a body up to this size is parsed in one go
FEW_BYTES: Final = 256 * 1024  # a body up to this size is parsed without counting its brackets first
ODD_BYTES: Final = 64 * 1024  # a body up to this size is parsed in one go even if it is not strict JSON
GROUP_BYTES: Final = 64 * 1024  # rows of a larger body are parsed together up to this size
MAX_ROW_BYTES: Final = 16 * 1024 * 1024  # a larger row is not an entry; a character may take six bytes of it
LENIENT_BYTES: Final = 8 * 1024 * 1024  # nor is a larger row that strict JSON refuses: the lenient way takes ten times
MAX_VALUES: Final = 100_000  # nor is a row with more values in it: each takes up to a hundred bytes, and time


class Unreadable:
    """A row inside a readable answer that is not parsed; the reason says why.

    `id` is the id that its text gives, "" without one; `mark` is a hash by which it is known again.
    """

    def __init__(self, text: Body, reason: str = "a row that cannot be read") -> None:
        self.reason = reason
        self.mark = hashlib.blake2b(text, digest_size=8).hexdigest()
        self.id = ""
        try:
            start = split.member(text, b'"id"', Work())
        except NotALog:
            return
        if start is not None and (found := _ID.match(text, start)):
            self.id = bytes(found[1]).decode()


class Rows(Collection[object]):
    """The rows of a large answer, parsed a few at a time, and again at each iteration.

    `left_out`: how many rows more came that cannot be entries. `more`: rows past the last id came and are not here.
    `listed`: the answer had a list of rows, so an empty one means that the log has none. `turn` is called whenever
    others have had a turn while rows are parsed.
    """

    def __init__(
        self,
        texts: list[bytes | Unreadable],
        left_out: int,
        *,
        more: bool,
        listed: bool = True,
        turn: Turn = nobody,
    ) -> None:
        self.left_out = left_out
        self.more = more
        self.listed = listed
        self._texts = texts
        self._turn = turn

    def __len__(self) -> int:
        return len(self._texts)

    def __contains__(self, row: object) -> bool:
        return any(row == each for each in self)

    def __iter__(self) -> Iterator[object]:
        work = Work(self._turn)
        group: list[bytes] = []
        size = 0
        for text in self._texts:
            if isinstance(text, Unreadable):
                yield from _parsed(group)
                yield text
                group, size = [], 0
                continue
            group.append(text)
            size += len(text)
            if size >= GROUP_BYTES:
                yield from _parsed(group)
                group, size = [], 0
            work.step()
        yield from _parsed(group)


def rows(body: bytes | bytearray, after: int = 0, most: int = MOST_ROWS, turn: Turn = nobody) -> Collection[object]:
    """The rows of an answer, in its own order; none, and not `listed`, of an empty body or one without `logs`.

    A bad row does not spoil the others: it comes as `Unreadable`. Of more than `most` rows, or cut.MOST_BYTES of
    them, those with the lowest ids past `after` come. `turn` is called whenever others have had a turn meanwhile.
    Raises NotALog when the body is not an answer of the log API.
    """
    if not body or body.isspace():
        return _unlisted()
    if len(body) <= WHOLE_BYTES and (len(body) <= FEW_BYTES or body.count(b"[") + body.count(b"{") <= MAX_VALUES):
        try:
            found = _logs(orjson.loads(body))
        except orjson.JSONDecodeError:
            if len(body) <= ODD_BYTES:
                return _leniently(body, after, most, turn)
        else:
            if found is None:
                return _unlisted()
            if len(found) <= most:
                return found
            del found
    return _apart(body, after, most, turn)


def _unlisted() -> Rows:
    return Rows([], 0, more=False, listed=False)


def _logs(answer: object) -> list[object] | None:
    if not isinstance(answer, dict):
        raise NotALog(NO_OBJECT)
    logs = answer.get("logs")
    if logs is not None and not isinstance(logs, list):
        raise NotALog(NO_LIST)
    return logs


def _leniently(body: bytes | bytearray, after: int, most: int, turn: Turn) -> Collection[object]:
    text = body.decode("utf-8", "replace")
    try:
        found = _logs(lenient.decode(text))
    except RecursionError:
        return _apart(body, after, most, turn)  # one row is too deep: take the rows one by one
    except ValueError:
        raise NotALog("HTML" if text.lstrip()[:1] == "<" else NOT_JSON) from None
    if found is None:
        return _unlisted()
    return found if len(found) <= most else _apart(body, after, most, turn)


def _apart(body: bytes | bytearray, after: int, most: int, turn: Turn) -> Collection[object]:
    """The rows of an answer that is too large, or too odd, to be parsed in one go."""
    work = Work(turn)
    start = split.member(body, b'"logs"', work)
    if start is None or body[start : start + 4] == b"null":
        return _unlisted()
    if body[start : start + 1] != b"[":
        raise NotALog(NO_LIST)
    with memoryview(body) as view:
        taken = cut.lowest(_texts(view, start, work), _parse, after, most, work)
    return Rows(*taken[:2], more=taken[2], turn=turn)


def _texts(body: memoryview, start: int, work: Work) -> Iterator[bytes | Unreadable]:
    for begin, end in split.elements(body, start, work):
        yield _text(body[begin:end], work)


def _text(row: memoryview, work: Work) -> bytes | Unreadable:
    if len(row) > MAX_ROW_BYTES:
        return Unreadable(row, TOO_LARGE)
    text = bytes(row)
    if len(text) <= MAX_VALUES:
        return text
    if cut.weight(text) > MAX_ROW_BYTES or split.exceeds(text, MAX_VALUES, work):
        return Unreadable(text, TOO_LARGE)
    return text


def _parsed(texts: list[bytes]) -> list[object]:
    if len(texts) > 1:
        try:
            found: list[object] = orjson.loads(b"[%b]" % b",".join(texts))
        except orjson.JSONDecodeError:
            pass  # one of them is odd: parse each by itself
        else:
            return found
    return [_parse(text) for text in texts]


def _parse(text: bytes) -> object:
    try:
        return orjson.loads(text)  # whether a row is taken must not depend on the rows beside it
    except orjson.JSONDecodeError:
        if len(text) > LENIENT_BYTES:
            return Unreadable(text, TOO_LARGE)
    try:
        return lenient.decode(text.decode("utf-8", "replace"))
    except (RecursionError, ValueError):
        return Unreadable(text)


NO_LIST: Final = "`logs` that is not a list"
TOO_LARGE: Final = "a row that is too large"

_ID: Final = re.compile(rb'"?([0-9]{1,19})"?\s*[,}]')
