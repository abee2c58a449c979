"""The door of agents: what comes to POST /mcp is let in, counted, read and answered."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any, Final

from flask import Response, g, request

from poslogs.access.clients import Client
from poslogs.agents.agent_tools import Catalogue
from poslogs.agents.events import Caller, Outcome
from poslogs.doors import body
from poslogs.doors.admission import Admit
from poslogs.doors.answering import Begin
from poslogs.doors.api import STREAM_HEADERS
from poslogs.doors.door import Door, json_response
from poslogs.doors.mcp import envelope, methods, sse
from poslogs.doors.mcp.envelope import Call, Fault
from poslogs.doors.mcp.guard import Guard
from poslogs.errors import BadInput, NotAcceptable, Refusal
from poslogs.servers.sockets import Connection
from poslogs.streaming.backfill import Asker
from poslogs.streaming.driven import Driven
from poslogs.tools.table import LIVE

log = logging.getLogger("poslogs.mcp")

PATH: Final = "/mcp"
HEADERS: Final = ("MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Mcp-Session-Id")  # that pages may send


def shaped(sentence: str, status: int) -> dict[str, Any]:
    """A refusal in the shape that clients of the protocol can show."""
    return Fault(status, sentence).body


def blueprint(catalogue: Catalogue, guard: Guard, admit: Admit, begin: Begin, heartbeat: float) -> Door:
    """The route, on these parts; `heartbeat` is the longest silence of a stream, in seconds."""
    routes = Door("mcp", __name__, guard=guard, shape=shaped)
    limits = guard.limits
    limits.leave(routes)

    @routes.errorhandler(Fault)
    def fault(fault: Fault) -> Response:
        response = json_response(fault.body, fault.status)
        response.headers.update(fault.headers)
        return response

    @routes.post(PATH)
    def mcp() -> Response:
        client: Client = g.client
        try:
            call = _read()
        except (Fault, Refusal):
            limits.spend_roomily()
            raise
        if call is None or call.method not in methods.COUNTED:
            limits.spend_roomily()
        if call is None:
            return Response(status=202)
        ends = ExitStack()

        def hold_for_caller(stream: Driven) -> None:
            admit(client, stream, LIVE.name, Connection(request.environ), request.environ)
            ends.callback(stream.close)

        @contextmanager
        def place() -> Iterator[Asker]:
            with closing(begin(client, request.environ)) as answering:
                yield answering.asker

        try:
            answer = methods.answer(call, Caller(client, hold_for_caller, place, limits.spend), catalogue)
            if isinstance(answer, dict):
                return json_response(answer)
            if _accepts("text/event-stream"):
                response = Response(sse.frames(call, answer, heartbeat), headers=STREAM_HEADERS)
                response.call_on_close(ends.close)  # begun or not
                return response
            outcomes = [event for event in answer if isinstance(event, Outcome)]
            return json_response(methods.answer_of(call, outcomes[0]) if outcomes else {})  # else the caller has gone
        except Fault:
            raise
        except Exception:  # of any kind: a client's connection must survive it
            log.exception("A call of %s failed.", call.method)
            ends.close()
            raise call.fault(envelope.INTERNAL, "Internal error", status=200) from None

    return routes


def _read() -> Call | None:
    text = body.read(request)
    try:
        message = body.value(text)
    except BadInput as bad:
        raise Fault(envelope.PARSE_ERROR, bad.sentence) from None
    call = envelope.read(message, request.headers)
    if call and request.accept_mimetypes and not (_accepts("text/event-stream") or _accepts("application/json")):
        raise NotAcceptable("Accept application/json and text/event-stream; answers here come as one of these.")
    return call


def _accepts(kind: str) -> bool:
    return request.accept_mimetypes.quality(kind) > 0
