"""The real app with what the conformance suite calls by name besides: in the same table, behind the same door.

For tests alone: nothing of it is in the app that people run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from poslogs.access.clients import Client
from poslogs.agents.agent_tools import AgentTool, Catalogue
from poslogs.agents.events import Caller, Event, LogMessage, Outcome, Progress
from poslogs.app import create_app
from poslogs.settings import Settings
from poslogs.tools.inputs import Input
from poslogs.tools.schema import schema_of
from poslogs.tools.toolbox import Toolbox

PAUSE_S = 0.05
TEXT, DATA = "test://static-text", "test://template/"


def text(said: str, *, error: bool = False) -> Callable[[Caller, Input], Outcome]:
    return lambda caller, given: Outcome(text=said, error=error)


def progress(*done: float) -> Callable[[Caller, Input], Iterator[Event]]:
    def run(caller: Caller, given: Input) -> Iterator[Event]:
        for each in done:
            yield Progress(each, 100.0, f"{each:g} of 100")
            time.sleep(PAUSE_S)
        yield Outcome(text="The end of it.")

    return run


def notes(caller: Caller, given: Input) -> Iterator[Event]:
    for said in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        yield LogMessage("info", "test", said)
        time.sleep(PAUSE_S)
    yield Outcome(text="All of it was logged.")


RUNS: dict[str, Callable[[Caller, Input], Outcome | Iterator[Event]]] = {
    "test_simple_text": text("This is a simple text response for testing."),
    "test_error_handling": text("This tool intentionally returns an error for testing", error=True),
    "test_tool_with_progress": progress(0.0, 50.0, 100.0),
    "test_tool_with_logging": notes,
    "test_logging_tool": notes,
    "test_streaming_elicitation": progress(50.0),
    "test_missing_capability": text("This client can sample."),
}


class ConformanceCatalogue(Catalogue):
    """All that is offered, and the suite's own."""

    templates = (
        *Catalogue.templates,
        {"uriTemplate": f"{DATA}{{id}}/data", "name": "data", "mimeType": "application/json"},
    )
    prompts: Mapping[str, tuple[str, str]] = {
        **Catalogue.prompts,
        "test_simple_prompt": ("A prompt without arguments", "This is a simple prompt for testing."),
        "test_prompt_with_arguments": ("A prompt with two", "Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"),
    }

    def __init__(self, toolbox: Toolbox) -> None:
        super().__init__(toolbox)
        for name, run in RUNS.items():
            needs = {"sampling": {}} if name == "test_missing_capability" else {}
            self.tools[name] = AgentTool(
                name, "For the conformance suite.", schema_of(), name, None, run, open_world=False, needs=needs
            )

    def resources(self, client: Client) -> list[dict[str, Any]]:
        return [*super().resources(client), {"uri": TEXT, "name": "text", "mimeType": "text/plain"}]

    def read(self, client: Client, uri: object) -> list[dict[str, Any]]:
        if uri == TEXT:
            said = "This is the content of the static text resource."
            return [{"uri": TEXT, "mimeType": "text/plain", "text": said}]
        if isinstance(uri, str) and uri.startswith(DATA):
            number = uri.removeprefix(DATA).removesuffix("/data")
            said = f'{{"id": "{number}", "templateTest": true, "data": "Data for ID: {number}"}}'
            return [{"uri": uri, "mimeType": "application/json", "text": said}]
        return super().read(client, uri)

    def prompt(self, client: Client, name: object, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if isinstance(name, str) and name.startswith("test_") and name in self.prompts:
            said = self.prompts[name][1].format(**arguments)
            return {"messages": [{"role": "user", "content": {"type": "text", "text": said}}]}
        return super().prompt(client, name, arguments)


app = create_app(Settings.read(), catalogue=ConformanceCatalogue)
