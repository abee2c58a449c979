"""A long log for the stand-in: its rows are made when they are asked for, so that there may be very many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.support.platformos import PlatformOS, Request

ROWS = 1_000_000


class LongLog:
    """A row a second, whose ids are `gap` apart; every tenth is an error."""

    def __init__(self, platformos: PlatformOS, *, rows: int = ROWS, gap: int = 1) -> None:
        """From now on the stand-in answers with these rows; an answer holds as many as it says."""
        self.began = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=rows)
        self.rows = rows
        self._gap = gap
        self._platformos = platformos
        platformos.instead = self._answer

    def at(self, row: int) -> str:
        """The time of a row, as platformOS writes it."""
        return (self.began + timedelta(seconds=row)).isoformat().replace("+00:00", "Z")

    def ids(self, first: int, last: int) -> list[str]:
        """The ids of the rows from one to another."""
        return [str(row * self._gap) for row in range(first, last + 1)]

    def asked(self, since: int = 0) -> int:
        """How many questions have come, after so many."""
        return len(self._platformos.requests) - since

    def _answer(self, request: Request) -> bytes:
        first = int(request.last_id or 0) // self._gap + 1
        last = min(first + self._platformos.page - 1, self.rows)
        return b'{"logs":[' + b",".join(map(self._row, range(first, last + 1))) + b"]}"

    def _row(self, row: int) -> bytes:
        kind = "info" if row % 10 else "error"
        return (
            f'{{"id":{row * self._gap},"created_at":"{self.at(row)}","error_type":"{kind}","message":"m","data":{{}}}}'
        ).encode()
