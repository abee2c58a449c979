"""A tool: one record of all that is known of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Protocol

from jsonschema import Draft202012Validator

from poslogs.access.clients import Client
from poslogs.streaming.backfill import Asker
from poslogs.streaming.driven import Driven
from poslogs.tools import inputs
from poslogs.tools.inputs import Input
from poslogs.tools.schema import Schema
from poslogs.tools.toolbox import Toolbox

LISTS: Final = ("items", "minItems", "maxItems")  # what a schema says of a list


@dataclass(frozen=True)
class Tool:
    """What a caller knows of a tool: its name, a sentence on what it does, and the schema of its input."""

    name: str
    description: str
    schema: Schema
    _validator: Draft202012Validator = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_validator", Draft202012Validator(self.schema))

    @property
    def published(self) -> Schema:
        """The schema as callers see it: one type a property, as many of their programs want it. A list is taken too."""
        one = {
            name: {key: value for key, value in its.items() if key not in LISTS} for name, its in self.inputs.items()
        }
        return self.schema | {"properties": {
            name: its | {"type": "string"} if isinstance(its["type"], list) else its for name, its in one.items()
        }}  # fmt: skip

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

    def check(self, given: object) -> Input:
        """The input with its defaults, numbers as the schema has them. Raises BadInput, which names what is wrong.

        More is taken than the schema says: null for an input that is left out, a number as an id, fractions of
        milliseconds.
        """
        return inputs.checked(self.name, self.inputs, self._validator, given)


Answer = Callable[[Toolbox, Client, Input, Asker], Iterator[bytes]]


@dataclass(frozen=True)
class EndingTool(Tool):
    """A tool that ends by itself.

    `does` gives its answer as JSON, in pieces of PIECE_BYTES or more but for the last. The first piece raises a
    Refusal; what fails later ends the answer with what there is, which the answer says.
    """

    streams: ClassVar[bool] = False
    door: ClassVar[str] = "/call"

    does: Answer


class Open(Protocol):
    """What a tool that streams does."""

    def __call__(self, toolbox: Toolbox, client: Client, input_: Input, last_event_id: str, *, late: bool) -> Driven:
        """The stream; `last_event_id` wins over the input's own start. Raises a Refusal."""


@dataclass(frozen=True)
class StreamingTool(Tool):
    """A tool that streams. `late`: rows that platformOS shows late, under a lower id, are sent too, once."""

    streams: ClassVar[bool] = True
    door: ClassVar[str] = "/call-stream"

    does: Open
    late: bool
