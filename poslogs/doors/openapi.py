"""The OpenAPI description of the routes, made from the table of tools."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response

from poslogs import __version__
from poslogs.doors.api import json_response
from poslogs.tools import TOOLS

_JSON: Final = "application/json"
_RPC: Final = {_JSON: {"schema": {"type": "object"}}, "text/event-stream": {"schema": {"type": "string"}}}
_REFUSALS: Final = {
    "400": "Bad input, or an unknown environment.",
    "401": "No token, or an unknown one.",
    "403": "The token may not do this.",
    "404": "No such tool.",
    "408": "The body did not come in time.",
    "413": "The body is too large.",
    "415": "The body is no JSON.",
    "429": "Too many requests or streams; see Retry-After.",
    "503": "The server is full or stopping, or platformOS does not answer; see Retry-After.",
}


def blueprint() -> Blueprint:
    """The route."""
    routes = Blueprint("openapi", __name__)

    @routes.get("/openapi.json")
    def openapi() -> Response:
        return json_response(description())

    return routes


def description() -> dict[str, Any]:
    """The whole as OpenAPI 3.1, whose schemas are the ones that check the inputs."""
    stream = {"text/event-stream": {"schema": {"type": "string"}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "poslogs", "version": __version__, "description": "platformOS logs, streamed."},
        "security": [{"token": []}],
        "paths": {
            "/call-stream": {"post": _tool_call("/call-stream", "Streams a log.", stream)},
            "/call": {"post": _tool_call("/call", "Answers once.", _json("Content"))},
            "/mcp": {"post": _plain("The Model Context Protocol: JSON-RPC, both eras.", _RPC)},
            "/tools": {"get": _plain("The tools.", {_JSON: {"schema": {"type": "object"}}})},
            "/health": {"get": _plain("How the server is.", {_JSON: {"schema": {"type": "object"}}})},
            "/metrics": {"get": _plain("Counts for Prometheus.", {"text/plain": {"schema": {"type": "string"}}})},
            "/openapi.json": {"get": _plain("This description.", {_JSON: {"schema": {"type": "object"}}})},
            "/": {"get": _open("The page.", "text/html")},
            "/page/{file}": {"get": _file("A file of the page.")},
            "/livez": {"get": _probe("The process lives.")},
            "/readyz": {"get": _probe("The server takes streams.")},
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Error": _object({"error": {"type": "string"}}),
                "Content": _object(
                    {
                        "content": {
                            "type": "array",
                            "items": _object({"type": {"const": "text"}, "text": {"type": "string"}}),
                        }
                    }
                ),
            },
        },
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _json(name: str) -> dict[str, Any]:
    return {_JSON: {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _tool_call(door: str, text: str, content: dict[str, Any]) -> dict[str, Any]:
    bodies = [
        {
            "title": tool.name,
            "description": tool.description,
            "type": "object",
            "properties": {"tool": {"const": tool.name}, "input": tool.schema},
            "required": ["tool", "input"] if tool.required else ["tool"],
            "additionalProperties": False,
        }
        for tool in TOOLS.values()
        if tool.door == door
    ]
    refusals = {status: {"description": text, "content": _json("Error")} for status, text in _REFUSALS.items()}
    return {
        "summary": text,
        "requestBody": {"required": True, "content": {_JSON: {"schema": {"oneOf": bodies}}}},
        "responses": {"200": {"description": text, "content": content}, **refusals},
    }


def _plain(text: str, content: dict[str, Any]) -> dict[str, Any]:
    refusals = {status: {"description": _REFUSALS[status], "content": _json("Error")} for status in ("401", "429")}
    return {"summary": text, "responses": {"200": {"description": text, "content": content}, **refusals}}


def _probe(text: str) -> dict[str, Any]:
    return {
        "summary": text,
        "security": [],
        "responses": {"200": {"description": text}, "503": {"description": "Not."}},
    }


def _open(text: str, *types: str) -> dict[str, Any]:
    content = {type_: {"schema": {"type": "string"}} for type_ in types}
    return {"summary": text, "security": [], "responses": {"200": {"description": text, "content": content}}}


def _file(text: str) -> dict[str, Any]:
    described = _open(text, "text/javascript", "text/css", "image/svg+xml")
    described["parameters"] = [{"name": "file", "in": "path", "required": True, "schema": {"type": "string"}}]
    described["responses"]["404"] = {"description": "No such file.", "content": _json("Error")}
    return described
