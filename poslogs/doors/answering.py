"""Answering: a call's answer as it is written, piece by piece, and what it gives back however it ends."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Final

from poslogs.access.calls import Calls
from poslogs.access.clients import Client
from poslogs.deadlines import DEADLINES
from poslogs.doors.admission import HELD
from poslogs.servers.liveness import Disconnects
from poslogs.servers.sockets import Connection
from poslogs.streaming.answer import PIECE_BYTES
from poslogs.streaming.backfill import Asker
from poslogs.streaming.large import LARGE, LARGE_BYTES

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Begin = Callable[[Client, "WSGIEnvironment"], "Answering"]

_HEAD: Final = b'{"content":[{"type":"text","text":"'
_END: Final = b'"}]}'


def beginning(calls: Calls, disconnects: Disconnects, unread: float) -> Begin:
    """A function that gives a call its place until its answer is closed. It raises Unavailable when there is none.

    A client that does not take the next piece of its answer for `unread` seconds is cut off.
    """

    def begin(client: Client, environ: WSGIEnvironment) -> Answering:
        connection = Connection(environ)
        answering = Answering(client, connection, unread)
        environ.setdefault(HELD, []).append(answering)
        answering.on_close(calls.take(client))
        answering.on_close(disconnects.watch(connection, answering.asker.leave, until_reset=True))
        return answering

    return begin


class Answering:
    """One call: its `asker`, and its answer as the iterable that a WSGI server sends.

    When the answer fails half-way, the iterable raises: the server cuts the connection, so that the client does not
    take what it has for the whole.
    """

    def __init__(self, client: Client, connection: Connection, unread: float) -> None:
        self.asker = Asker(client.id)
        self._connection = connection
        self._unread = unread
        self._pieces: Iterator[bytes] = iter(())
        self._body: Iterator[bytes] | None = None
        self._closing: list[Callable[[], None]] = []

    def on_close(self, give_back: Callable[[], None]) -> None:
        """Have this function called when the answer is over, however it ends."""
        self._closing.append(give_back)

    def begin(self, pieces: Iterator[bytes]) -> int | None:
        """Take the pieces of the answer's inner JSON. Returns the length of the whole answer in bytes, if it is known.

        All pieces but the last have PIECE_BYTES, or more. The first is made now; its errors are raised here.
        """
        self._pieces = pieces
        first = _HEAD + _inside(next(pieces))
        if len(first) < PIECE_BYTES:
            first += _END
            self._body = self._timely(first)
            return len(first)
        self._body = self._send(first)
        return None

    def __iter__(self) -> Iterator[bytes]:
        return self._body or iter(())

    def close(self) -> None:
        """End the answer. The server calls this at the end, however that came (PEP 3333)."""
        for pieces in (self._body, self._pieces):
            if isinstance(pieces, Generator):
                pieces.close()
        closing, self._closing = self._closing, []
        for give_back in reversed(closing):
            give_back()

    def _send(self, first: bytes) -> Iterator[bytes]:
        yield from self._timely(first)
        del first
        for piece in map(_inside, self._pieces):
            yield from self._timely(piece)
        yield from self._timely(_END)

    def _timely(self, data: bytes) -> Iterator[bytes]:
        try:
            if len(data) > LARGE_BYTES:
                LARGE.hold(self, data, self._connection.shut)
            with DEADLINES.within(self._unread, self._connection.shut):
                yield data
        finally:
            LARGE.let_go(self)


def _inside(inner: bytes) -> bytes:
    """JSON as the inside of a JSON string; it has no control characters, so quotes and backslashes are all there is."""
    return inner.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
