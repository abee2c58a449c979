"""maxMessage: a reader with a bound on lines gets no longer text, and gets past an entry that would stop it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import GUNICORN_KINDS
from tests.faults.upstream import FETCH, LIVE, STREAM
from tests.support.platformos import PlatformOS
from tests.support.server import Server

Start = Callable[..., Server]
SCANNER_BYTES = 64 * 1024  # of a line, at most, as Go's bufio.Scanner takes it
LONG = "é" * 300_000  # 600 kB


def cut(entry: dict[str, Any]) -> tuple[Any, ...]:
    """What maxMessage may change of an entry."""
    return entry["id"], entry["message"], entry["error_type"], entry["data"], entry.get("cut")


@pytest.mark.parametrize("kind", GUNICORN_KINDS)
def test_a_long_message_is_cut_where_asked_from_the_log_and_as_it_comes(
    server: Start, platformos: PlatformOS, kind: str
) -> None:
    """Rows of the past and of the next poll are cut for this reader. Another reader gets both whole.

    1300 means 1024, the power of two below it.
    """
    started = server(kind)
    platformos.add({"id": 1, "message": LONG}, {"id": 2, "message": "short", "data": {"a": 1}})
    asked = {"env": "staging", "interval": 250}
    short = ("2", "short", "info", {"a": 1}, None)
    with (
        started.stream(STREAM, {**asked, "maxMessage": 1300}) as reader,
        started.stream(LIVE, {**asked, "maxMessage": 1300}) as live,
        started.stream(STREAM, asked) as whole,
    ):
        for each in (reader, live, whole):
            each.wait_entries(2)
        platformos.add({"id": 3, "message": LONG, "error_type": "info"})
        for each in (reader, live):
            each.wait_entries(3)
            assert [cut(entry) for entry in each.entries] == [
                ("1", "é" * 512, "info", {}, True),  # whole characters
                short,
                ("3", "é" * 512, "info", {}, True),
            ]
        whole.wait_entries(3)
        assert [cut(entry) for entry in whole.entries] == [
            ("1", LONG, "info", {}, None),
            short,
            ("3", LONG, "info", {}, None),
        ]


def test_a_late_row_and_a_filtered_one_are_cut_alike(server: Start, platformos: PlatformOS) -> None:
    """These are the other ways in which an entry reaches a live reader."""
    started = server()
    platformos.add({"id": 10, "message": "first", "error_type": "LiquidError"})
    asked = {"env": "staging", "interval": 250, "filter": "error", "maxMessage": 300}
    with started.stream(LIVE, asked) as live:
        live.wait_entries(1)
        before = len(platformos.requests)
        platformos.wait_for_requests(before + 2)  # the first look has learnt what is there
        platformos.add({"id": 12, "message": "x" * 257, "error_type": "LiquidError"}, {"id": 13, "error_type": "info"})
        live.wait_entries(2)
        platformos.reveal({"id": 11, "message": "y" * 257, "error_type": "LiquidError"})
        live.wait_entries(3)
        assert [cut(entry)[:2] for entry in live.entries] == [("10", "first"), ("12", "x" * 256), ("11", "y" * 256)]
        assert [entry.get("cut") for entry in live.entries] == [None, True, True]


def test_a_fetch_and_a_tail_are_cut_too_and_the_position_is_the_same(server: Start, platformos: PlatformOS) -> None:
    """A reader resumes after a cut entry as after any other."""
    started = server()
    platformos.add({"id": 1, "message": "a"}, {"id": 2, "message": LONG, "data": {"long": LONG}})
    fetched = started.call(FETCH, {"env": "staging", "maxMessage": 256})
    assert [cut(entry)[1:] for entry in fetched["logs"]] == [("a", "info", {}, None), ("é" * 128, "info", {}, True)]
    assert fetched["lastId"] == "2"
    with started.stream(STREAM, {"env": "staging", "tail": 1, "maxMessage": 256}) as reader:
        reader.wait_entries(1)
        assert cut(reader.entries[0]) == ("2", "é" * 128, "info", {}, True)


def test_no_text_makes_a_line_of_more_than_a_scanner_takes(server: Start, platformos: PlatformOS) -> None:
    """docs/guide.md promises this for 2048. Every field has every escape that a text may need."""
    started = server()
    texts = ["\x01", "\x7f", '"', "\\", "\u2028", "\u0080", "🚀", "a"]
    for text in texts:
        platformos.add({"message": text * 20_000, "error_type": text * 2_100, "data": {"k": text * 300}})
    with started.stream(STREAM, {"env": "staging", "maxMessage": 2048}) as reader:
        reader.wait_entries(len(texts))
        lines = b"".join(chunk.data for chunk in reader.chunks).split(b"\n")
        assert all(entry["cut"] for entry in reader.entries)
        assert SCANNER_BYTES // 3 < max(map(len, lines)) < SCANNER_BYTES


def test_what_is_no_number_of_bytes_is_refused_with_its_unit(server: Start) -> None:
    """The refusal states the unit and the bounds."""
    answer = server().post("/call-stream", {"tool": STREAM, "input": {"env": "staging", "maxMessage": 3}})
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "`maxMessage` is in whole bytes, 256 to 2097152; 3 is too small."},
    )
