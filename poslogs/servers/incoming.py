"""What a thread reads from a client, so that it is known when the thread waits for the client, and when for its turn.

gunicorn's master imports this module.
"""

from __future__ import annotations

from typing import Any

from gunicorn.http.unreader import SocketUnreader

from poslogs.servers.visit import READING, Visit


class Incoming(SocketUnreader):
    """The bytes of a client's requests; its visit is READING from where a thread needs more of them.

    Whoever needs them for a time says when that is over (`Visit.begin`, `visit.reading`): a client that sends byte by
    byte does not begin its time anew. `known` is a BytesIO with what was read before.
    """

    def __init__(self, sock: Any, visit: Visit, known: Any) -> None:
        super().__init__(sock)
        self.buf = known
        self._visit = visit

    def chunk(self, size_hint: int | None = None) -> bytes:
        """The next bytes, as soon as there are some."""
        if self._visit.state != READING:
            self._visit.enter(READING)
        return bytes(super().chunk(size_hint))
