"""The guide's routes: /call-stream, /call, /tools and /health."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import orjson
from flask import Blueprint, Request, Response, g, request

from poslogs import __version__
from poslogs.access.clients import Client
from poslogs.access.slots import Slots
from poslogs.doors import body
from poslogs.doors.admission import Admit
from poslogs.doors.answering import Begin
from poslogs.errors import BadInput, Unavailable
from poslogs.plain import plain
from poslogs.runtime import Runtime
from poslogs.servers.sockets import Connection
from poslogs.streaming.body import Body
from poslogs.streaming.feed import Feed
from poslogs.streaming.feeds import Feeds
from poslogs.streaming.frames import moment
from poslogs.streaming.stream import Stream
from poslogs.supervisor import Supervisor
from poslogs.tools import table
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

KNOWN_BODIES: Final = 256  # most callers say again and again the same: parsed and checked once
MAX_KNOWN_BYTES: Final = 1024  # what is longer is not kept
UNASKED_SECONDS: Final = 600.0  # an outage that nobody has asked about for so long may be over
MAX_UNUSABLE: Final = 100  # environments that cannot be used and are named


def blueprint(
    toolbox: Toolbox,
    slots: Slots[Stream],
    feeds: Feeds,
    runtime: Runtime,
    admit: Admit,
    begin: Begin,
    supervisor: Supervisor,
    heartbeat: float,
) -> Blueprint:
    """The routes, on these parts; `heartbeat` is the longest silence of a stream, in seconds."""
    routes = Blueprint("api", __name__)
    streaming, ending = _reading(StreamingTool), _reading(EndingTool)

    @routes.post("/call-stream")
    def call_stream() -> Response:
        tool, input_ = streaming()
        if runtime.draining:
            raise Unavailable("This server is stopping; try again in a moment.", retry_after=1)
        last = request.headers.get("Last-Event-ID", "")
        stream = tool.does(toolbox, _client(), input_, last, late=tool.late)
        connection = Connection(request.environ)
        admit(_client(), stream, connection, request.environ)
        # A server of ours may take the stream with its connection (servers/gunicorn.py); others send the body.
        request.environ["poslogs.connection"] = connection
        gzip = _takes_gzip(request)
        headers = {**STREAM_HEADERS, "Content-Encoding": "gzip"} if gzip else STREAM_HEADERS
        # The body goes to the server as it is: one generator fewer in the way of each frame.
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
        return json_response(
            {
                "tools": [
                    {
                        "name": tool.name,
                        "description": tool.description,
                        "inputSchema": tool.schema,
                        "endpoint": tool.door,
                        "streaming": tool.streams,
                    }
                    for tool in TOOLS.values()
                ],
                **(
                    {"demo": f"Environments {' and '.join(demo)} are a demo: simulated, not real sites."}
                    if demo
                    else {}
                ),
            }
        )

    @routes.get("/health")
    def health() -> Response:
        open_feeds = {feed.upstream.environment.name: feed for feed in feeds.all()}
        environments, outages = [], []
        for env in toolbox.environments(_client()):
            told: dict[str, object] = {"name": env.name, "url": env.url, "demo": env.demo}
            feed = open_feeds.get(env.name)
            told["streams"] = feed.readers if feed else 0
            if feed and feed.upstream.counts.last_success:
                told["lastSuccess"] = moment(feed.upstream.counts.last_success)
            if feed and (outage := failing(feed)):
                told["failing"] = outage
                if is_degraded(feed):
                    outages.append({"name": env.name, **outage})
            environments.append(told)
        stalled = supervisor.stalled()
        unusable = [{"name": name, "error": error} for name, error in toolbox.unusable(_client()).items()]
        return json_response(
            {
                "status": "degraded" if stalled or outages else "ok",
                **({"degraded": stalled} if stalled else {}),
                **({"failing": outages} if outages else {}),
                **({"unusable": unusable[:MAX_UNUSABLE]} if unusable else {}),
                "tools": list(TOOLS),
                "toolCount": len(TOOLS),
                "version": __version__,
                "streams": slots.open,
                "heartbeat": heartbeat,
                "environments": environments,
            }
        )

    return routes


def failing(feed: Feed) -> dict[str, object] | None:
    """The outage of a feed as callers are told of it; None without one."""
    outage = feed.upstream.outage
    if outage is None:
        return None
    told: dict[str, object] = {
        "since": moment(outage.since),
        "last": moment(outage.last),
        "tries": outage.tries,
        "error": outage.sentence,
    }
    if feed.upstream.counts.last_success:
        told["lastSuccess"] = moment(feed.upstream.counts.last_success)
    return told


def is_degraded(feed: Feed) -> bool:
    """Whether a feed's outage goes on, as far as can be known: nobody asks where nobody reads."""
    outage = feed.upstream.outage
    if outage is None:
        return False
    return feed.readers > 0 or feed.upstream.refusal is not None or time.time() - outage.last < UNASKED_SECONDS


def json_response(value: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(value), status, mimetype="application/json")


def _takes_gzip(request: Request) -> bool:
    # Ruby's Net::HTTP names all three of its encodings, and hands out nothing before 16 KiB are inflated.
    weights = {name.lower(): weight for name, weight in request.accept_encodings}
    return request.accept_encodings.quality("gzip") > 0 and not weights.get("identity", 0) > 0


def _client() -> Client:
    client = g.client
    assert isinstance(client, Client)
    return client


def _reading(kind: type[T]) -> Callable[[], tuple[T, Input]]:
    """What reads a request's body as the call of a tool of this kind, and its input. It raises a Refusal."""

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
