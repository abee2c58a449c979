"""The shapes of what the routes answer, as JSON Schema, by the names under which /openapi.json has them."""

from __future__ import annotations

from typing import Any, Final

from poslogs.agents.answers import REPORT, described, object_of
from poslogs.platformos.entries import TYPES

_NAME: Final = described("string", "Name of the environment.")
_TIME: Final = described("string", "When, in UTC, ISO 8601 with milliseconds.", format="date-time")
_TEXT: Final = described("string", "The kind of the content.", const="text")


def ref(name: str) -> dict[str, Any]:
    """A reference to one of SHAPES."""
    return {"$ref": f"#/components/schemas/{name}"}


def _list(description: str, items: dict[str, Any]) -> dict[str, Any]:
    return described("array", description, items=items)


def _json_text(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return described("string", description, contentMediaType="application/json", contentSchema=schema)


_OUTAGE: Final = {
    "since": {**_TIME, "description": "When the first of these polls failed."},
    "last": {**_TIME, "description": "When the latest failed."},
    "tries": described("integer", "How many were tried."),
    "error": described("string", "What went wrong."),
    "lastSuccess": {**_TIME, "description": "When a poll was last answered."},
}
_RPC: Final = described("string", "The version of JSON-RPC.", const="2.0")
_RPC_ID: Final = {
    "type": ["string", "integer", "null"],
    "description": "What the question was numbered; null: unknown.",
}
_RPC_ERROR: Final = {
    "code": described("integer", "Which kind of error."),
    "message": described("string", "One sentence."),
    "data": {"description": "What else is known."},
}
_FAILING: Final = object_of("An environment whose polls fail.", {"name": _NAME, **_OUTAGE}, "lastSuccess")

SHAPES: Final[dict[str, dict[str, Any]]] = {
    "Error": object_of("A refusal.", {"error": described("string", "One sentence that says what to change.")}),
    "Entry": object_of(
        "One entry of a log.",
        {
            "id": described("string", "Its position in the log: 1 to 19 digits."),
            "timestamp": _TIME,
            "type": described("string", "How grave it is.", enum=list(TYPES)),
            "message": described("string", "What was logged."),
            "data": described("object", "What else was logged.", additionalProperties=True),
            "env": _NAME,
            "error_type": described("string", "platformOS's own type, such as LiquidError."),
            "cut": described("boolean", "True when some of it was left out, being longer than maxMessage or 2 MiB."),
        },
        "cut",
    ),
    "DataEvent": object_of(
        "The data of an event `data` of a stream.", {"type": _TEXT, "text": _json_text("An entry.", ref("Entry"))}
    ),
    "Failure": object_of(
        "What went wrong with a stream.",
        {
            "type": described("string", "The kind of the content.", const="error"),
            "message": described("string", "One sentence."),
            "timestamp": _TIME,
        },
    ),
    "ErrorEvent": object_of(
        "The data of an event `error` of a stream.",
        {
            "type": described("string", "The kind of the event.", const="error"),
            "text": _json_text("What went wrong.", ref("Failure")),
        },
    ),
    "Logs": object_of(
        "The answer of platformos.logs.fetch.",
        {
            "logs": _list("Entries, oldest first.", ref("Entry")),
            "lastId": described("string", "Give it as lastId to go on from there."),
            "truncated": described("boolean", "True when there is more."),
        },
    ),
    "Envs": object_of(
        "The answer of platformos.env.list.",
        {
            "envs": _list(
                "Environments.", object_of("One.", {"name": _NAME, "url": described("string", "Its address.")})
            ),
            "together": described("string", "What env takes for all of them at once; left out when they cannot be."),
        },
        "together",
    ),
    "Report": object_of("The answer of platformos.logs.report.", REPORT, "byEnv"),
    "Content": object_of(
        "The answer of a tool, as text in the envelope that the Model Context Protocol uses.",
        {
            "content": _list(
                "One item.",
                object_of(
                    "The answer.",
                    {
                        "type": _TEXT,
                        "text": _json_text("JSON.", {"anyOf": [ref("Logs"), ref("Envs"), ref("Report")]}),
                    },
                ),
            )
        },
    ),
    "Tools": object_of(
        "The tools.",
        {
            "tools": _list(
                "Each tool.",
                object_of(
                    "One tool.",
                    {
                        "name": described("string", "What requests call it."),
                        "description": described("string", "What it does."),
                        "inputSchema": described("object", "JSON Schema of its input.", additionalProperties=True),
                        "endpoint": described("string", "Where it is called."),
                        "streaming": described("boolean", "Whether it streams."),
                    },
                ),
            ),
            "demo": described("string", "Which environments are simulated."),
        },
        "demo",
    ),
    "Health": object_of(
        "How the server is.",
        {
            "status": described("string", "Whether all is well.", enum=["ok", "degraded"]),
            "degraded": _list("Loops of the server that stand still.", {"type": "string"}),
            "failing": _list("Environments whose polls fail.", _FAILING),
            "unusable": _list(
                "Environments that are configured so that they cannot be read.",
                object_of("One.", {"name": _NAME, "error": described("string", "What is wrong with it.")}),
            ),
            "tools": _list("The tools by name.", {"type": "string"}),
            "toolCount": described("integer", "How many tools there are."),
            "version": described("string", "The server's version."),
            "streams": described("integer", "Streams that are open now."),
            "heartbeat": described("number", "The longest silence of a stream, in seconds."),
            "engine": object_of(
                "The Redis that processes share, where they share one.",
                {
                    "state": described("string", "Whether this process uses it.", enum=["ok", "degraded"]),
                    "since": described("string", "Since when, in UTC.", format="date-time"),
                    "why": described("string", "Why, as a sentence."),
                },
            ),
            "processes": described("integer", "How many processes share it."),
            "process": described("string", "What this one is called among them."),
            "environments": _list(
                "What this token may read.",
                object_of(
                    "One environment.",
                    {
                        "name": _NAME,
                        "url": described("string", "Its address."),
                        "demo": described("boolean", "Whether it is simulated."),
                        "streams": described("integer", "Streams of it that are open now."),
                        "polledBy": described("string", "The process that polls it, where processes share an engine."),
                        "lastSuccess": _OUTAGE["lastSuccess"],
                        "failing": object_of("While its polls fail.", _OUTAGE, "lastSuccess"),
                    },
                    "lastSuccess",
                    "failing",
                    "polledBy",
                ),
            ),
        },
        "degraded",
        "failing",
        "unusable",
        "engine",
        "processes",
        "process",
    ),
    "Ready": object_of(
        "Whether the server takes streams.",
        {
            "status": described("string", "Whether it does.", enum=["ok", "degraded", "stopping"]),
            "failing": _list("With a token: environments whose polls fail.", _FAILING),
        },
        "failing",
    ),
    "RpcMessage": object_of(
        "A message of the Model Context Protocol.",
        {
            "jsonrpc": _RPC,
            "id": {
                **_RPC_ID,
                "type": ["string", "integer"],
                "description": "Its number; without one it is no question.",
            },
            "method": described("string", "What is asked, such as tools/list."),
            "params": described("object", "What the method takes.", additionalProperties=True),
        },
        "id",
        "params",
    ),
    "RpcAnswer": object_of(
        "The answer to a message: a result, or an error.",
        {
            "jsonrpc": _RPC,
            "id": _RPC_ID,
            "result": described("object", "What the method answers.", additionalProperties=True),
            "error": object_of("Why there is none.", _RPC_ERROR, "data"),
        },
        "result",
        "error",
    ),
}
