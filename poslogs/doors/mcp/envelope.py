"""The envelope: JSON-RPC around questions and answers, in both eras, decided request by request."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from werkzeug.datastructures import Headers

from poslogs import __version__
from poslogs.agents.events import LogMessage, Progress

NEWEST: Final = "2026-07-28"  # of the modern era, whose requests each say all about themselves
LEGACY: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")  # begin with initialize
LEVELS: Final = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
NAMED: Final = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}  # what Mcp-Name repeats
LASTING_MS: Final = 300_000  # how long lists stay true
SERVER: Final = {"name": "poslogs", "version": __version__}
MAX_ID: Final = 2**63

PARSE_ERROR, INVALID_REQUEST, NO_METHOD, INVALID_PARAMS, INTERNAL = -32700, -32600, -32601, -32602, -32603
NO_RESOURCE: Final = -32002  # legacy only
MISMATCH, NEEDS_CAPABILITY, WRONG_VERSION = -32020, -32021, -32022

_PREFIX: Final = "io.modelcontextprotocol/"

Id = str | int | float | None


class Fault(Exception):
    """A JSON-RPC error, and the HTTP status that it has in the modern era."""

    def __init__(self, code: int, text: str, *, id_: Id = None, status: int = 400, data: object = None) -> None:
        super().__init__(text)
        self.id = id_
        self.status = status
        self.headers: Mapping[str, str] = {}
        self.error: dict[str, Any] = {"code": code, "message": text}
        if data is not None:
            self.error["data"] = data

    @property
    def body(self) -> dict[str, Any]:
        """The message."""
        return {"jsonrpc": "2.0", "id": self.id, "error": self.error}


@dataclass(frozen=True, slots=True)
class Call:
    """A request that is well formed, and not a notification."""

    id: Id
    method: str
    params: Mapping[str, Any]
    meta: Mapping[str, Any]
    modern: bool

    @property
    def capabilities(self) -> Mapping[str, Any]:
        """What the client can do, as far as this request says."""
        found = self.meta.get(f"{_PREFIX}clientCapabilities")
        return found if isinstance(found, dict) else {}

    @property
    def log_level(self) -> object:
        """The lowest level of log messages that the client wants, in the modern era."""
        return self.meta.get(f"{_PREFIX}logLevel")

    def fault(self, code: int, text: str, *, status: int = 400, data: object = None) -> Fault:
        """An error that answers this request: a legacy client takes any HTTP status but 200 for a broken server."""
        return Fault(code, text, id_=self.id, status=status if self.modern else 200, data=data)

    def result(self, value: Mapping[str, Any], *, lasting: int | None = None) -> dict[str, Any]:
        """The answer; `lasting` says for how many milliseconds it may be kept."""
        if self.modern:
            keeping = {} if lasting is None else {"ttlMs": lasting, "cacheScope": "private"}
            value = {**value, "resultType": "complete", **keeping, "_meta": {f"{_PREFIX}serverInfo": SERVER}}
        return {"jsonrpc": "2.0", "id": self.id, "result": value}

    def notification(self, event: Progress | LogMessage) -> dict[str, Any] | None:
        """The notification of an event; None if the client did not ask for events of this kind."""
        if isinstance(event, Progress):
            token = self.meta.get("progressToken")
            if not _is_id(token):
                return None
            params = {"progressToken": token, "progress": event.done, "total": event.total, "message": event.text}
            return {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}
        wanted = self.log_level if self.modern else LEVELS[0]
        if not isinstance(wanted, str) or LEVELS.index(event.level) < LEVELS.index(wanted):
            return None
        return {"jsonrpc": "2.0", "method": "notifications/message", "params": event._asdict()}


def read(message: object, headers: Headers) -> Call | None:
    """The request in a message; None for a notification, and for an answer, since nothing was asked. Raises Fault."""
    version = headers.get("MCP-Protocol-Version", "").strip(" \t")
    if not isinstance(message, dict):
        raise Fault(INVALID_REQUEST, "The body must be one JSON-RPC message; batches are not taken.")
    method, params, id_ = message.get("method"), message.get("params", {}), message.get("id")
    answers = "method" not in message and ("result" in message or "error" in message) and version in ("", *LEGACY)
    if message.get("jsonrpc") != "2.0" or not (isinstance(method, str) or answers):
        raise Fault(INVALID_REQUEST, 'A message has "jsonrpc": "2.0" and a method.')
    if not isinstance(params, dict) or ("id" in message and not _is_id(id_)):
        raise Fault(INVALID_REQUEST, "`params` must be an object, and `id` a string or a whole number.")
    if answers or "id" not in message:
        return None
    meta = params.get("_meta")
    has_version = isinstance(meta, dict) and f"{_PREFIX}protocolVersion" in meta
    modern = has_version or (version != "" and version not in LEGACY)
    call = Call(id_, str(method), params, meta if isinstance(meta, dict) else {}, modern)
    if modern:
        _check(call, version, headers)
    return call


def _check(call: Call, version: str, headers: Headers) -> None:
    """What a modern request must say of itself. Raises Fault."""
    asked = call.meta.get(f"{_PREFIX}protocolVersion")
    if not isinstance(asked, str) or not isinstance(call.meta.get(f"{_PREFIX}clientCapabilities"), dict):
        raise call.fault(
            INVALID_PARAMS, f"`params._meta` must have {_PREFIX}protocolVersion and {_PREFIX}clientCapabilities."
        )
    same: dict[str, object] = {"MCP-Protocol-Version": asked, "Mcp-Method": call.method}
    if call.method in NAMED:
        same["Mcp-Name"] = call.params.get(NAMED[call.method])
    for name, value in same.items():
        sent = headers.get(name, "").strip(" \t")
        if name not in headers or (_decoded(sent) if name == "Mcp-Name" else sent) != value:
            raise call.fault(MISMATCH, f"The header {name} must be there once and say the same as the body.")
    if version != NEWEST:
        supported = {"supported": [NEWEST], "requested": version}
        raise call.fault(WRONG_VERSION, f"Version {NEWEST} is served here; others by initialize.", data=supported)


def _decoded(text: str) -> str | None:
    """A name, which the protocol lets travel as base64; None when that is broken."""
    if not (text.startswith("=?base64?") and text.endswith("?=") and len(text) > 10):
        return text
    try:
        return base64.b64decode(text[9:-2], validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _is_id(value: object) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, str) or (type(value) is int and -MAX_ID <= value < MAX_ID)
