"""A side: one environment with its client, whose rows cannot be taken for another's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.support.platformos import PlatformOS
from tests.support.rows import RawJson
from tests.wire.exchange import FETCH, STREAM, request


@dataclass
class Side:
    """An environment, the token that reads it, and its rows.

    Each row is full of its environment's name and its own id: any piece of it shows whose it is. Ids have no gaps from
    `first` on.
    """

    name: str
    token: str
    foreign: bytes  # what only rows of the other side hold
    first: int  # the id of its first row
    size: int  # bytes of a message
    platformos: PlatformOS
    last: int = 0  # the id of its newest row

    def __post_init__(self) -> None:
        self.last = self.first - 1

    def add(self, count: int) -> None:
        """List `count` more rows."""
        for _ in range(count):
            number = self.last + 1
            unit = f"{self.name} {number} "
            row = {
                "id": number,
                "created_at": "2026-01-01T00:00:00Z",
                "error_type": "info",
                "message": (unit * (self.size // len(unit) + 1))[: self.size],
                "data": {},
            }
            if number == self.first:
                self.platformos.add(row)
            else:
                self.platformos.stray(RawJson(json.dumps(row).encode()))  # made once, however often it is asked for
            self.last = number

    def stream(self, position: int) -> bytes:
        """The request for a stream of what comes after a position; 0 is before all rows."""
        return self._asking("/call-stream", STREAM, lastId=str(position), interval=250)

    def call(self, limit: int) -> bytes:
        """The request for the first `limit` rows in one answer."""
        return self._asking("/call", FETCH, limit=limit)

    def _asking(self, path: str, tool: str, **more: Any) -> bytes:
        body = json.dumps({"tool": tool, "input": {"env": self.name, **more}}).encode()
        return request(path, body, token=self.token)
