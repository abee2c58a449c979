"""fingerprint.js: errors of one kind are known by the same fingerprint here as in reports."""

from __future__ import annotations

import random
from collections.abc import Callable

from poslogs.streaming.report import fingerprint
from tests.page.modules.conftest import OpenTab
from tests.support.server import Server

Start = Callable[..., Server]

RUN = """async (messages) => {
  const { fingerprint } = await import("/page/fingerprint.js");
  return messages.map(fingerprint);
}"""

MESSAGES = [
    "",
    "  spaces\tand\n lines ",
    "Liquid error: can't find partial 'it's/mine' at line 12",
    "undefined method `price' for nil:NilClass",
    'Order "1234" of "a \\"b\\" c" failed after 30.5 s at 12:30:11',
    "GET /orders?page=2&q=a%20b took 120ms (10.0.0.1:443, v1.2.3)",
    "mail to o'neil+x@example.co.uk, b@c.d bounced: 1, 2, 3",
    "id 550e8400-e29b-41d4-a716-446655440000 and #42, user_17, abc123def",
    "“typographic” and `code` and \\\"escaped\\\" and 'don't'",
    "٣ arabic, ² square, ① circled, Ⅷ roman, 中文, Ünïcödé5, e\u0301",
    "\ufeffmark\u2028separators\x85next\x1cfile\xa0hard",
    "😀" * 600,
    "x" * 499 + "'quoted'",
    'unclosed "quote\nand next"',
]
SIGNS = "ab1'\"`“” ?=&@.-_#,:/+\\\n\t()<>é²٣中 \x1c\x85\ufeff\u2028\r😀"


def test_fingerprints_are_those_of_reports(server: Start, tab: OpenTab) -> None:
    """Over messages as they are, and thousands that nobody would write, from a seed that is always the same."""
    dice = random.Random(6)
    odd = ["".join(dice.choices(SIGNS, k=dice.randrange(60))) for _ in range(5000)]
    messages = MESSAGES + odd
    found = tab(server(environments=None)).run(RUN, messages)
    pairs = zip(messages, found, strict=True)
    differ = [(message, text, fingerprint(message)) for message, text in pairs if text != fingerprint(message)]
    assert differ == []
