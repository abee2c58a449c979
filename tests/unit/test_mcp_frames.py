"""The frames of /mcp: every text travels, and nothing in it ends a frame."""

from __future__ import annotations

import json

import pytest

from poslogs.doors.mcp.sse import frame

TEXTS = [
    "é © € ¨ 日本 🎉",  # their bytes are among those of the line separators
    "a\u2028b\u2029c",
    "\r\n\r\ndata: {}\n\nevent: message",
    "\\u2028",
    "".join(map(chr, [*range(0x20), *range(0x7F, 0x800)])),
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_comes_out_as_it_went_in_on_one_line(text: str) -> None:
    """It is JSON between `data: ` and an empty line, safe for parsers that break lines at any separator."""
    sent = frame({"text": text}).decode()
    head, data, *rest = sent.splitlines()
    assert (head, rest) == ("event: message", [""])
    assert json.loads(data.removeprefix("data: ")) == {"text": text}
