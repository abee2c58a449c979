"""A live call: a stream that is read until it has what was asked for, or time is up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, Final

import orjson

from poslogs.agents.entry_budget import EntryBudget
from poslogs.agents.events import Caller, Event, LogMessage, Outcome
from poslogs.agents.polls import Polls
from poslogs.agents.progress import Reports
from poslogs.cooperation import let_others_run
from poslogs.streaming.contents import AddressedEntries, AddressedPosition, Content, Entries, Failure, Position, Sign
from poslogs.streaming.driven import Driven
from poslogs.streaming.positions import number_of, parsed, spelt
from poslogs.streaming.selection import Selection
from poslogs.streaming.stream import Start
from poslogs.tools.inputs import Input
from poslogs.tools.selection import selection_of, starts_of
from poslogs.tools.stream import Wanted, stream_of
from poslogs.tools.table import LIVE
from poslogs.tools.toolbox import Chosen, Toolbox

INTERVAL_SECONDS: Final = 1.0  # between two polls
TICK_SECONDS: Final = 0.5  # longest time without an event
LEVELS: Final = {"warn": "warning"}  # the types that are not levels of a log


def follow(toolbox: Toolbox, chosen: Chosen, caller: Caller, input_: Input) -> Iterator[Event]:
    """The events of one call, of which the last is an Outcome. Raises a Refusal at once when it cannot begin."""
    given = starts_of(input_, chosen.names, joint=chosen.joint)
    starts = {name: Start(tail=0) if start == Start() else start for name, start in given.items()}
    polls = Polls([toolbox.feed(environment).upstream for environment in chosen.environments])
    reports = Reports(input_["maxDuration"] / 1000, polls)  # before the stream, whose time must not be up earlier
    # Unfiltered, so that each position is known up to which entries were examined.
    everything = Selection(None, late=LIVE.late)
    wanted = Wanted(everything, INTERVAL_SECONDS, TICK_SECONDS, reports.total, caller.client.id)
    stream = stream_of(toolbox, chosen, starts, wanted)
    live = _Live(stream, chosen, reports, polls, input_)
    if "lastId" in input_:
        numbers = {name: number_of(start) for name, start in starts.items()}
        live.position = spelt(numbers) if chosen.joint else starts[chosen.names[0]].position
    caller.admit(stream)
    return live.run()


class _Live:
    def __init__(self, stream: Driven, chosen: Chosen, reports: Reports, polls: Polls, input_: Input) -> None:
        # Up to which entries were examined, in several environments as text; None before the log's end is known.
        self.position: int | str | None = None
        self._stream = stream
        self._reports = reports
        self._polls = polls
        self._env = chosen.text
        self._selection = selection_of(input_, late=LIVE.late)
        self._first = input_["until"] == "first"
        self._budget = EntryBudget(input_["limit"], full=input_["full"], joint=chosen.joint)
        self._stopped = ""
        self._truncated = False

    def run(self) -> Iterator[Event]:
        """The events; closing the iterator closes the stream."""
        with closing(self._stream), closing(self._stream.chunks()) as chunks:  # type: ignore[type-var]  # a generator
            for chunk in chunks:
                for content in chunk.contents:
                    yield from self._take(content)
                self._stream.entries = len(self._budget.entries)  # those that the caller is given
                self._see_limits()
                if self._stopped:
                    self._stream.end()
                    break
                yield self._reports.next(self._budget.entries)
                let_others_run()
        if self._stopped:  # else the caller has gone
            yield self._outcome()

    def _take(self, content: Content) -> Iterator[Event]:
        if self._truncated:  # what comes after an entry for which there was no room is for the next call
            return
        if isinstance(content, Entries | AddressedEntries):
            yield from self._add(content)
        elif isinstance(content, Failure):
            self._reports.failed(content.sentence)
        elif isinstance(content, Position):
            self.position = content.id
        elif isinstance(content, AddressedPosition):
            self.position = content.text
        elif content is Sign.DONE:
            self._stopped = "maxDuration" if self._reports.is_over else "upstream"
        elif content is Sign.FAREWELL:
            self._stopped = "shutdown"

    def _add(self, entries: Entries | AddressedEntries) -> Iterator[Event]:
        for position, json in entries:
            entry = orjson.loads(json)
            if self._selection.has_fields(entry):
                shown = self._budget.add(entry, late=self._is_late(entry))
                if shown is None:
                    self._stopped, self._truncated = "limit", True
                    return
                self._reports.entry_came()
                level = LEVELS.get(entry["type"], entry["type"])
                yield LogMessage(level, f"platformos.{entry['env']}", shown)
            self.position = position

    def _is_late(self, entry: Mapping[str, Any]) -> bool:
        """Whether no position leads to an entry any more."""
        if isinstance(self.position, str):
            return int(entry["id"]) <= (parsed(self.position)[entry["env"]].position or 0)
        return int(entry["id"]) <= (self.position or 0)

    def _see_limits(self) -> None:
        if self._stopped:
            return
        if len(self._budget.entries) >= self._budget.limit:
            self._stopped = "limit"
        elif self._first and self._budget.entries:
            self._stopped = "first"

    def _outcome(self) -> Outcome:
        if self._stopped == "upstream" and not self._budget.entries:
            return Outcome(text=self._reports.error, error=True)
        answered = self._polls.answered or bool(self._budget.entries)
        answered = answered or (self._polls.were_fresh and self.position is not None)
        if not answered and self._stopped == "maxDuration":
            total = self._reports.total
            silent = f"platformOS did not answer for environment {self._env} within {total:g} s; call again later."
            return Outcome(text=self._reports.error or silent, error=True)
        if self.position is None:
            again = "call again" if self._stopped == "shutdown" else "call with a longer maxDuration, or with lastId"
            return Outcome(text=f"The end of the log was not reached yet; {again}.", error=True)
        more = {"stopped": self._stopped, "pollErrors": self._polls.errors}
        return Outcome(self._budget.answer(self._env, self.position, truncated=self._truncated, **more))
