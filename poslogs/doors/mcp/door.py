"""The door of agents: what comes to POST /mcp is let in, counted, read and answered."""

from __future__ import annotations

import logging
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, Final

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import MethodNotAllowed

from poslogs.access.clients import Client
from poslogs.access.limits import Limits
from poslogs.agents.events import Caller, Outcome
from poslogs.agents.offers import Catalogue
from poslogs.doors import body
from poslogs.doors.api import STREAM_HEADERS, json_response
from poslogs.doors.connection import Connection
from poslogs.doors.holding import Hold
from poslogs.doors.mcp import envelope, methods
from poslogs.doors.mcp.envelope import Call, Fault
from poslogs.doors.mcp.sse import Sse
from poslogs.errors import BadInput, Forbidden, Misdirected, NotAcceptable, Refusal
from poslogs.streaming.stream import Stream

log = logging.getLogger("poslogs.mcp")

PATH: Final = "/mcp"
HEADERS: Final = ("MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Mcp-Session-Id")  # that pages may send


def come_in(admit: Callable[[], Client], limits: Limits, allowed: Callable[[str], bool], *, behind_proxy: bool) -> (
    Response | None
):  # fmt: skip
    """Let a request's page, host, holder and method in, in this order; a preflight is answered after the first two.

    Raises Forbidden; Misdirected for a name that a stranger's DNS gave to this machine; and what `admit` raises.
    """
    if (origin := request.headers.get("Origin")) is not None and not allowed(origin):
        raise Forbidden("Pages of this origin may not ask here; POSLOGS_CORS_ORIGINS names those that may.")
    host = request.headers.get("Host", "localhost")
    if not behind_proxy and _is_loopback(request.environ["SERVER_NAME"]) and not _is_loopback(host):
        raise Misdirected("This server is for this machine only; call it localhost or 127.0.0.1.")
    if request.method == "OPTIONS":
        return Response(status=204)
    g.client = admit()
    if request.method != "POST":
        limits.spend_roomily(g.client)
        raise MethodNotAllowed(["POST", "OPTIONS"])
    return None


def shaped(sentence: str, status: int) -> dict[str, Any]:
    """A refusal in the shape that clients of the protocol can show."""
    return Fault(status, sentence).body


def blueprint(catalogue: Catalogue, limits: Limits, hold: Hold, heartbeat: float) -> Blueprint:
    """The route, on these parts; `heartbeat` is the longest silence of a stream, in seconds."""
    routes = Blueprint("mcp", __name__)

    @routes.errorhandler(Fault)
    def fault(fault: Fault) -> Response:
        return json_response(fault.body, fault.status)

    @routes.post(PATH)
    def mcp() -> Response:
        client: Client = g.client
        try:
            call = _read()
        except (Fault, Refusal):
            limits.spend_roomily(client)
            raise
        if call is None or call.method not in methods.COUNTED:
            limits.spend_roomily(client)
        if call is None:
            return Response(status=202)
        accepted = request.accept_mimetypes
        may_stream = accepted.quality("text/event-stream") > 0
        if accepted and not may_stream and accepted.quality("application/json") <= 0:
            raise NotAcceptable("Accept application/json and text/event-stream; answers here come as one of these.")
        held: list[Stream] = []

        def hold_for_caller(stream: Stream) -> None:
            held.append(stream)
            hold(client, stream, Connection(request.environ))

        def release() -> None:
            for stream in held:
                stream.close()

        try:
            answer = methods.answer(call, Caller(client, hold_for_caller, lambda: limits.spend(client)), catalogue)
            if isinstance(answer, dict):
                return json_response(answer)
            stream = Sse(call, answer, release, heartbeat)
            if may_stream:
                headers = {name: value for name, value in STREAM_HEADERS.items() if name != "Vary"}
                return Response(stream, headers=headers, direct_passthrough=True)
            ends = [event for event in answer if isinstance(event, Outcome)]
            return json_response(methods.told(call, ends[0]) if ends else {})  # without one the caller has gone
        except Fault:
            raise
        except Exception:  # whatever it was, a client's connection survives it
            log.exception("A call of %s failed.", call.method)
            raise call.fault(envelope.INTERNAL, "Internal error", status=200) from None

    return routes


def _read() -> Call | None:
    text = body.read(request)
    try:
        message = body.value(text)
    except BadInput as bad:
        raise Fault(envelope.PARSE_ERROR, bad.sentence) from None
    return envelope.read(message, request.headers)


def _is_loopback(host: str) -> bool:
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0] or host
    try:
        return name.lower() == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
