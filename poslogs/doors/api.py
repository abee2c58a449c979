"""The guide's routes for tools: /call-stream, /call and /tools."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from flask import Request, Response, g, request

from poslogs.access.clients import Client
from poslogs.doors import body
from poslogs.doors.admission import Admit
from poslogs.doors.answering import Begin
from poslogs.doors.door import Door, json_response
from poslogs.errors import BadInput, Unavailable
from poslogs.plain import plain
from poslogs.runtime import Runtime
from poslogs.servers.sockets import Connection
from poslogs.streaming.body import Body
from poslogs.tools import environments, table
from poslogs.tools.inputs import Input
from poslogs.tools.table import TOOLS, T
from poslogs.tools.tool import EndingTool, StreamingTool
from poslogs.tools.toolbox import Toolbox

STREAM_HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    "Vary": "Accept-Encoding",
}

KNOWN_BODIES: Final = 256  # most callers send the same body again and again: it is parsed and checked once
MAX_KNOWN_BYTES: Final = 1024  # a longer body is parsed each time


def blueprint(toolbox: Toolbox, runtime: Runtime, admit: Admit, begin: Begin) -> Door:
    """The routes, on these parts."""
    routes = Door("api", __name__)
    streaming, ending = _reading(StreamingTool), _reading(EndingTool)

    @routes.post("/call-stream")
    def call_stream() -> Response:
        tool, input_ = streaming()
        if runtime.draining:
            raise Unavailable("This server is stopping; try again in a moment.", retry_after=1)
        last = request.headers.get("Last-Event-ID", "")
        stream = tool.does(toolbox, _client(), input_, last, late=tool.late)
        connection = Connection(request.environ)
        admit(_client(), stream, tool.name, connection, request.environ)
        # A server of ours may take the stream with its connection (servers/gunicorn.py); others send the body.
        request.environ["poslogs.connection"] = connection
        gzip = _takes_gzip(request)
        headers = {**STREAM_HEADERS, "Content-Encoding": "gzip"} if gzip else STREAM_HEADERS
        # No generator of ours or of Flask's stands between the stream and the server: it would run for each frame.
        return Response(Body(stream, gzip=gzip), headers=headers, direct_passthrough=True)

    @routes.post("/call")
    def call() -> Response:
        tool, input_ = ending()
        answering = begin(_client(), request.environ)
        length = answering.begin(tool.does(toolbox, _client(), input_, answering.asker))
        headers = {} if length is None else {"Content-Length": str(length)}
        return Response(answering, headers=headers, mimetype="application/json", direct_passthrough=True)

    @routes.get("/tools")
    def tools() -> Response:
        demo = [env.name for env in toolbox.environments(_client()) if env.demo]
        together = environments.listed(toolbox, _client()).get("together")
        return json_response(
            {
                "tools": [
                    {
                        "name": tool.name,
                        "description": tool.description,
                        "inputSchema": tool.published,
                        "endpoint": tool.door,
                        "streaming": tool.streams,
                    }
                    for tool in TOOLS.values()
                ],
                **({"together": together} if together else {}),
                **(
                    {"demo": f"Environments {' and '.join(demo)} are a demo: simulated, not real sites."}
                    if demo
                    else {}
                ),
            }
        )

    return routes


def _takes_gzip(request: Request) -> bool:
    # Ruby's Net::HTTP names all three of its encodings, and hands out nothing before 16 KiB are inflated.
    weights = {name.lower(): weight for name, weight in request.accept_encodings}
    return request.accept_encodings.quality("gzip") > 0 and not weights.get("identity", 0) > 0


def _client() -> Client:
    client = g.client
    assert isinstance(client, Client)
    return client


def _reading(kind: type[T]) -> Callable[[], tuple[T, Input]]:
    """A function that reads a request's body: a tool, which must be of this kind, and its input. Raises a Refusal."""

    def understood(text: bytes) -> tuple[T, Input]:
        asked = body.parse(text)
        if unknown := sorted(set(asked) - {"tool", "input"}):
            name = plain(unknown[0][:40])
            raise BadInput(
                f"`{name}` is not known here; the body has `tool`, and `input` with all that the tool takes."
            )
        if "tool" not in asked:
            raise BadInput("`tool` is missing: name one that GET /tools lists.")
        tool = table.find(asked["tool"], kind)
        return tool, tool.check(asked.get("input", {}))

    remembered = lru_cache(KNOWN_BODIES)(understood)

    def asked() -> tuple[T, Input]:
        text = body.read(request)
        return (remembered if len(text) <= MAX_KNOWN_BYTES else understood)(text)

    return asked
