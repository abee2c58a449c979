"""A live call: a stream that is read until it has what was asked for, or time is up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import orjson

from poslogs.agents.entry_budget import EntryBudget
from poslogs.agents.events import Caller, Event, LogMessage, Outcome, Progress
from poslogs.plain import plain
from poslogs.platformos.environments import Environment
from poslogs.streaming import frames
from poslogs.streaming.feed import Feed
from poslogs.streaming.selection import Selection
from poslogs.streaming.stream import Start, Stream
from poslogs.tools.inputs import Input
from poslogs.tools.selection import selection_of, start_of
from poslogs.tools.table import LIVE

INTERVAL_SECONDS: Final = 1.0  # between two polls
TICK_SECONDS: Final = 0.5  # longest time without an event
PROGRESS_SECONDS: Final = 1.0  # between two that tell something
IDLE_SECONDS: Final = 9.0  # between two that tell of nothing; hosts count on one in ten
MAX_TEXT_CHARS: Final = 200
LEVELS: Final = {"warn": "warning"}  # the types that are no levels of a log


def follow(feed: Feed, environment: Environment, caller: Caller, input_: Input) -> Iterator[Event]:
    """The events of one call, of which the last is an Outcome. Raises a Refusal at once when it cannot begin."""
    given = start_of(input_)
    start = Start(tail=0) if given.position is None else given
    live = _Live(feed, environment.name, input_, start.position)
    # Unfiltered, so that each position is known up to which entries were examined.
    live.stream = Stream(feed, selection=Selection(None, late=LIVE.late), start=start, interval=INTERVAL_SECONDS,
                         heartbeat=TICK_SECONDS, duration=live.total, client=caller.client.id)  # fmt: skip
    caller.admit(live.stream)
    return live.run()


class _Live:
    stream: Stream

    def __init__(self, feed: Feed, env: str, input_: Input, position: int | None) -> None:
        self._feed = feed
        self._env = env
        self._selection = selection_of(input_, late=LIVE.late)
        self._first = input_["until"] == "first"
        self._position = position  # up to which entries were examined; None before the log's end is known
        self._budget = EntryBudget(input_["limit"], full=input_["full"])
        self._began = time.monotonic()
        self.total: float = input_["maxDuration"] / 1000
        counts = feed.upstream.counts
        self._polls, self._failures = counts.answered, counts.failed
        self._seen = counts.failed
        self._fresh = feed.upstream.outage is None and time.time() - counts.last_success < 2 * INTERVAL_SECONDS
        self._told = -PROGRESS_SECONDS  # when the last progress was made
        self._untold = 0  # entries
        self._trouble = ""  # what is still to be told
        self._error = ""  # the last that the stream told of
        self._stopped = ""
        self._truncated = False

    def run(self) -> Iterator[Event]:
        """The events; closing the iterator closes the stream."""
        with closing(self.stream), closing(self.stream.chunks()) as chunks:  # type: ignore[type-var]  # a generator
            for chunk in chunks:
                yield from self._take(chunk.plain)
                if self._stopped:
                    break
                yield self._progress()
                time.sleep(0)  # other greenlets have their turn
        if self._stopped:  # else the caller has gone
            yield self._outcome()

    def _take(self, chunk: bytes) -> Iterator[Event]:
        for frame in chunk.split(b"\n\n"):
            fields = dict(line.split(b": ", 1) for line in frame.split(b"\n") if b": " in line)
            event = fields.get(b"event")
            if event == b"data":
                entry = orjson.loads(frames.entry(frame))
                if self._selection.wants(entry["type"], entry["error_type"]):
                    shown = self._budget.add(entry, late=int(entry["id"]) <= (self._position or 0))
                    if shown is None:
                        self._stopped, self._truncated = "limit", True
                        return
                    self._untold += 1
                    level = LEVELS.get(entry["type"], entry["type"])
                    yield LogMessage(level, f"platformos.{self._env}", shown)
            elif event == b"error":
                self._error = self._trouble = orjson.loads(frames.entry(frame))["message"]
            elif event == b"done":
                over = time.monotonic() - self._began >= self.total
                self._stopped = "maxDuration" if over else "upstream"
            elif b"retry" in fields:
                self._stopped = "shutdown"
            if b"id" in fields:
                self._position = int(fields[b"id"])
        if not self._stopped and len(self._budget.entries) >= self._budget.limit:
            self._stopped = "limit"
        elif not self._stopped and self._first and self._budget.entries:
            self._stopped = "first"

    def _progress(self) -> Progress | None:
        elapsed = min(time.monotonic() - self._began, self.total)
        if self._feed.upstream.counts.failed > self._seen:
            self._seen = self._feed.upstream.counts.failed
            self._trouble = outage.sentence if (outage := self._feed.upstream.outage) else self._error
        if elapsed < self._told + PROGRESS_SECONDS:
            return None
        if self._untold:
            newest = self._budget.entries[-1]
            text = f"+{self._untold} ({len(self._budget.entries)} so far): {newest['type']} {newest['message']}"
            self._untold = 0
        elif self._trouble:
            text, self._trouble = self._trouble, ""
        elif elapsed >= self._told + IDLE_SECONDS:
            text = f"no new entries, {self.total - elapsed:.0f} s left"
        else:
            return None
        self._told = elapsed
        return Progress(elapsed, self.total, plain(text)[:MAX_TEXT_CHARS])

    def _outcome(self) -> Outcome:
        if self._stopped == "upstream" and not self._budget.entries:
            return Outcome(text=self._error, error=True)
        errors = self._feed.upstream.counts.failed - self._failures
        answered = self._feed.upstream.counts.answered > self._polls or bool(self._budget.entries)
        answered = answered or (self._fresh and not errors and self._position is not None)
        if not answered and self._stopped == "maxDuration":
            silent = f"platformOS did not answer for environment {self._env} within {self.total:g} s; call again later."
            return Outcome(text=self._error or silent, error=True)
        if self._position is None:
            again = "call again" if self._stopped == "shutdown" else "call with a longer maxDuration, or with lastId"
            return Outcome(text=f"The end of the log was not reached yet; {again}.", error=True)
        more: dict[str, Any] = {"stopped": self._stopped, "pollErrors": errors}
        return Outcome(self._budget.answer(self._env, self._position, truncated=self._truncated, **more))
