"""The table of tools: name, text and schema of each, and what it does with a checked input."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from poslogs.access.clients import Client
from poslogs.errors import (
    BadInput,
    Forbidden,
    NotFound,
    TokenRefused,
    Unavailable,
    UnknownEnvironment,
    UnusableEnvironment,
)
from poslogs.plain import plain
from poslogs.platformos import entries
from poslogs.platformos.entries import MAX_MESSAGE_BYTES
from poslogs.platformos.environments import Environment, Environments
from poslogs.platformos.gateway import GatewayError
from poslogs.streaming import fetch, report
from poslogs.streaming.answer import PIECE_BYTES
from poslogs.streaming.backfill import Asker
from poslogs.streaming.backward import Ask
from poslogs.streaming.feed import Feed
from poslogs.streaming.feeds import Feeds
from poslogs.streaming.fetch import Found
from poslogs.streaming.frames import moment
from poslogs.streaming.report import Report
from poslogs.streaming.stream import Start, Stream
from poslogs.streaming.window import Selection

INTERVAL_MS: Final = (250, 3000, 3_600_000)  # least, default, most
DURATION_MS: Final = (1, 300_000, 86_400_000)
LIMIT: Final = (1, 100, 10_000)
MINUTES: Final = (1, 60, 10_080)
MESSAGE_BYTES: Final = (256, MAX_MESSAGE_BYTES)
FIRST_ID: Final = "0"  # the position before every entry
MAX_TAIL: Final = 10_000
MAX_FILTER_CHARS: Final = 200
RETRY_SECONDS: Final = 5
ID_BITS: Final = 64  # of an id as a number; a longer number is not written out as text
EXACT: Final = 2**53  # a float beyond may have been another number when it was written
UNITS: Final = {  # of the inputs that are numbers, as refusals tell them
    "interval": "in milliseconds",
    "maxDuration": "in milliseconds",
    "minutes": "in whole minutes",
    "limit": "a whole number of entries",
    "tail": "a whole number of entries",
    "maxMessage": "in whole bytes",
}

Input = Mapping[str, Any]


def whole(bounds: tuple[int, int, int], text: str) -> dict[str, object]:
    """The schema of a whole number: least, default, most, and its description."""
    least, default, most = bounds
    return {"type": "integer", "minimum": least, "maximum": most, "default": default, "description": text}


_ENV = {"type": "string", "minLength": 1, "description": "Name of the environment, as platformos.env.list gives it."}
_FILTER = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_FILTER_CHARS,
    "description": "Only entries whose whole type or error_type is this, ignoring case, such as error or LiquidError.",
}
_LAST_ID = {
    "type": "string",
    "pattern": "^[0-9]{1,19}$",
    "description": "Id of the last entry that is known; what came after it follows.",
}
_TAIL = {
    "type": "integer",
    "minimum": 0,
    "maximum": MAX_TAIL,
    "description": "Begin with so many of the newest entries; 0 begins with what comes from now on.",
}
_MAX_MESSAGE = {
    "type": "integer",
    "minimum": MESSAGE_BYTES[0],
    "maximum": MESSAGE_BYTES[1],
    "description": "Most bytes of a message, for clients that bound a line; a longer one is cut at the power of two at "
    "or below it, and its entry says so: cut is true. Data that is longer is left out.",
}
_FOLLOWING: Final[dict[str, Mapping[str, object]]] = {  # the inputs of both tools that stream
    "env": _ENV,
    "interval": whole(INTERVAL_MS, "How stale the stream may get, in milliseconds."),
    "filter": _FILTER,
    "lastId": _LAST_ID,
    "tail": _TAIL,
    "maxMessage": _MAX_MESSAGE,
}


def schema_of(*required: str, **properties: Mapping[str, object]) -> dict[str, object]:
    """The schema of an input: which of its properties must be given, and what each is."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


@dataclass(frozen=True)
class Tool:
    """One thing that callers can have done; `streams` tells which door is its own."""

    name: str
    description: str
    schema: dict[str, object]
    streams: bool = False
    _validator: Draft202012Validator = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_validator", Draft202012Validator(self.schema))

    @property
    def door(self) -> str:
        """The path that it is called at."""
        return "/call-stream" if self.streams else "/call"

    @property
    def inputs(self) -> dict[str, Any]:
        """The schemas of its inputs by name."""
        properties = self.schema["properties"]
        assert isinstance(properties, dict)
        return properties

    @property
    def required(self) -> list[str]:
        """The inputs that must be given."""
        required = self.schema["required"]
        assert isinstance(required, list)
        return required

    def check(self, input_: object) -> Input:
        """The input with its defaults, numbers as the schema has them. Raises BadInput, which names what is wrong.

        More is taken than the schema says: null for an input that is left out, a number as an id, fractions of
        milliseconds.
        """
        input_ = self._meant(input_)
        error = min(self._validator.iter_errors(input_), key=_rank, default=None)
        if error is not None:
            raise BadInput(self._sentence(error))
        assert isinstance(input_, dict)
        defaults = {name: schema["default"] for name, schema in self.inputs.items() if "default" in schema}
        given = {name: int(value) if isinstance(value, float) else value for name, value in input_.items()}
        if "tail" in given and "limit" in given:
            raise BadInput("`tail` and `limit` both say how many entries; leave one out.")
        return {**defaults, **given}

    def _meant(self, input_: object) -> object:
        if not isinstance(input_, dict):
            return input_
        known = self.inputs
        given = {name: value for name, value in input_.items() if value is not None or name not in known}
        return {name: _number(name, value, known.get(name, {})) for name, value in given.items()}

    def _sentence(self, error: ValidationError) -> str:
        takes = ", ".join(self.inputs) or "no input"
        if not error.path:
            given = error.instance if isinstance(error.instance, dict) else {}
            if error.validator == "required":
                missing = next(name for name in self.required if name not in given)
                return f"`{missing}` is missing from the input; {self.name} takes {takes}."
            if error.validator == "additionalProperties":
                unknown = _short(next(name for name in given if name not in self.inputs)).strip('"')
                return f"`{unknown}` is not an input of {self.name}; it takes {takes}."
            return "`input` must be a JSON object."
        name = str(error.path[0])
        schema = self.inputs[name]
        got = _short(error.instance)
        if schema["type"] == "boolean":
            return f"`{name}` must be true or false, not {got}."
        if "enum" in schema:
            return f"`{name}` must be {' or '.join(schema['enum'])}, not {got}."
        if schema["type"] == "integer":
            unit, least, most = UNITS[name], schema["minimum"], schema["maximum"]
            if error.validator in ("minimum", "maximum"):
                size = "small" if error.validator == "minimum" else "large"
                return f"`{name}` is {unit}, {least} to {most}; {got} is too {size}."
            return f"`{name}` is {unit}, {least} to {most}, not {got}."
        if "pattern" in schema:
            return f"`{name}` must be the id of an entry, 1 to 19 digits, not {got}."
        if "maxLength" in schema:
            return f"`{name}` must be a string of 1 to {schema['maxLength']} characters, not {got}."
        return f"`{name}` must be a string that is not empty, not {got}."


def _number(name: str, value: object, schema: Mapping[str, object]) -> object:
    """A number as the schema of its input has it; anything else as it is."""
    divisible = UNITS.get(name) == "in milliseconds"
    if isinstance(value, float) and abs(value) <= EXACT and (divisible or value.is_integer()):
        value = round(value)
    if "pattern" in schema and type(value) is int and value.bit_length() <= ID_BITS:
        return str(value)
    return value


def _rank(error: ValidationError) -> tuple[int, str]:
    order = ("type", "required", "additionalProperties")
    return (order.index(error.validator) if not error.path and error.validator in order else len(order)), error.message


def _short(value: object) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = plain(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= 40 else f"{text[:40]}…"


TOOLS: Final = {
    tool.name: tool
    for tool in (
        Tool(
            "platformos.logs.stream",
            "Streams the log of an environment, one entry a frame, for as long as the caller listens.",
            schema_of("env", **_FOLLOWING),
            streams=True,
        ),
        Tool(
            "platformos.logs.live",
            "Streams the log of an environment for a set time; rows that platformOS shows late arrive too, once.",
            schema_of(
                "env",
                **_FOLLOWING,
                maxDuration=whole(DURATION_MS, "How long the stream lasts, in milliseconds; then it ends with done."),
            ),
            streams=True,
        ),
        Tool(
            "platformos.logs.fetch",
            "Answers the newest entries, or with lastId the first after it, and ends.",
            schema_of(
                "env",
                env=_ENV,
                lastId={
                    **_LAST_ID,
                    "description": "The first entries after the entry of this id; 0: from the beginning.",
                },
                limit=whole(LIMIT, "How many entries at most."),
                filter=_FILTER,
                tail={
                    **_TAIL,
                    "description": "In place of lastId and limit: so many of the newest entries, as limit alone says.",
                },
                maxMessage=_MAX_MESSAGE,
            ),
        ),
        Tool(
            "platformos.env.list",
            "Answers the environments that this token may read, by name and address.",
            schema_of(),
        ),
        Tool(
            "platformos.logs.report",
            "Counts the entries since lastId or of the last minutes, by type and hour, and groups their errors.",
            schema_of(
                "env",
                env=_ENV,
                lastId={**_LAST_ID, "description": "Only what came after the entry of this id."},
                minutes={
                    "type": "integer",
                    "minimum": MINUTES[0],
                    "maximum": MINUTES[2],
                    "description": "Only entries of so many last minutes; with neither this nor lastId it is 60.",
                },
            ),
        ),
    )
}


class Toolbox:
    """Does what the tools say, for one client at a time and within what it may read."""

    def __init__(self, environments: Environments, feeds: Feeds, *, heartbeat: float) -> None:
        self._environments = environments
        self._feeds = feeds
        self._heartbeat = heartbeat

    def tool(self, name: object, *, streams: bool) -> Tool:
        """The tool of that name, at the right door. Raises NotFound or BadInput."""
        if not isinstance(name, str):
            raise BadInput("`tool` must be the name of a tool, as a string; GET /tools lists them.")
        tool = TOOLS.get(name) or TOOLS.get(name.replace("_", "."))  # as agents are told the names
        if tool is None:
            raise NotFound(f"There is no tool {_short(name)}; there are {', '.join(TOOLS)}.")
        if tool.streams is not streams:
            how = "streams" if tool.streams else "ends by itself"
            raise BadInput(f"{name} {how}: POST it to {tool.door}.")
        return tool

    def environments(self, client: Client) -> list[Environment]:
        """What a client may read."""
        return [env for env in self._environments.all().values() if client.may_read(env)]

    def unusable(self, client: Client) -> dict[str, str]:
        """What is wrong with each environment that a client may read and nobody can: a sentence by name."""
        return {
            name: told
            for name, told in self._environments.unusable.items()
            if client.may_read(Environment(name, url=""))
        }

    def environment(self, client: Client, name: str) -> Environment:
        """One environment. Raises UnknownEnvironment, UnusableEnvironment, or Forbidden when it is not the client's."""
        environment = self._environments.get(name)
        if environment is None:
            if reason := self.unusable(client).get(name):
                raise UnusableEnvironment(f"In the server's .pos, {plain(reason)}")
            known = ", ".join(env.name for env in self.environments(client)) or "none"
            raise UnknownEnvironment(f"Unknown environment {_short(name)}; known: {known}.")
        if not client.may_read(environment):
            raise Forbidden(f"This token may not read environment {name}.")
        return environment

    def open(self, client: Client, tool: Tool, input_: Input, last_event_id: str) -> Stream:
        """The stream of a tool that streams; `last_event_id` wins over the input's own start."""
        environment = self.environment(client, input_["env"])
        return Stream(
            self._feeds.of(environment),
            selection=selection_of(input_, late=tool.name == "platformos.logs.live"),
            start=start_of(input_, last_event_id),
            interval=input_["interval"] / 1000,
            heartbeat=self._heartbeat,
            duration=input_["maxDuration"] / 1000 if "maxDuration" in input_ else math.inf,
            client=client.id,
        )

    def call(self, client: Client, tool: Tool, input_: Input, asker: Asker) -> Iterator[bytes]:
        """The answer of a tool that ends by itself, as JSON in pieces of PIECE_BYTES or more, but for the last.

        The first piece raises BadInput, and what `fetch` raises when platformOS gives nothing. What fails later ends
        the answer with what there is, which it says.
        """
        if tool.name == "platformos.env.list":
            yield orjson.dumps({"envs": [{"name": env.name, "url": env.url} for env in self.environments(client)]})
            return
        environment = self.environment(client, input_["env"])
        if tool.name == "platformos.logs.report":
            yield orjson.dumps(self.report(environment, input_, asker))
            return
        most = max_message_of(input_)
        with self.fetch(environment, input_, asker) as found:
            made = bytearray(b'{"logs":[')
            comma = b""
            for piece in found.pieces:
                for entry in piece:
                    made += comma + entries.shortened(entry.json, most)
                    comma = b","
                piece.clear()  # whoever made it waits with it until the client has read on
                del entry
                if len(made) >= PIECE_BYTES:
                    yield _taken(made)
            made += b'],"lastId":"%d","truncated":%s}' % (found.last, b"true" if found.truncated else b"false")
        yield _taken(made)

    @contextmanager
    def fetch(
        self, environment: Environment, input_: Input, asker: Asker, *, newest_first: bool = False
    ) -> Iterator[Found]:
        """The first `limit` entries after `lastId`, or without it the newest, which may come newest first.

        `tail` is how many of the newest, in place of `limit`.

        Raises BadInput; in its body, Unavailable when platformOS gives nothing, TokenRefused when it never will.
        """
        selection = selection_of(input_, late=False)
        start = start_of(input_)
        with self._asking(environment, asker) as ask:
            if start.position is not None:
                found = fetch.first(ask, start.position, input_["limit"], selection)
            else:
                count = input_["limit"] if start.tail is None else start.tail
                which = fetch.latest if newest_first else fetch.newest
                found = which(ask, environment.name, count, selection)
            found.misses = lambda: self.feed(environment).newest_first is not None
            yield found

    def report(self, environment: Environment, input_: Input, asker: Asker) -> dict[str, Any]:
        """What came after `lastId`, within the last `minutes`, in numbers. Raises as `fetch`."""
        start = start_of(input_)
        minutes = input_.get("minutes", MINUTES[1] if start.position is None else None)
        since = "" if minutes is None else moment(time.time() - 60 * minutes)
        with self._asking(environment, asker) as ask:
            counted = Report(environment.name, since)
            told = report.read(ask, counted, start.position or 0)
        return told | {"truncated": told["truncated"] or self.feed(environment).newest_first is not None}

    def feed(self, environment: Environment) -> Feed:
        """The one poller of an environment."""
        return self._feeds.of(environment)

    @contextmanager
    def _asking(self, environment: Environment, asker: Asker) -> Iterator[Ask]:
        try:
            with self._feeds.of(environment).asking(asker) as ask:
                yield ask
        except GatewayError as error:
            if error.refused:
                raise TokenRefused(error.sentence) from None
            wait = RETRY_SECONDS if error.retry_after is None else math.ceil(error.retry_after)
            raise Unavailable(error.sentence, retry_after=wait) from None


def _taken(made: bytearray) -> bytes:
    taken = bytes(made)
    made.clear()
    return taken


def selection_of(input_: Input, *, late: bool) -> Selection:
    """What an input asks for."""
    wanted = input_.get("filter")
    return Selection(None if wanted is None else wanted.casefold(), late, max_message_of(input_))


def max_message_of(input_: Input) -> int | None:
    """Where messages are cut: the power of two at or below `maxMessage`, so that readers share what was cut."""
    given = input_.get("maxMessage")
    return None if given is None else 1 << (given.bit_length() - 1)


def start_of(input_: Input, last_event_id: str = "") -> Start:
    """Where an input begins; `last_event_id` wins. Raises BadInput."""
    if last_event_id:
        return Start(position=_position(last_event_id, "Last-Event-ID"))
    last_id, tail = input_.get("lastId"), input_.get("tail")
    if tail is not None:
        if last_id not in (None, FIRST_ID):
            raise BadInput("`lastId` and `tail` name two different beginnings; leave one out.")
        return Start(tail=tail)
    return Start(position=None if last_id is None else _position(last_id, "`lastId`"))


def _position(text: str, name: str) -> int:
    position = entries.position(text)
    if position is None:
        raise BadInput(f"{name} must be the id of an entry, 1 to 19 digits up to {entries.MAX_ID}.")
    return position
