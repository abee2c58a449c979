"""The table of what agents are offered: tools with what they answer, resources and prompts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, unquote

import orjson

from poslogs.access.clients import Client
from poslogs.agents import live
from poslogs.agents.answers import ENTRIES, ENVS, OPTIONAL, STOPPED, described, object_of
from poslogs.agents.answers import REPORT as REPORTED
from poslogs.agents.entry_budget import EntryBudget
from poslogs.agents.events import Caller, Event, Outcome
from poslogs.agents.texts import (
    DATA,
    ENVS_NAME,
    FETCH_NAME,
    FETCH_TEXT,
    INSTRUCTIONS,
    LIVE_NAME,
    LIVE_TEXT,
    PROMPTS,
    REPORT_NAME,
    REPORT_TEXT,
    inputs_of,
)
from poslogs.errors import BadInput, Forbidden, NotFound, UnknownEnvironment
from poslogs.plain import plain
from poslogs.tools import environments, joint
from poslogs.tools.fetch import found_in
from poslogs.tools.inputs import Input
from poslogs.tools.schema import ONE_FILTER, QUERY, whole
from poslogs.tools.selection import around_of
from poslogs.tools.table import ENVIRONMENTS, FETCH, LIVE, REPORT, TOOLS, spelt_for_agents
from poslogs.tools.tool import Tool
from poslogs.tools.toolbox import Chosen, Toolbox

LIMITS: Final = {FETCH.name: (1, 20, 200), LIVE.name: (1, 100, 200)}
DURATION_MS: Final = (1000, 25_000, 55_000)  # hosts give up at 60 s, and a lost call loses its result
RESOURCE_ENTRIES: Final = 50

_FULL: Final = described("boolean", "Whether each entry comes with its data and its whole message.", default=False)
_UNTIL: Final = described("string", "end: wait until maxDuration; first: until entries have come.",
                          enum=["end", "first"], default="end")  # fmt: skip


@dataclass(frozen=True)
class AgentTool(Tool):
    """A tool as agents see it; `run` answers at once, or gives the events of a call that takes its time."""

    title: str
    output: Mapping[str, Any] | None  # the schema's properties of what it answers; None for a text alone
    run: Callable[[Caller, Input], Outcome | Iterator[Event]]
    open_world: bool = True
    needs: Mapping[str, Any] = field(default_factory=dict)  # capabilities that a caller must have

    @property
    def listed(self) -> dict[str, Any]:
        """What tools/list says of it."""
        hints = {"readOnlyHint": True, "destructiveHint": False, "idempotentHint": True}
        said = {"name": self.name, "title": self.title, "description": self.description,
                "inputSchema": self.schema,
                "annotations": {"title": self.title, **hints, "openWorldHint": self.open_world}}  # fmt: skip
        return (
            said
            if self.output is None
            else said | {"outputSchema": object_of("The answer.", dict(self.output), *OPTIONAL)}
        )


class Catalogue:
    """All that is offered, on a toolbox."""

    instructions = INSTRUCTIONS

    def __init__(self, toolbox: Toolbox) -> None:
        self._toolbox = toolbox
        limits = {name: whole(bounds, "Most entries to return.") for name, bounds in LIMITS.items()}
        lasts = whole(DURATION_MS, "How long the call waits, in milliseconds.")
        tools = (
            AgentTool(ENVS_NAME, "Lists the environments that may be read, by name and address.",
                      inputs_of(ENVIRONMENTS), "Environments", ENVS, self._envs, open_world=False),
            AgentTool(FETCH_NAME, FETCH_TEXT,
                      inputs_of(FETCH, "env", "lastId", "since", "until", "around", filter=ONE_FILTER, query=QUERY,
                                limit=limits[FETCH.name], full=_FULL),
                      "Fetch log entries", ENTRIES, self._fetch),
            AgentTool(LIVE_NAME, LIVE_TEXT,
                      inputs_of(LIVE, "env", "lastId", "since", filter=ONE_FILTER, query=QUERY,
                                limit=limits[LIVE.name], full=_FULL, maxDuration=lasts, until=_UNTIL),
                      "Wait for log entries", {**ENTRIES, **STOPPED}, self._live),
            AgentTool(REPORT_NAME, REPORT_TEXT,
                      inputs_of(REPORT, "env", "lastId", "minutes", "since", "until", filter=ONE_FILTER, query=QUERY),
                      "Report on a log", REPORTED, self._report),
        )  # fmt: skip
        self.tools: dict[str, AgentTool] = {tool.name: tool for tool in tools}

    def tool(self, name: object) -> AgentTool:
        """The tool of a name, which may be spelt with dots. Raises NotFound."""
        text = name if isinstance(name, str) else ""
        tool = self.tools.get(spelt_for_agents(TOOLS[text]) if text in TOOLS else text)
        if tool is None:
            raise NotFound(f"There is no tool {_short(name)}; there are {', '.join(self.tools)}.")
        return tool

    # Resources and prompts

    templates: tuple[dict[str, Any], ...] = ({
        "uriTemplate": "platformos://{env}/logs", "name": "logs", "title": "Newest log entries",
        "description": f"The newest {RESOURCE_ENTRIES} log entries of an environment. {DATA}",
        "mimeType": "application/json",
    },)  # fmt: skip

    def resources(self, client: Client) -> list[dict[str, Any]]:
        """One for each environment of a client."""
        kept = {name: value for name, value in self.templates[0].items() if name != "uriTemplate"}
        return [
            {**kept, "uri": f"platformos://{quote(env.name, safe='')}/logs", "name": f"logs of {plain(env.name)}"}
            for env in self._toolbox.environments(client)
        ]

    def read(self, caller: Caller, uri: object) -> list[dict[str, Any]]:
        """The contents of a resource. Raises NotFound, or Unavailable when platformOS gives nothing."""
        text = uri if isinstance(uri, str) else ""
        name = unquote(text.removeprefix("platformos://").removesuffix("/logs"))
        known = {env.name: env for env in self._toolbox.environments(caller.client)}
        if not (text.startswith("platformos://") and text.endswith("/logs") and name in known):
            raise NotFound(f"There is no resource {_short(uri)}; resources/list names those that there are.")
        asked = {"tail": RESOURCE_ENTRIES}
        with caller.place() as asker, found_in(self._toolbox, known[name], asked, asker, newest_first=True) as found:
            answer = EntryBudget(RESOURCE_ENTRIES, full=False).fill(name, found, newest=True)
        return [{"uri": text, "mimeType": "application/json", "text": orjson.dumps(answer).decode()}]

    prompts: Mapping[str, tuple[str, str]] = PROMPTS

    def listed_prompts(self) -> list[dict[str, Any]]:
        """What prompts/list says of them."""
        env = {"name": "env", "description": "Name of the environment.", "required": True}
        return [{"name": name, "title": title, "description": f"{title}.", "arguments": [env]}
                for name, (title, _) in self.prompts.items()]  # fmt: skip

    def prompt(self, client: Client, name: object, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The messages of a prompt. Raises NotFound or BadInput."""
        if not isinstance(name, str) or name not in self.prompts:
            raise NotFound(f"There is no prompt {_short(name)}; there are {', '.join(self.prompts)}.")
        title, text = self.prompts[name]
        if set(arguments) != {"env"} or not isinstance(arguments["env"], str):
            raise BadInput(f"{name} takes one argument, env, the name of an environment.")
        env = ",".join(self._chosen(client, arguments).names)
        message = {"role": "user", "content": {"type": "text", "text": text.format(env=json.dumps(env))}}
        return {"description": f"{title}.", "messages": [message]}

    # What the tools do

    def _chosen(self, client: Client, input_: Input) -> Chosen:
        name = input_["env"]
        try:
            return self._toolbox.chosen(client, name)
        except (UnknownEnvironment, Forbidden) as refusal:
            known = ", ".join(env.name for env in self._toolbox.environments(client)) or "none"
            what = "Unknown environment" if isinstance(refusal, UnknownEnvironment) else "This token may not read"
            raise BadInput(f"{what} {_short(name)}. Call platformos_env_list; known: {known}.") from None

    def _envs(self, caller: Caller, _: Input) -> Outcome:
        return Outcome(environments.listed(self._toolbox, caller.client))

    def _fetch(self, caller: Caller, input_: Input) -> Outcome:
        chosen = self._chosen(caller.client, input_)
        budget = EntryBudget(input_["limit"], full=input_["full"], joint=chosen.joint)
        newest = not {"lastId", "since"} & input_.keys()
        with caller.place() as asker:
            if chosen.joint:
                found = joint.fetched(self._toolbox, chosen, input_, asker, budget.has_room)
                return Outcome(budget.answer(chosen.text, found.last, truncated=found.truncated))
            (environment,) = chosen.environments
            with found_in(self._toolbox, environment, input_, asker, newest_first=newest) as found_:
                if (middle := around_of(input_)) is not None:
                    return Outcome(budget.fill_around(environment.name, found_, middle))
                return Outcome(budget.fill(environment.name, found_, newest=newest))

    def _live(self, caller: Caller, input_: Input) -> Iterator[Event]:
        return live.follow(self._toolbox, self._chosen(caller.client, input_), caller, input_)

    def _report(self, caller: Caller, input_: Input) -> Outcome:
        chosen = self._chosen(caller.client, input_)
        with caller.place() as asker:
            return Outcome(joint.report_on_chosen(self._toolbox, chosen, input_, asker))


def _short(value: object) -> str:
    text = plain(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= 60 else f"{text[:60]}…"
