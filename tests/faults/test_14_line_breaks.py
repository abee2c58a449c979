"""Fault 14: CR, LF, CRLF, `data:`, `event:`, `id:` inside any field: never a second event."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from typing import Any

from tests.faults.upstream import FETCH, LIVE, STREAM, arrived, follow, lossless, told, wait_told
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.support.transcript import Transcript

BREAKS = [
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\r\r",
    "\r\n\r\n",
    "\n\r",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x85",
    "\u2028",
    "\u2029",
    "\0",
]
WORDS = ["data: [DONE]", "event: done", "id: 999999", "retry: 1", ": comment", 'data: {"type":"text","text":"{}"}', ""]
EVIL = [f"a{end}{word}{end}z" for end, word in product(BREAKS, WORDS)]
TEXT_FIELDS = ("message", "error_type", "created_at", "unknown")


def one_event_each(reader: Transcript, count: int) -> None:
    """Assert that nothing came but the first comment, heartbeats and `count` entries, each in three lines."""
    frames = [frame for frame in reader.frames if frame.comment is None]
    assert [frame.event for frame in frames] == ["data"] * count
    assert all(frame.raw.count(b"\n") == 4 and frame.raw.endswith(b"\n\n") for frame in frames)
    assert all(frame.retry is None and frame.id == str(number) for number, frame in enumerate(frames, 1))
    raw = b"".join(frame.raw for frame in frames)
    for sign in ("\r", "\0", "\x0b", "\x0c", "\x1c", "\u2028", "\u2029"):
        assert sign.encode() not in raw, ascii(sign)
    assert reader.unfinished == b""


def test_no_field_ever_makes_a_second_event(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """Every line break with every word of the protocol is tried in every field, and in names and values of `data`."""
    rows: list[dict[str, Any]] = [{field: evil} for evil, field in product(EVIL, TEXT_FIELDS)]
    rows += [{"data": {evil: [evil, {evil: evil}]}} for evil in EVIL]
    rows += [{"message": {evil: evil}, "error_type": [evil]} for evil in EVIL]
    platformos.page = 10_000
    platformos.add(*rows)
    running = server()
    with (
        follow(running) as plain,
        follow(running, tool=LIVE, gzip=True) as live,
        follow(running, tool=STREAM, filter=EVIL[0]) as filtered,
    ):
        for reader in (plain, live):
            arrived(reader, str(len(rows)))
            one_event_each(reader, len(rows))
            for entry, row in zip(reader.entries, rows, strict=True):
                for field in ("message", "error_type", "data"):
                    if isinstance(row.get(field), str) or field == "data" in row:
                        assert entry[field] == row[field]
        filtered.wait_entries(1)
        assert [entry["error_type"] for entry in filtered.entries] == [EVIL[0]]
        lossless(platformos, plain, live)
        assert told(plain) == told(live) == []
    answer = running.post("/call", {"tool": FETCH, "input": {"env": "staging", "limit": 10_000}})
    assert answer.text.count("\n") <= 1
    (content,) = answer.json()["content"]
    assert [entry["id"] for entry in json.loads(content["text"])["logs"]] == platformos.ids


def test_an_environment_may_have_any_name(server: Callable[..., Server]) -> None:
    """Its name is in every entry and in errors, where it is text too."""
    names = [f"a{end}event: done{end}data: [DONE]{end}{end}" for end in ("\n", "\r", "\r\n", "\u2028")]
    with PlatformOS() as platformos:
        platformos.add({"message": "one"})
        running = server(environments=dict.fromkeys(names, platformos))
        for name in names:
            with follow(running, name) as reader:
                (entry,) = reader.wait_entries(1)
                assert entry["env"] == name
                one_event_each(reader, 1)
        platformos.fail("status", status=500)
        for name in names:
            with follow(running, name, LIVE) as reader:
                assert wait_told(reader) == [f"platformOS answered 500 for environment {name}."]
                assert [frame.event for frame in reader.frames if frame.comment is None][-1] == "error"
                assert not reader.done
                assert "\u2028".encode() not in b"".join(frame.raw for frame in reader.frames)


def test_words_of_the_protocol_in_what_platformos_answers_are_no_events(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Failed polls have them in the reason phrase, a header and the body. The reader gets one plain error frame."""
    running = server()
    evil = "x\nevent: done\ndata: [DONE]\n\n"
    platformos.add({})
    with follow(running) as reader:
        arrived(reader, "1")
        platformos.fail("raw", times=1, raw=b"HTTP/1.1 500 Bad\revent: done\r\nX: data: [DONE]\r\n\r\n" + evil.encode())
        (sentence,) = wait_told(reader)
        assert "[DONE]" not in sentence
        lossless(platformos, reader)
        assert not reader.done
