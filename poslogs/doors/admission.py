"""Admission: what a stream takes when it is let in, and gives back however it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from poslogs.access.clients import Client
from poslogs.access.slots import Slots
from poslogs.doors.access_line import access_line
from poslogs.errors import Unavailable
from poslogs.runtime import Runtime
from poslogs.servers.host import Host
from poslogs.servers.liveness import Disconnects
from poslogs.servers.sockets import Connection
from poslogs.streaming.driven import Driven
from poslogs.streaming.reason import Reason

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Admit = Callable[[Client, Driven, str, Connection, "WSGIEnvironment"], None]

HELD: Final = "poslogs.held"  # in the environ: the streams and answers that a request has opened


def admission(slots: Slots[Driven], disconnects: Disconnects, runtime: Runtime, host: Host) -> Admit:
    """A function that gives a stream one of its client's slots, and ends it when its reader leaves or its server stops.

    The function raises TooMany or Unavailable, and has closed the stream then. It notes the stream in the request's
    environ, where GivingBack finds it. It is given the tool's name for the log, which has a line when the stream ends.
    """

    def admit(client: Client, stream: Driven, tool: str, connection: Connection, environ: WSGIEnvironment) -> None:
        def cut_off() -> None:
            stream.end(reason=Reason.CUT)
            connection.shut()

        try:
            host.check()
            if runtime.draining:
                raise Unavailable("This server is stopping; try again in a moment.", retry_after=1)
            environ.setdefault(HELD, []).append(stream)
            stream.cut_off = cut_off
            stream.on_close(slots.take(client, stream, connection.gone))
            stream.on_close(access_line(client, stream, tool))  # before the slot is free: a stop waits for slots
            stream.on_close(disconnects.watch(connection, stream.disconnected, stream))
            runtime.watch()
            runtime.see_to(client, stream)
        except BaseException:
            stream.close()
            raise

    return admit


class GivingBack:
    """The app; streams and answers that a request has begun are closed when its response is not a 200.

    The server closes the body that it is given. When something fails between a route and the server, it is given
    another body, and would never close the first.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as the app does."""
        status = ""

        def noting(line: str, *more: Any) -> Any:
            nonlocal status
            status = line
            return start_response(line, *more)

        try:
            return self.app(environ, noting)
        except BaseException:
            status = ""
            raise
        finally:
            if HELD in environ and not status.startswith("200"):
                for held in environ[HELD]:
                    held.close()
