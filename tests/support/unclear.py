"""Bodies of answers that say nothing about a log: neither that it has rows, nor that it has none."""

from __future__ import annotations

UNCLEAR = {
    "empty": b"",
    "blank": b" \r\n",
    "no-logs": b"{}",
    "null-logs": b'{"logs":null}',
    "no-rows": b'{"logs":[1,null,"x",[]]}',
    "no-ids": b'{"logs":[{"message":"m"},{"id":0},{"id":"x"}]}',
}
