"""What the door of agents promises when a tool fails, or needs what a client lacks; with tools made for this."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder

from poslogs.agents.agent_tools import AgentTool, Catalogue
from poslogs.agents.events import Caller, Event, LogMessage, Outcome, Progress
from poslogs.app import create_app
from poslogs.settings import Settings
from poslogs.tools.inputs import Input
from poslogs.tools.schema import schema_of
from poslogs.tools.toolbox import Toolbox
from tests.unit.loops import ended
from tests.wire.agent import LIVE, PREFIX, VERSION, headers, message


def fails(caller: Caller, input_: Input) -> Outcome:
    raise ValueError("hidden reason")


def breaks(caller: Caller, input_: Input) -> Iterator[Event]:
    yield Progress(0, 100, "begun")
    raise ValueError("hidden reason")


def speaks(caller: Caller, input_: Input) -> Iterator[Event]:
    for done in (0, 50, 100):
        yield Progress(done, 100, f"{done}")
        yield LogMessage("notice", "test", done)
    yield Outcome(text="over")


def answers(caller: Caller, input_: Input) -> Outcome:
    return Outcome(text="simple")


class More(Catalogue):
    """The catalogue with tools of this test's own."""

    def __init__(self, toolbox: Toolbox) -> None:
        super().__init__(toolbox)
        for run, needs in ((fails, {}), (breaks, {}), (speaks, {}), (answers, {"sampling": {}})):
            self.tools[run.__name__] = AgentTool(
                run.__name__, "For a test.", schema_of(), "Test", None, run, needs=needs
            )


@pytest.fixture(scope="module", autouse=True)
def files_are_not_followed_on() -> Iterator[None]:
    """The apps of these tests, which open streams, would follow their files for as long as this process runs."""
    with ended("files"):
        yield


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    path = tmp_path / "clients.json"
    path.write_text('{"a": {"token": "t"}}')
    return create_app(Settings.read({"POSLOGS_CLIENTS_FILE": str(path)}), More).test_client()


def asking(tool: str, modern: bool, capabilities: object = None, **arguments: object) -> dict[str, Any]:
    """A call as the arguments of a test client's `post`."""
    asked = message(
        "tools/call",
        {"name": tool, "arguments": arguments},
        modern=modern,
        meta={"progressToken": 1, f"{PREFIX}logLevel": "notice"},
    )
    if capabilities is not None:
        asked["params"]["_meta"][f"{PREFIX}clientCapabilities"] = capabilities
    lines = dict(line.split(": ", 1) for line in (headers(asked) if modern else ()))
    lines |= {"Authorization": "Bearer t", "Accept": "application/json, text/event-stream"}
    return {"path": "/mcp", "json": asked, "headers": lines}


def call(client: FlaskClient, tool: str, modern: bool, capabilities: object = None) -> Any:
    return client.post(**asking(tool, modern, capabilities))


@pytest.mark.parametrize("modern", [True, False])
def test_what_nobody_foresaw_is_an_internal_error(client: FlaskClient, modern: bool) -> None:
    """It is HTTP 200 with -32603 and the request's id, and no word of the cause."""
    answer = call(client, "fails", modern)
    assert answer.status_code == 200
    assert answer.json == {"jsonrpc": "2.0", "id": 7, "error": {"code": -32603, "message": "Internal error"}}


@pytest.mark.parametrize("modern", [True, False])
def test_a_failure_midway_is_the_last_message(client: FlaskClient, modern: bool) -> None:
    """The stream ends with the failure."""
    answer = call(client, "breaks", modern)
    frames = answer.text.split("\n\n")
    assert (answer.status_code, frames[0], len(frames)) == (200, ": open", 4)
    assert json.loads(frames[2].partition("data: ")[2])["error"] == {"code": -32603, "message": "Internal error"}
    assert "hidden" not in answer.text


def test_a_tool_that_only_this_test_has_streams_as_any_other(client: FlaskClient) -> None:
    """The door knows no tool by name: what a tool says is sent in its order, byte by byte."""
    frames = call(client, "speaks", True).text.split("\n\n")
    messages = [json.loads(frame.partition("data: ")[2]) for frame in frames[1:-1]]
    assert [each["params"].get("progress", each["params"].get("data")) for each in messages[:-1]] == [
        0,
        0,
        50,
        50,
        100,
        100,
    ]
    assert frames[1] == (
        'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/progress",'
        '"params":{"progressToken":1,"progress":0,"total":100,"message":"0"}}'
    )
    assert frames[2] == (
        'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/message",'
        '"params":{"level":"notice","logger":"test","data":0}}'
    )
    assert messages[-1]["result"]["content"] == [{"type": "text", "text": "over"}]


def test_a_capability_that_is_missing_is_named(client: FlaskClient) -> None:
    """The answer is -32021 and 400 with an object. With the capability the tool answers."""
    answer = call(client, "answers", True)
    assert answer.status_code == 400
    error = answer.json["error"]
    assert (error["code"], error["data"]) == (-32021, {"requiredCapabilities": {"sampling": {}}})
    answer = call(client, "answers", True, {"sampling": {}})
    assert answer.json["result"]["content"] == [{"type": "text", "text": "simple"}]
    assert "structuredContent" not in answer.json["result"]
    assert VERSION in json.dumps(headers(message("ping")))


def test_a_body_that_is_closed_before_it_began_gives_its_slot_back(client: FlaskClient) -> None:
    """A server may close a response of which it never took a byte."""
    app = client.application
    slots = app.extensions["poslogs"].slots
    environ = EnvironBuilder(method="POST", multithread=True, **asking(LIVE, True, env="staging")).get_environ()
    body: Any = app(environ, lambda *_: lambda _: None)
    assert len(slots.all()) == 1
    body.close()
    assert slots.all() == []
