"""What a tool says while it runs, and at its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple

from poslogs.access.clients import Client
from poslogs.streaming.backfill import Asker
from poslogs.streaming.driven import Driven


class Progress(NamedTuple):
    """How far a call has come."""

    done: float
    total: float
    text: str  # one line


class LogMessage(NamedTuple):
    """Something worth logging, such as an entry that has come."""

    level: str  # one of RFC 5424's eight, in lower case
    logger: str
    data: Any


class Outcome(NamedTuple):
    """The end of a call: a value with its schema, or a text alone. `error`: the text says what to do instead."""

    value: Mapping[str, Any] | None = None
    text: str = ""
    error: bool = False


Event = Progress | LogMessage | Outcome | None  # None: nothing has happened for a moment


@dataclass(frozen=True)
class Caller:
    """Who calls.

    `admit` takes a slot for a stream until it is closed; `place` is a place for a call that asks platformOS; `spend`
    counts one request. All raise a Refusal.
    """

    client: Client
    admit: Callable[[Driven], None]
    place: Callable[[], AbstractContextManager[Asker]]
    spend: Callable[[], None]
