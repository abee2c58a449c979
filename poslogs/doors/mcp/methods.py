"""The methods: what each request of the protocol asks of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import orjson

from poslogs.agents.agent_tools import Catalogue
from poslogs.agents.events import Caller, Event, Outcome
from poslogs.doors.mcp import envelope as rpc
from poslogs.doors.mcp.envelope import Call
from poslogs.errors import NotFound, Refusal, TooMany

COUNTED: Final = ("tools/call", "resources/read", "prompts/get")  # by the client's own rates; the rest more roomily
CAPABILITIES: Final[Mapping[str, Any]] = {"tools": {}, "logging": {}, "resources": {}, "prompts": {}}


def answer(call: Call, caller: Caller, catalogue: Catalogue) -> dict[str, Any] | Iterator[Event]:
    """The answer to a request, or the events of a call that streams. Raises Fault, and nothing else foreseen."""
    method = _MODERN.get(call.method) if call.modern else _LEGACY.get(call.method)
    if method is None:
        raise call.fault(rpc.NO_METHOD, "This server has no such method in this version.", status=404)
    if call.method in COUNTED:
        try:
            caller.spend()
        except TooMany as refusal:  # a legacy client would not survive a 429
            if call.method == "tools/call":
                return answer_of(call, Outcome(text=refusal.sentence, error=True))
            raise call.fault(refusal.status, refusal.sentence, status=200) from None
    if call.modern and call.log_level is not None:
        _check_level(call, call.log_level)
    if call.method.endswith("/list") and call.params.get("cursor") is not None:
        raise call.fault(rpc.INVALID_PARAMS, "Lists here have one page; ask without cursor.")
    try:
        return method(call, caller, catalogue)
    except Refusal as refusal:
        code = rpc.INVALID_PARAMS if refusal.status < 429 else refusal.status
        data = None
        if isinstance(refusal, NotFound) and call.method == "resources/read":
            code = code if call.modern else rpc.NO_RESOURCE
            data = {"uri": uri} if isinstance(uri := call.params.get("uri"), str) else None
        fault = call.fault(code, refusal.sentence, status=400 if code < 0 else code, data=data)
        fault.headers = refusal.headers
        raise fault from None


def answer_of(call: Call, outcome: Outcome) -> dict[str, Any]:
    """The answer that a tool's outcome makes: the same content as an object and as its text."""
    text = outcome.text if outcome.value is None else orjson.dumps(outcome.value).decode()
    result: dict[str, Any] = {"content": [{"type": "text", "text": text}]}
    if outcome.value is not None:
        result["structuredContent"] = outcome.value
    return call.result({**result, "isError": outcome.error})


def _discover(call: Call, _: Caller, catalogue: Catalogue) -> dict[str, Any]:
    said = {"supportedVersions": [rpc.NEWEST], "capabilities": CAPABILITIES, "instructions": catalogue.instructions}
    return call.result(said, lasting=rpc.LASTING_MS)


def _initialize(call: Call, _: Caller, catalogue: Catalogue) -> dict[str, Any]:
    asked = call.params.get("protocolVersion")
    version = asked if asked in rpc.LEGACY else rpc.LEGACY[0]
    said = {"protocolVersion": version, "capabilities": CAPABILITIES, "serverInfo": rpc.SERVER}
    return call.result({**said, "instructions": catalogue.instructions})


def _ping(call: Call, _: Caller, __: Catalogue) -> dict[str, Any]:
    return call.result({})


def _set_level(call: Call, _: Caller, __: Catalogue) -> dict[str, Any]:
    _check_level(call, call.params.get("level"))
    return call.result({})  # there is no session that could remember it


def _check_level(call: Call, level: object) -> None:
    if level not in rpc.LEVELS:
        raise call.fault(rpc.INVALID_PARAMS, f"A level is one of {', '.join(rpc.LEVELS)}.")


def _arguments(call: Call) -> dict[str, Any]:
    arguments = call.params.get("arguments")
    if not isinstance(arguments, dict | None):
        raise call.fault(rpc.INVALID_PARAMS, "`arguments` must be an object.")
    return arguments or {}


def _call_tool(call: Call, caller: Caller, catalogue: Catalogue) -> dict[str, Any] | Iterator[Event]:
    tool = catalogue.tool(call.params.get("name"))
    arguments = _arguments(call)
    if any(name not in call.capabilities for name in tool.needs):
        needs = {"requiredCapabilities": tool.needs}
        raise call.fault(rpc.NEEDS_CAPABILITY, f"{tool.name} needs {', '.join(tool.needs)}.", data=needs)
    try:  # the model gets the sentence, and may ask again
        ran = tool.run(caller, tool.check(arguments))
    except Refusal as refusal:
        ran = Outcome(text=refusal.sentence, error=True)
    return answer_of(call, ran) if isinstance(ran, Outcome) else ran


def _read(call: Call, caller: Caller, catalogue: Catalogue) -> dict[str, Any]:
    return call.result({"contents": catalogue.read(caller, call.params.get("uri"))}, lasting=0)


def _prompt(call: Call, caller: Caller, catalogue: Catalogue) -> dict[str, Any]:
    return call.result(catalogue.prompt(caller.client, call.params.get("name"), _arguments(call)))


def _list(name: str, items: Callable[[Caller, Catalogue], list[Any]]) -> _Method:
    return lambda call, caller, catalogue: call.result({name: items(caller, catalogue)}, lasting=rpc.LASTING_MS)


_Method = Callable[[Call, Caller, Catalogue], dict[str, Any] | Iterator[Event]]
_BOTH: Final[dict[str, _Method]] = {
    "tools/list": _list("tools", lambda _, offered: [tool.listed for tool in offered.tools.values()]),
    "tools/call": _call_tool,
    "resources/list": _list("resources", lambda caller, offered: offered.resources(caller.client)),
    "resources/templates/list": _list("resourceTemplates", lambda _, offered: list(offered.templates)),
    "resources/read": _read,
    "prompts/list": _list("prompts", lambda _, offered: offered.listed_prompts()),
    "prompts/get": _prompt,
}
_MODERN: Final = {**_BOTH, "server/discover": _discover}
_LEGACY: Final = {**_BOTH, "initialize": _initialize, "ping": _ping, "logging/setLevel": _set_level}
