"""The table of tools. A new tool is one more record here, and a module that does its work.

Every door reads this table: /call and /call-stream run what a record `does`, GET /tools and /openapi.json list the
records, and agents are offered tools derived from them (poslogs/agents). Tests hold the documents and the page to it.
"""

from __future__ import annotations

from typing import Final, TypeVar

from poslogs.errors import BadInput, NotFound
from poslogs.tools import environments, joint, stream
from poslogs.tools.inputs import quoted
from poslogs.tools.schema import (
    AROUND,
    DURATION_MS,
    ENV,
    FILTER,
    FOLLOWING,
    LAST_ID,
    LIMIT,
    MAX_MESSAGE,
    MINUTES,
    QUERY,
    SINCE,
    TAIL,
    UNTIL,
    schema_of,
    whole,
)
from poslogs.tools.tool import EndingTool, StreamingTool, Tool

STREAM: Final = StreamingTool(
    "platformos.logs.stream",
    "Streams the log of an environment, one entry a frame, for as long as the caller listens.",
    schema_of("env", **FOLLOWING),
    stream.opened,
    late=False,
)
LIVE: Final = StreamingTool(
    "platformos.logs.live",
    "Streams the log of an environment for a set time; rows that platformOS shows late arrive too, once.",
    schema_of(
        "env",
        **FOLLOWING,
        maxDuration=whole(DURATION_MS, "How long the stream lasts, in milliseconds; then it ends with done."),
    ),
    stream.opened,
    late=True,
)
FETCH: Final = EndingTool(
    "platformos.logs.fetch",
    "Returns the newest entries, with lastId or since the oldest after it, or those around one.",
    schema_of(
        "env",
        env=ENV,
        lastId={**LAST_ID, "description": "Return the oldest entries after this id; 0: from the beginning."},
        limit=whole(LIMIT, "Most entries to return."),
        filter=FILTER,
        query=QUERY,
        tail={
            **TAIL,
            "description": "How many of the newest entries, in place of lastId and limit.",
        },
        since=SINCE,
        until=UNTIL,
        around=AROUND,
        maxMessage=MAX_MESSAGE,
    ),
    joint.fetch,
)
ENVIRONMENTS: Final = EndingTool(
    "platformos.env.list",
    "Lists the environments that this token may read, by name and address.",
    schema_of(),
    environments.answer,
)
REPORT: Final = EndingTool(
    "platformos.logs.report",
    "Counts the entries since lastId, since a time or of the last minutes, by type and hour, and groups their errors.",
    schema_of(
        "env",
        env=ENV,
        lastId={**LAST_ID, "description": "Only entries after this id."},
        minutes={
            "type": "integer",
            "minimum": MINUTES[0],
            "maximum": MINUTES[2],
            "description": "Only entries of this many last minutes; 60 without this, lastId and since.",
        },
        since=SINCE,
        until={
            **UNTIL,
            "description": "Only entries up to this time, written as since is; minutes are counted back from it.",
        },
        filter=FILTER,
        query=QUERY,
    ),
    joint.report,
)

TOOLS: Final = {tool.name: tool for tool in (STREAM, LIVE, FETCH, ENVIRONMENTS, REPORT)}

T = TypeVar("T", bound=EndingTool | StreamingTool)


def spelt_for_agents(tool: Tool) -> str:
    """The name of a tool without the dots, which hosts of agents do not take."""
    return tool.name.replace(".", "_")


def find(name: object, kind: type[T]) -> T:
    """The tool of that name, which agents spell with `_`, if it is of this kind. Raises NotFound or BadInput."""
    if not isinstance(name, str):
        raise BadInput("`tool` must be the name of a tool, as a string; GET /tools lists them.")
    tool = TOOLS.get(name) or TOOLS.get(name.replace("_", "."))
    if tool is None:
        raise NotFound(f"There is no tool {quoted(name)}; there are {', '.join(TOOLS)}.")
    if not isinstance(tool, kind):
        how = "streams" if tool.streams else "ends by itself"
        raise BadInput(f"{name} {how}: POST it to {tool.door}.")
    return tool
