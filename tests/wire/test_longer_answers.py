"""One answer is longer than the others can be: later, shorter ones may still be full, and do not end the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.upstream import LIVE, STREAM, told
from tests.support.platformos import PlatformOS
from tests.support.server import Server

PAGE = 400
LAST = 2000
LONGER: dict[str, Callable[[list[Any]], list[Any]]] = {
    "each row twice": lambda rows: [row for row in rows for _ in range(2)],
    "old rows before them": lambda rows: rows[:50] + rows,
    "rows that are none among them": lambda rows: rows + [None] * 50,
}


@pytest.mark.parametrize(("kind", "how"), list(zip(["gevent", "gthread", "gthread"], LONGER, strict=True)), ids=LONGER)
def test_readers_go_on_after_an_answer_that_was_longer_than_others(
    server: Callable[..., Server], platformos: PlatformOS, kind: str, how: str
) -> None:
    """One reader amid a backlog looks back for late rows. Another, further on, gets no notice of an id reset."""
    platformos.page = PAGE
    platformos.add_many(LAST)
    begun: list[bool] = []

    def arrange(rows: list[Any]) -> list[Any]:
        first, begun[:] = not begun, [True]
        return LONGER[how](rows) if first else rows

    platformos.arrange = arrange
    asked = {"env": "staging", "interval": 250}
    running = server(kind=kind)
    with running.stream(LIVE, {**asked, "lastId": "1000"}) as live:
        platformos.wait_for_requests(1)
        with running.stream(STREAM, {**asked, "lastId": "1900"}) as ahead:
            live.wait_entries(LAST - 1000)
            ahead.wait_entries(LAST - 1900)
            assert live.entry_ids == [str(number) for number in range(1001, LAST + 1)]
            assert ahead.entry_ids == [str(number) for number in range(1901, LAST + 1)]
            assert not any("were reset" in sentence for sentence in told(live) + told(ahead))
