"""The methods: what each request of the protocol asks of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import orjson

from poslogs.agents.events import Caller, Event, Outcome
from poslogs.agents.offers import Catalogue
from poslogs.doors.mcp.envelope import (
    INVALID_PARAMS,
    LASTING_MS,
    LEGACY,
    LEVELS,
    NEEDS_CAPABILITY,
    NEWEST,
    NO_METHOD,
    NO_RESOURCE,
    SERVER,
    Call,
)
from poslogs.errors import NotFound, Refusal, TooMany

COUNTED: Final = ("tools/call", "resources/read", "prompts/get")  # by the client's own rates; the rest more roomily
CAPABILITIES: Final[Mapping[str, Any]] = {"tools": {}, "logging": {}, "resources": {}, "prompts": {}}


def answer(call: Call, caller: Caller, catalogue: Catalogue) -> dict[str, Any] | Iterator[Event]:
    """The answer to a request, or the events of a call that streams. Raises Fault, and nothing else foreseen."""
    method = _MODERN.get(call.method) if call.modern else _LEGACY.get(call.method)
    if method is None:
        raise call.fault(NO_METHOD, "This server has no such method in this version.", status=404)
    if call.modern and (level := call.log_level) is not None and level not in LEVELS:
        raise call.fault(INVALID_PARAMS, f"A level is one of {', '.join(LEVELS)}.")
    if call.method.endswith("/list") and call.params.get("cursor") is not None:
        raise call.fault(INVALID_PARAMS, "Lists here have one page; ask without cursor.")
    try:
        return method(call, caller, catalogue)
    except TooMany as refusal:  # as it is with tools, a client's connection survives this
        raise call.fault(refusal.status, refusal.sentence, status=200) from None
    except Refusal as refusal:
        code = INVALID_PARAMS if refusal.status < 429 else refusal.status
        data = None
        if isinstance(refusal, NotFound) and call.method == "resources/read":
            code = code if call.modern else NO_RESOURCE
            data = {"uri": call.params.get("uri")}
        raise call.fault(code, refusal.sentence, status=400 if code < 0 else code, data=data) from None


def told(call: Call, outcome: Outcome) -> dict[str, Any]:
    """The answer that a tool's outcome makes: the same content as an object and as its text."""
    text = outcome.text if outcome.value is None else orjson.dumps(outcome.value).decode()
    result: dict[str, Any] = {"content": [{"type": "text", "text": text}]}
    if outcome.value is not None:
        result["structuredContent"] = outcome.value
    return call.result({**result, "isError": outcome.error})


def _discover(call: Call, _: Caller, catalogue: Catalogue) -> dict[str, Any]:
    told = {"supportedVersions": [NEWEST], "capabilities": CAPABILITIES, "instructions": catalogue.instructions}
    return call.result(told, lasting=LASTING_MS)


def _initialize(call: Call, _: Caller, catalogue: Catalogue) -> dict[str, Any]:
    asked = call.params.get("protocolVersion")
    version = asked if asked in LEGACY else LEGACY[0]
    told = {"protocolVersion": version, "capabilities": CAPABILITIES, "serverInfo": SERVER}
    return call.result({**told, "instructions": catalogue.instructions})


def _ping(call: Call, _: Caller, __: Catalogue) -> dict[str, Any]:
    return call.result({})


def _set_level(call: Call, _: Caller, __: Catalogue) -> dict[str, Any]:
    if call.params.get("level") not in LEVELS:
        raise call.fault(INVALID_PARAMS, f"A level is one of {', '.join(LEVELS)}.")
    return call.result({})  # there is no session that could remember it


def _call_tool(call: Call, caller: Caller, catalogue: Catalogue) -> dict[str, Any] | Iterator[Event]:
    offer = catalogue.tool(call.params.get("name"))
    arguments = call.params.get("arguments") or {}
    if not isinstance(arguments, dict):
        raise call.fault(INVALID_PARAMS, "`arguments` must be an object.")
    if any(name not in call.capabilities for name in offer.needs):
        needs = {"requiredCapabilities": offer.needs}
        raise call.fault(NEEDS_CAPABILITY, f"{offer.tool.name} needs {', '.join(offer.needs)}.", data=needs)
    try:  # what a model can mend is told to the model
        caller.spend()
        ran = offer.run(caller, offer.tool.check(arguments))
    except Refusal as refusal:
        ran = Outcome(text=refusal.sentence, error=True)
    return told(call, ran) if isinstance(ran, Outcome) else ran


def _read(call: Call, caller: Caller, catalogue: Catalogue) -> dict[str, Any]:
    caller.spend()
    return call.result({"contents": catalogue.read(caller.client, call.params.get("uri"))}, lasting=0)


def _prompt(call: Call, caller: Caller, catalogue: Catalogue) -> dict[str, Any]:
    caller.spend()
    arguments = call.params.get("arguments") or {}
    if not isinstance(arguments, dict):
        raise call.fault(INVALID_PARAMS, "`arguments` must be an object.")
    return call.result(catalogue.prompt(caller.client, call.params.get("name"), arguments))


def _list(name: str, items: Callable[[Caller, Catalogue], list[Any]]) -> _Method:
    return lambda call, caller, catalogue: call.result({name: items(caller, catalogue)}, lasting=LASTING_MS)


_Method = Callable[[Call, Caller, Catalogue], dict[str, Any] | Iterator[Event]]
_BOTH: Final[dict[str, _Method]] = {
    "tools/list": _list("tools", lambda _, offered: [offer.listed for offer in offered.tools.values()]),
    "tools/call": _call_tool,
    "resources/list": _list("resources", lambda caller, offered: offered.resources(caller.client)),
    "resources/templates/list": _list("resourceTemplates", lambda _, offered: list(offered.templates)),
    "resources/read": _read,
    "prompts/list": _list("prompts", lambda _, offered: offered.listed_prompts()),
    "prompts/get": _prompt,
}
_MODERN: Final = {**_BOTH, "server/discover": _discover}
_LEGACY: Final = {**_BOTH, "initialize": _initialize, "ping": _ping, "logging/setLevel": _set_level}
