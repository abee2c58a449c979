"""Holding: what a stream has while it is open, and gives back however it ends."""

from __future__ import annotations

from collections.abc import Callable

from poslogs.access.clients import Client
from poslogs.access.slots import Slots
from poslogs.errors import Unavailable
from poslogs.runtime import Runtime
from poslogs.servers.liveness import Disconnects
from poslogs.servers.sockets import Connection
from poslogs.streaming.stream import Stream

Hold = Callable[[Client, Stream, Connection], None]


def holding(slots: Slots[Stream], disconnects: Disconnects, runtime: Runtime) -> Hold:
    """What gives a stream a slot of its client's, and ends it when its reader leaves, its server stops or rights end.

    It raises TooMany or Unavailable; the stream is closed then.
    """

    def hold(client: Client, stream: Stream, connection: Connection) -> None:
        try:
            if runtime.draining:
                raise Unavailable("This server is stopping; try again in a moment.", retry_after=1)
            stream.on_close(slots.take(client, stream, connection.gone))
            stream.on_close(disconnects.watch(connection, stream.disconnected, stream))
            runtime.watch()
            runtime.drain_late(stream)
        except BaseException:
            stream.close()
            raise

    return hold
