"""An agent over raw HTTP: its requests in both eras, and what comes back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.support.platformos import PlatformOS
from tests.support.reader import Reader
from tests.support.server import Server
from tests.wire.exchange import OTHER, PLENTY, READER, Answer, ask, clients, request

Start = Callable[..., Server]  # the fixture `server`
KINDS = ["gevent", "gthread"]
VERSION = "2026-07-28"
LEGACY = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
PREFIX = "io.modelcontextprotocol/"
ACCEPT = "Accept: application/json, text/event-stream"
FETCH, LIVE, REPORT = "platformos_logs_fetch", "platformos_logs_live", "platformos_logs_report"
ENV_LIST = "platformos_env_list"
NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


@contextmanager
def serving(start: Start, kind: str, **more: Any) -> Iterator[tuple[Server, PlatformOS]]:
    """A server, and a stand-in of platformOS as its `staging` and its `production`, which OTHER may not read."""
    with PlatformOS() as platformos:
        listed = more.pop("clients", clients(other={"token": OTHER, "envs": ["staging"], "limits": PLENTY}))
        environments = {"staging": platformos, "production": platformos}
        yield start(kind, environments=environments, clients=listed, **more), platformos


def message(method: str, params: Mapping[str, Any] | None = None, id: Any = 7, meta: Mapping[str, Any] | None = None,
            modern: bool = True) -> dict[str, Any]:  # fmt: skip
    """A request; a modern one says what it must about itself."""
    own = {f"{PREFIX}protocolVersion": VERSION, f"{PREFIX}clientCapabilities": {}} if modern else {}
    told = {**(params or {}), **({"_meta": {**own, **(meta or {})}} if own or meta else {})}
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": told}


def headers(asked: Mapping[str, Any], **changed: str | None) -> list[str]:
    """The headers of a modern request, less those that are None, with others changed (`_` stands for `-`)."""
    lines = {"MCP-Protocol-Version": VERSION, "Mcp-Method": asked["method"]}
    if asked["method"] in NAMED:
        lines["Mcp-Name"] = str(asked["params"].get(NAMED[asked["method"]]))
    lines.update({name.replace("_", "-"): value for name, value in changed.items()})  # type: ignore[misc]
    return [f"{name}: {value}" for name, value in lines.items() if value is not None]


def send(server: Server, body: object, *lines: str, token: str | None = READER, accept: str | None = ACCEPT) -> Answer:
    """The answer to a POST of any body."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask(server, request("/mcp", data, *lines, *([accept] if accept else []), token=token))


def asked(server: Server, method: str, params: Mapping[str, Any] | None = None, *, modern: bool = True,
          token: str = READER, **kw: Any) -> Answer:  # fmt: skip
    """The answer to a request of either era."""
    told = message(method, params, modern=modern, **kw)
    return send(server, told, *(headers(told) if modern else ()), token=token)


def result(answer: Answer) -> dict[str, Any]:
    """The result in an answer. AssertionError when it is an error, or not in the form of a JSON-RPC answer."""
    assert answer.status == 200, answer
    assert answer.headers["content-type"] == "application/json", answer
    told = json.loads(answer.body)
    assert set(told) == {"jsonrpc", "id", "result"}, told
    assert told["jsonrpc"] == "2.0", told
    found: dict[str, Any] = told["result"]
    return found


def error(answer: Answer, id: Any = 7) -> dict[str, Any]:
    """The error in an answer, whose id must be this. AssertionError when it is none."""
    assert answer.headers["content-type"] == "application/json", answer
    told = json.loads(answer.body)
    assert set(told) == {"jsonrpc", "id", "error"}, told
    assert (told["jsonrpc"], told["id"]) == ("2.0", id), told
    found: dict[str, Any] = told["error"]
    assert isinstance(found["message"], str), found
    assert found["message"], found
    return found


def content(found: Mapping[str, Any]) -> dict[str, Any]:
    """What a tool answered: the same object as text and as structured content."""
    assert not found.get("isError"), found
    (text,) = found["content"]
    assert text["type"] == "text"
    structured: dict[str, Any] = found["structuredContent"]
    assert json.loads(text["text"]) == structured
    assert ": " not in text["text"][:12], "not compact"
    return structured


def called(server: Server, tool: str, *, modern: bool = True, token: str = READER, **arguments: Any) -> dict[str, Any]:
    """The object that a tool answers in JSON."""
    return content(result(asked(server, "tools/call", {"name": tool, "arguments": arguments}, modern=modern,
                                token=token)))  # fmt: skip


def refused(server: Server, tool: str, *, modern: bool = True, token: str = READER, **arguments: Any) -> str:
    """The sentence of a call that ends as an error which a model can mend."""
    return mendable(result(asked(server, "tools/call", {"name": tool, "arguments": arguments}, modern=modern,
                                 token=token)))  # fmt: skip


def mendable(found: Mapping[str, Any]) -> str:
    """The sentence of an error result."""
    assert found["isError"] is True, found
    assert "structuredContent" not in found
    (text,) = found["content"]
    assert text["type"] == "text"
    assert isinstance(text["text"], str)
    return text["text"]


def live(server: Server, *, modern: bool = True, meta: Mapping[str, Any] | None = None, token: str = READER,
         tool: str = LIVE, gzip: bool = False, **arguments: Any) -> Reader:  # fmt: skip
    """A live call on `staging` as it goes on."""
    told = message("tools/call", {"name": tool, "arguments": {"env": "staging", **arguments}}, modern=modern, meta=meta)
    lines = [ACCEPT, *(headers(told) if modern else ())]
    sent = dict(line.split(": ", 1) for line in lines)
    return Reader(server.url, told, token=token, path="/mcp", headers=sent, gzip=gzip)


def messages(reader: Reader) -> list[tuple[float, dict[str, Any]]]:
    """What has come, each with the moment of its arrival."""
    return [(frame.at, json.loads(frame.data)) for frame in list(reader.frames) if frame.data is not None]


def told(reader: Reader, method: str) -> list[dict[str, Any]]:
    """The parameters of the notifications of a kind that have come."""
    return [each["params"] for _, each in messages(reader) if each.get("method") == f"notifications/{method}"]


def ended(reader: Reader, timeout: float = 15) -> dict[str, Any]:
    """The result with which a stream ends: the last message, and the only one that is not a notification."""
    reader.wait_end(timeout)
    assert reader.ended_clean, reader.dump()
    *before, (_, last) = messages(reader)
    assert set(last) == {"jsonrpc", "id", "result"}, last
    assert all("id" not in each and "method" in each for _, each in before)
    found: dict[str, Any] = last["result"]
    return found
