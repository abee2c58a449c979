"""Bodies of answers that tell nothing of a log: neither that rows are there, nor that none are."""

from __future__ import annotations

UNCLEAR = {
    "empty": b"",
    "blank": b" \r\n",
    "no-logs": b"{}",
    "null-logs": b'{"logs":null}',
    "no-rows": b'{"logs":[1,null,"x",[]]}',
    "no-ids": b'{"logs":[{"message":"m"},{"id":0},{"id":"x"}]}',
}
