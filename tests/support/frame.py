"""One block of an event stream, and the strict parser that makes blocks of bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

FIELDS = ("id", "event", "data", "retry")


@dataclass(frozen=True, slots=True)
class Frame:
    """What stood between two blank lines; a field that was not sent is None."""

    id: str | None
    event: str | None
    data: str | None
    comment: str | None
    at: float  # monotonic, when its last byte arrived
    raw: bytes
    retry: str | None = None

    @property
    def inner(self) -> dict[str, Any]:
        """The object in the text in the data: the entry or the error that this frame carries."""
        outer = json.loads(self.data or "")
        assert outer["type"] == ("text" if self.event == "data" else "error"), self.raw
        inner = json.loads(outer["text"])
        assert isinstance(inner, dict), self.raw
        return inner


class FrameParser:
    """Bytes in, frames out, as WHATWG has it but with LF for the only line end.

    Raises AssertionError at what a lenient parser would swallow: CR, bytes that are not UTF-8, unknown fields, an
    id with NUL, a frame without anything.
    """

    def __init__(self) -> None:
        self.rest = b""  # the block that has not ended yet

    def feed(self, data: bytes, at: float) -> list[Frame]:
        """The frames that `data` completes."""
        *blocks, self.rest = (self.rest + data).split(b"\n\n")
        return [_frame(block, at) for block in blocks]


def _frame(block: bytes, at: float) -> Frame:
    raw = block + b"\n\n"
    assert b"\r" not in block, f"a CR in {raw!r}"
    fields: dict[str, list[str]] = {}
    for line in block.decode("utf-8", "strict").split("\n"):
        name, colon, value = line.partition(":")
        assert colon == ":", f"an odd line {line!r} in {raw!r}"
        assert name in (*FIELDS, ""), f"an odd field {line!r} in {raw!r}"
        fields.setdefault(name, []).append(value.removeprefix(" "))
    texts = {name: "\n".join(values) for name, values in fields.items()}
    assert all(len(fields.get(name, ())) < 2 for name in ("id", "event", "retry")), f"a field twice in {raw!r}"
    assert "\0" not in texts.get("id", ""), f"NUL in the id of {raw!r}"
    return Frame(
        id=texts.get("id"),
        event=texts.get("event"),
        data=texts.get("data"),
        comment=texts.get(""),
        at=at,
        raw=raw,
        retry=texts.get("retry"),
    )
