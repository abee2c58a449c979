"""The OpenAPI description of the routes, made from the table of tools."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import orjson
from flask import Response, request

from poslogs import __version__
from poslogs.doors.door import Door, everyone
from poslogs.doors.shapes import SHAPES, ref
from poslogs.tools.table import TOOLS

_KNOWN_ROOTS: Final = 8  # descriptions that are kept: one for each path that proxies have for the app
_JSON: Final = "application/json"
_STRING: Final = {"schema": {"type": "string"}}
_TEXT: Final = {"text/plain": _STRING}
_STREAM: Final = {"text/event-stream": _STRING}
_ANY: Final = {_JSON: {"schema": {"type": "object", "additionalProperties": True}}}  # generators need a type
_PASSING: Final = {"429", "503"}  # refusals that go away by themselves
_RETRY_AFTER: Final = {"description": "When to try again, in seconds.", "schema": {"type": "integer"}}
_LAST_EVENT_ID: Final = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "Id of the last event that came: what follows it is sent. It wins over lastId and tail.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,19}$"},
}
_FRAMES: Final = (
    "The events: `data`, whose data is a DataEvent and whose id is the entry's; `error`, whose data is an ErrorEvent, "
    "after which the stream goes on; `done`, whose data is [DONE], when it is complete. "
    "Lines that begin with a colon are comments, sent in silence."
)
_REFUSALS: Final = {
    "400": "Bad input, or an unknown environment.",
    "401": "No token, or an unknown one.",
    "403": "The token may not do this.",
    "404": "No such tool.",
    "406": "The client accepts no form that an answer has.",
    "408": "The body did not come in time.",
    "413": "The body is too large.",
    "415": "The body is no JSON.",
    "421": "The request names a host that this server is not.",
    "429": "Too many requests or streams; see Retry-After.",
    "502": "platformOS refuses the environment's token: renew it first.",
    "503": "The server is full or stopping, or platformOS does not answer; see Retry-After.",
}
_HELD: Final = ("401", "403", "429")  # of every route that needs a token
_SENT: Final = ("400", *_HELD, "404", "408", "413", "415", "503")  # of those that also take a body
_REFUSED: Final = {  # no 502 for a stream, which has begun by then and reports the refusal itself
    "/call-stream": _SENT,
    "/call": (*_SENT, "502"),
    "/mcp": (*_SENT, "406", "421", "502"),
}


def blueprint() -> Door:
    """The route, for everyone: it shows nothing that is not published with poslogs."""
    routes = Door("openapi", __name__, guard=everyone)

    @lru_cache(_KNOWN_ROOTS)
    def text(root: str) -> bytes:
        return orjson.dumps(description(root))

    @routes.get("/openapi.json")
    def openapi() -> Response:
        return Response(text(request.root_path), mimetype=_JSON)

    return routes


def description(root: str = "") -> dict[str, Any]:
    """The whole as OpenAPI 3.1, whose schemas are the ones that check the inputs; `root` is the path of the app."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "poslogs", "version": __version__, "description": "platformOS logs, streamed."},
        "servers": [
            {"url": root or "/", "description": "The server that this description comes from."},
            {"url": "http://localhost:3030", "description": "Where a server listens by default."},
        ],
        "security": [{"token": []}],
        "paths": {
            "/call-stream": {"post": _stream_call()},
            "/call": {"post": _tool_call("call", "/call", "Answers once.", _json("Content"))},
            "/mcp": {"post": _mcp()},
            "/tools": {"get": _plain("listTools", "The tools.", _json("Tools"))},
            "/health": {"get": _plain("getHealth", "How the server is.", _json("Health"))},
            "/metrics": {"get": _plain("getMetrics", "Counts for Prometheus.", _TEXT)},
            "/openapi.json": {"get": _open("getDescription", "This description.", _ANY)},
            "/": {"get": _open("getPage", "The page.", {"text/html": _STRING})},
            "/page/{file}": {"get": _file()},
            "/livez": {"get": _probe("getLivez", "The process lives.")},
            "/readyz": {"get": _probe("getReadyz", "The server takes streams.")},
        },
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}, "schemas": SHAPES},
    }


def _json(name: str) -> dict[str, Any]:
    return {_JSON: {"schema": ref(name)}}


def _refusals(*statuses: str, shape: str = "Error") -> dict[str, Any]:
    answers = {status: {"description": _REFUSALS[status], "content": _json(shape)} for status in sorted(statuses)}
    for status in _PASSING & set(answers):
        answers[status]["headers"] = {"Retry-After": _RETRY_AFTER}
    return answers


def _tool_call(operation: str, door: str, text: str, content: dict[str, Any]) -> dict[str, Any]:
    bodies = [
        {
            "title": tool.name,
            "description": tool.description,
            "type": "object",
            "properties": {"tool": {"type": "string", "const": tool.name}, "input": tool.published},
            "required": ["tool", "input"] if tool.required else ["tool"],
            "additionalProperties": False,
        }
        for tool in TOOLS.values()
        if tool.door == door
    ]
    return {
        "operationId": operation,
        "summary": text,
        "requestBody": {"required": True, "content": {_JSON: {"schema": {"oneOf": bodies}}}},
        "responses": {"200": {"description": text, "content": content}, **_refusals(*_REFUSED[door])},
    }


def _stream_call() -> dict[str, Any]:
    described = _tool_call("callStream", "/call-stream", "Streams a log.", _STREAM)
    described["description"] = _FRAMES
    described["parameters"] = [_LAST_EVENT_ID]
    return described


def _mcp() -> dict[str, Any]:
    answers = {
        "200": {"description": "The answer, or events of which the last is the answer.",
                "content": {**_json("RpcAnswer"), **_STREAM}},
        "202": {"description": "Taken: it was no question."},
    }  # fmt: skip
    return {
        "operationId": "mcp",
        "summary": "The Model Context Protocol: JSON-RPC, both eras.",
        "requestBody": {"required": True, "content": _json("RpcMessage")},
        "responses": {**answers, **_refusals(*_REFUSED["/mcp"], shape="RpcAnswer")},
    }


def _plain(operation: str, text: str, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": operation,
        "summary": text,
        "responses": {"200": {"description": text, "content": content}, **_refusals(*_HELD)},
    }


def _open(operation: str, text: str, content: dict[str, Any]) -> dict[str, Any]:
    responses = {"200": {"description": text, "content": content}}
    return {"operationId": operation, "summary": text, "security": [], "responses": responses}


def _probe(operation: str, text: str) -> dict[str, Any]:
    described = _open(operation, text, _json("Ready"))
    described["responses"]["503"] = {"description": "Not.", "content": _json("Ready")}
    return described


def _file() -> dict[str, Any]:
    kinds = ("text/javascript", "text/css", "image/svg+xml")
    described = _open("getPageFile", "A file of the page.", dict.fromkeys(kinds, _STRING))
    described["parameters"] = [{"name": "file", "in": "path", "required": True, "schema": {"type": "string"}}]
    described["responses"]["404"] = {"description": "No such file.", "content": _json("Error")}
    return described
