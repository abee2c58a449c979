"""Fault 15: ANSI and OSC escapes, bidirectional marks, `<script>`, `javascript:` in what is logged: text, everywhere.

Here: on the wire, in answers that end, in our own log. The page has tests of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from tests.faults.upstream import FETCH, LIVE, all_lossless, arrived, follow, lossless, stand_ins, told, wait_told
from tests.support.platformos import PlatformOS
from tests.support.server import Server

EVIL = {
    "ansi": "\x1b[31mred\x1b[0m \x1b[2J\x1b[H",
    "c1": "\x9b31mred\x9b0m \x9d0;title\x9c",
    "osc": "\x1b]0;title\x07 \x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\ \x1b]52;c;ZXZpbA==\x07",
    "backspace": "abc\b\b\bxyz\x7f\x07",
    "bidi": "\u202eevil\u202c \u2066hidden\u2069 \u200f\u061c\u200b\ufeff",
    "tags": "\U000e0001\U000e0041 e\u0301\u0489 \ufe0f",
    "script": "</script><script>alert(1)</script><img src=x onerror=alert(1)>",
    "javascript": "javascript:alert(document.cookie)//",
    "template": "{{7*7}} ${7*7} <%= 7*7 %> {% raw %} #{7*7}",
    "formats": "%s %d %n {0} {} \\n \\u001b $(id) `id`",
    "formula": '=HYPERLINK("http://evil.example") +1 -1 @SUM(1)',
}
CONTROLS = re.compile(rb"[\x00-\x09\x0b-\x1f]")


def test_what_is_logged_arrives_as_the_text_it_is(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """Message, type, url, user and all other fields arrive unchanged, and no control byte is on the wire."""
    rows: list[dict[str, Any]] = []
    for evil in EVIL.values():
        rows += [{"message": evil}, {"error_type": evil}]
        rows.append({"data": {"url": evil, "page": evil, "user": {"email": evil}, evil: evil}})
        rows.append({"message": evil, "error_type": evil, "data": {"url": evil, "context": {"url": evil}}})
    platformos.add(*rows)
    running = server(env={"POSLOGS_LOG_LEVEL": "debug"})
    with follow(running) as plain, follow(running, tool=LIVE, gzip=True) as live:
        lossless(platformos, plain, live)
        for reader in (plain, live):
            assert reader.headers["content-type"] == "text/event-stream; charset=utf-8"
            for entry, row in zip(reader.entries, rows, strict=False):
                for field, value in row.items():
                    assert entry[field] == value
            raw = b"".join(frame.raw for frame in reader.frames)
            assert not CONTROLS.search(raw), CONTROLS.search(raw)
            assert told(reader) == []
    for evil in EVIL.values():
        assert [entry["message"] for entry in plain.entries].count(evil) == 2
        assert [entry["data"].get("url") for entry in plain.entries].count(evil) == 2
    answer = running.post("/call", {"tool": FETCH, "input": {"env": "staging", "limit": 1000}})
    assert answer.headers["Content-Type"] == "application/json"
    assert not CONTROLS.search(answer.content)
    for evil in EVIL.values():
        assert evil not in running.output, "logged text has no place in our own log"


def test_no_control_of_a_terminal_travels_raw(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """The guide's curl prints frames on a terminal, where U+009B may begin an escape: C1 travels escaped."""
    platformos.add({"message": "\x9b31mred \x90\x9d0;title\x9c \x7f", "error_type": "\x85", "data": {"url": "\x9b2J"}})
    with follow(server()) as reader:
        (entry,) = reader.wait_entries(1)
        assert entry["data"] == {"url": "\x9b2J"}
        raw = b"".join(frame.raw for frame in reader.frames).decode()
        assert re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", raw) == []


def test_a_filter_of_escapes_matches_them_and_is_no_pattern(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Each type filters just the rows of that type."""
    platformos.add(*({"error_type": evil} for evil in EVIL.values()), {"error_type": "info"})
    running = server()
    for number, evil in enumerate(EVIL.values(), 1):
        with follow(running, filter=evil) as reader:
            reader.wait_entries(1)
            assert reader.entry_ids == [str(number)]


def test_escapes_in_failing_answers_reach_neither_reader_nor_log(server: Callable[..., Server]) -> None:
    """Bodies, headers and locations of failed polls are full of them. Our sentences quote none of that."""
    evil = "\x1b[31m<script>alert(1)</script>\x1b]0;title\x07"
    faults: dict[str, dict[str, Any]] = {
        "status": {"kind": "status", "status": 500, "body": evil.encode(), "headers": {"X-Evil": evil}},
        "redirect": {"kind": "redirect", "location": f"javascript:{evil}"},
        "body": {"kind": "raw", "body": evil.encode()},
        "reason": {"kind": "raw", "raw": f"HTTP/1.1 500 {evil}\r\n\r\n".encode()},
        "version": {"kind": "raw", "raw": f"HTTP/{evil} 200 OK\r\n\r\n".encode()},
        "head": {"kind": "raw", "raw": f"{evil}\r\n\r\n".encode()},
    }
    with stand_ins(*faults) as instances, ExitStack() as stack:
        running = server(environments=instances, env={"POSLOGS_LOG_LEVEL": "debug"})
        readers = {name: stack.enter_context(follow(running, name)) for name in instances}
        for name, platformos in instances.items():
            platformos.add({})
            arrived(readers[name], "1")
            platformos.fail(times=1, **faults[name])
        for name in instances:
            (sentence,) = wait_told(readers[name])
            assert sentence.isprintable()
            assert "script" not in sentence
        all_lossless((platformos, [readers[name]]) for name, platformos in instances.items())
        assert "\x1b" not in running.output
        assert "<script>" not in running.output
