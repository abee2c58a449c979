"""Fetching: what platformos.logs.fetch does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from poslogs.platformos.entries import shortened
from poslogs.platformos.environments import Environment
from poslogs.streaming import fetch
from poslogs.streaming.answer import PIECE_BYTES
from poslogs.streaming.around import around
from poslogs.streaming.backfill import Asker
from poslogs.streaming.found import Found
from poslogs.streaming.stream import Start
from poslogs.tools.inputs import Input
from poslogs.tools.selection import around_of, max_message_of, selection_of, start_of
from poslogs.tools.toolbox import Toolbox


def answer(toolbox: Toolbox, environment: Environment, input_: Input, asker: Asker) -> Iterator[bytes]:
    """The entries, the position to go on from, and whether there are more, read from platformOS as they are sent."""
    most = max_message_of(input_)
    with found_in(toolbox, environment, input_, asker) as found:
        made = bytearray(b'{"logs":[')
        comma = b""
        for piece in found.pieces:
            for entry in piece:
                made += comma + shortened(entry.json, most)
                comma = b","
            piece.clear()  # its maker holds it until the client has read on
            del entry
            if len(made) >= PIECE_BYTES:
                yield _taken(made)
        made += b'],"lastId":"%d","truncated":%s}' % (found.last, b"true" if found.truncated else b"false")
    yield _taken(made)


@contextmanager
def found_in(
    toolbox: Toolbox,
    environment: Environment,
    input_: Input,
    asker: Asker,
    start: Start | None = None,
    *,
    newest_first: bool = False,
) -> Iterator[Found]:
    """The first `limit` entries after `lastId` or `since`, those `around` one, or without these the newest.

    The newest may come newest first. `tail` is how many of the newest, in place of `limit`; `until` is where all end.
    `start` is where the input begins in this environment, if that is not for the input alone to say.

    Raises BadInput; in its body, Unavailable when platformOS gives nothing, TokenRefused when it never will.
    """
    selection = selection_of(input_, late=False)
    start = start or start_of(input_, env=environment.name)
    middle, until = around_of(input_), input_.get("until", "")
    limit = input_["limit"] if start.tail is None else start.tail
    name = environment.name
    with toolbox.asking(environment, asker) as ask:
        if middle is not None:
            found = around(ask, name, middle, limit, selection)
        elif start.position is not None:
            found = fetch.first(ask, start.position, limit, selection, until=until)
        elif start.since is not None:
            found = fetch.since(ask, name, start.since, limit, selection, until=until)
        else:
            which = fetch.latest if newest_first else fetch.newest
            found = which(ask, name, limit, selection, until=until)
        found.misses = lambda: toolbox.misses_rows(environment)
        try:
            yield found
        finally:
            found.close()


def _taken(made: bytearray) -> bytes:
    taken = bytes(made)
    made.clear()
    return taken
