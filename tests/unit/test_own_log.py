"""The log's handlers: lines that wait for nobody, and reasons that are noted once."""

from __future__ import annotations

import io
import json
import logging

import pytest

from poslogs.servers.json_lines import JsonLines
from poslogs.servers.own_log import Unhurried
from poslogs.streaming.reason import Reason
from poslogs.streaming.stream import Start, Stream
from tests.unit.doubles import PLAIN, Log, feed_of


class Piped(io.StringIO):
    """A stream with the number of a descriptor."""

    def fileno(self) -> int:
        return 7


def record(text: str, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("poslogs.streams", logging.INFO, "", 0, text, None, None)
    made.__dict__.update(extra)
    return made


def test_what_has_no_room_is_left_out_and_counted_in_the_next_line() -> None:
    """Once; the line after that has nothing to add."""
    room, asked = [True, False, False, True, True], []

    def has_room(number: int) -> bool:
        asked.append(number)
        return room[len(asked) - 1]

    stream = Piped()
    handler = Unhurried(stream, has_room)
    handler.setFormatter(JsonLines())
    for count in range(5):
        handler.emit(record(f"line {count}", fields={"entries": count}))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["message"], line["entries"], line.get("left_out")) for line in lines] == [
        ("line 0", 0, None),
        ("line 3", 3, 2),
        ("line 4", 4, None),
    ]
    assert asked == [7] * 5


def test_a_stream_without_a_descriptor_gets_every_line() -> None:
    """As mod_wsgi's, and those of programs that embed the app."""

    def refuse(_: int) -> bool:
        raise AssertionError

    stream = io.StringIO()
    Unhurried(stream, refuse).emit(record("a line"))
    assert stream.getvalue() == "a line\n"


def test_a_traceback_stays_as_a_filter_has_left_it() -> None:
    """What it took out does not come back."""
    try:
        raise ValueError("with a secret")
    except ValueError as error:
        made = record("It failed.", exc_info=(ValueError, error, error.__traceback__), exc_text="Traceback: [hidden]")
    assert json.loads(JsonLines().format(made))["traceback"] == "Traceback: [hidden]"


@pytest.mark.parametrize("first", list(Reason))
def test_the_first_reason_counts(first: Reason) -> None:
    """Whatever comes after it, and whoever closes the stream."""
    stream = Stream(feed_of(Log(1)), selection=PLAIN, start=Start(), interval=1.0, heartbeat=1.0)
    assert stream.reason is None
    stream.end(reason=first)
    stream.drain()
    stream.disconnected()
    list(stream.chunks())
    stream.close()
    assert stream.reason is first


def test_a_fault_on_the_way_is_the_reason() -> None:
    """The server closes what failed; its reader did not leave."""
    feed = feed_of(Log(1))
    stream = Stream(feed, selection=PLAIN, start=Start(), interval=1.0, heartbeat=1.0)
    chunks = stream.chunks()
    next(chunks)
    feed.join = None  # type: ignore[assignment, method-assign]
    with pytest.raises(TypeError):
        next(chunks)
    assert stream.reason is Reason.FAILED
