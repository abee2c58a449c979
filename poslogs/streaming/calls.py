"""The questions of a call: put to platformOS in its client's turn, and waited for in its own thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from poslogs.platformos.gateway import GatewayError, Unclear
from poslogs.streaming.answer import Answer
from poslogs.streaming.backfill import Asker, Backfill
from poslogs.streaming.backward import Ask
from poslogs.streaming.outage import waiting
from poslogs.streaming.upstream import Upstream

CALL_SECONDS: Final = 60.0  # longest wait of a call for one answer, including the wait for its turn
UNCLEAR_SECONDS: Final = 10.0  # how long a call asks again after answers that say nothing


@contextmanager
def asking(upstream: Upstream, asker: Asker) -> Iterator[Ask]:
    """A function that asks a call's questions; inside, its connections are kept for the next question.

    Of its answers only the last one that has rows is kept, and none when it is over.
    """
    kept: Backfill | None = None

    def ask(position: int) -> Answer:
        nonlocal kept
        backfill, found = answered(upstream, position, asker)
        kept, passed = (backfill, kept) if found.last > position else (kept, backfill)
        if passed is not None:
            passed.let_go(upstream.answers)
        return found

    with upstream.gateways.kept():
        try:
            yield ask
        finally:
            if kept is not None:
                kept.let_go(upstream.answers)


def answer(upstream: Upstream, position: int, asker: Asker) -> Answer:
    """The answer to a call's question, as `answered`."""
    return answered(upstream, position, asker)[1]


def answered(upstream: Upstream, position: int, asker: Asker) -> tuple[Backfill, Answer]:
    """A call's question with its answer, waited for; calls that ask the same share it while it is asked.

    Raises GatewayError: also while platformOS wants us to wait, after CALL_SECONDS, and once the asker has gone.
    """
    begun = upstream.clock()
    unclear = 0
    while True:
        outage = upstream.outage
        if outage is not None and (pause := outage.pause):
            raise GatewayError(outage.sentence, retry_after=pause)
        backfill = _ask(upstream, position, asker, begun + CALL_SECONDS)
        found = backfill.error or backfill.answer
        if isinstance(found, Answer):
            return backfill, found
        if isinstance(found, Unclear) and upstream.clock() < begun + UNCLEAR_SECONDS:
            _pause(upstream, asker, min(waiting(unclear), begun + UNCLEAR_SECONDS - upstream.clock()))
            unclear += 1
        elif found is not None:
            raise GatewayError(found.sentence, refused=found.refused, retry_after=found.retry_after)


def _ask(upstream: Upstream, position: int, asker: Asker, end: float) -> Backfill:
    """One question, once it is done.

    Raises GatewayError once the asker has gone, and at `end`, a time on the clock.
    """
    name = upstream.environment.name
    backfill = upstream.backfills.add(("call", position), position, asker.client, asker.wake, shared=False)
    try:
        while not backfill.done:
            left = end - upstream.clock()
            if asker.gone:
                raise GatewayError(f"The client of a call to environment {name} has gone.")
            if left <= 0:
                raise GatewayError(f"Environment {name} answers too slowly; try again later.")
            asker.wake.wait(left)
            asker.wake.clear()
    finally:
        upstream.backfills.leave(backfill, asker.client, asker.wake)
    return backfill


def _pause(upstream: Upstream, asker: Asker, seconds: float) -> None:
    """Pause a call; return early once its client has gone."""
    end = upstream.clock() + seconds
    while not asker.gone and (left := end - upstream.clock()) > 0:
        asker.wake.wait(left)
        asker.wake.clear()
