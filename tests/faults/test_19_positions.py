"""Fault 19: a `Last-Event-ID` or `lastId` of any kind gets a 400 sentence or the right entries, never a 500."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.upstream import WERE_RESET, wait_told
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire.exchange import FETCH, LIVE, READER, STREAM, Answer, asking, clients, post, unharmed

MAX_ID = 2**63 - 1
BAD_HEADERS = [
    "abc", "-1", "+3", "3.0", "1e3", "0x10", "null", "3 4", "3,4", '"3"', "٣", "\xff", "%33",
    str(MAX_ID + 1), "9" * 20, "1" * 8000, "3\r\nLast-Event-ID: 4",
]  # fmt: skip
BAD_INPUTS: list[Any] = [
    "", " ", "abc", "-1", "+3", "3.0", "1e3", "0x10", "3 ", "3\n", "٣", "\x00", "3\ud7ff", str(MAX_ID + 1), "9" * 20,
    "1" * 60_000, -1, 1.5, 1e300, True, [], ["3"], {}, {"id": "3"},
]  # fmt: skip


def as_header(value: str) -> bytes:
    return b"Last-Event-ID: " + value.encode("latin-1" if value.isascii() or value == "\xff" else "utf-8")


def test_a_header_that_is_no_id_is_refused_with_a_sentence_that_names_it(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Each bad form gets 400 on each tool that streams, and platformOS is never asked."""
    running = server(clients=clients())
    for tool in (STREAM, LIVE):
        for value in BAD_HEADERS:
            refused = post(running, asking(tool), as_header(value))
            assert refused.status == 400, (value[:40], refused)
            assert refused.sentence.startswith("Last-Event-ID must be the id of an entry"), value[:40]
    assert platformos.requests == []
    unharmed(running)


def test_an_input_that_is_no_id_is_refused_with_a_sentence_that_names_it(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Each bad form gets 400 at both doors, and platformOS is never asked."""
    running = server(clients=clients())
    for value in BAD_INPUTS:
        for tool, path in ((STREAM, "/call-stream"), (FETCH, "/call")):
            refused = post(running, asking(tool, lastId=value), path=path)
            assert refused.status == 400, (value, refused)
            assert "`lastId` must be" in refused.sentence, value
            assert len(refused.sentence) < 200, value
    assert platformos.requests == []
    unharmed(running)


@pytest.mark.parametrize("kind", ["gevent", "gthread"])
def test_a_header_of_100_kb_is_refused_in_the_one_shape(server: Callable[..., Server], kind: str) -> None:
    """A hundred thousand digits are not an id, and are refused as JSON."""
    running = server(kind, clients=clients())
    refused = post(running, asking(), as_header("1" * 100_000))
    assert refused.status in (400, 431)
    assert refused.sentence


@pytest.mark.parametrize("kind", ["gevent", "gthread"])
def test_a_position_of_100_kb_harms_nobody(server: Callable[..., Server], platformos: PlatformOS, kind: str) -> None:
    """A header is refused for its size, an input for the body's size; the next request is served."""
    platformos.add_many(2)
    running = server(kind, clients=clients())
    assert post(running, asking(), as_header("1" * 100_000)).status in (400, 431)
    refused = post(running, asking(lastId="1" * 100_000))
    assert refused.status == 413
    assert refused.sentence
    with running.stream(STREAM, {"env": "staging"}, token=READER) as reader:
        reader.wait_entries(2)
    unharmed(running)


def test_an_empty_header_counts_as_none(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """With an empty `Last-Event-ID` the input's `lastId` holds, and without that the stream starts as usual."""
    platformos.add_many(4)
    running = server(clients=clients())
    for more, expected in (({"lastId": "2"}, ["3", "4"]), ({"tail": 1}, ["4"]), ({}, ["1", "2", "3", "4"])):
        given = {"env": "staging", "interval": 250, **more}
        with running.stream(STREAM, given, token=READER, headers={"Last-Event-ID": ""}) as reader:
            reader.wait_entries(len(expected))
            assert reader.entry_ids == expected
    unharmed(running)


def test_the_header_wins_over_the_input(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """If both are given, a good header is followed; a bad one is refused although the input is good."""
    platformos.add_many(4)
    running = server(clients=clients())
    for header, expected in (("3", ["4"]), ("0002", ["3", "4"]), ("0", ["1", "2", "3", "4"])):
        given = {"env": "staging", "interval": 250, "lastId": "1"}
        with running.stream(STREAM, given, token=READER, headers={"Last-Event-ID": header}) as reader:
            reader.wait_entries(len(expected))
            assert reader.entry_ids == expected
    assert post(running, asking(lastId="1"), as_header("x")).status == 400
    unharmed(running)


def test_a_position_from_long_ago_brings_all_that_came_since(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """platformOS has rows from 5,000 on, forty answers of them; a reader that last saw row 3 gets each, once."""
    platformos.page = 50
    platformos.add({"id": 5000})
    platformos.add_many(1999)
    running = server(clients=clients())
    with running.stream(STREAM, {"env": "staging", "interval": 250}, token=READER) as follower:
        follower.wait_entries(2000, timeout=30)
        for given in ({"headers": {"Last-Event-ID": "3"}}, {"headers": {"Last-Event-ID": "4999"}}):
            with running.stream(STREAM, {"env": "staging", "interval": 250}, token=READER, **given) as reader:
                reader.wait_entries(2000, timeout=30)
                assert reader.entry_ids == platformos.ids
    unharmed(running)


@pytest.mark.parametrize("future", ["999", str(MAX_ID)])
def test_a_position_from_the_future_is_told_goes_on_with_what_is_new_and_harms_no_other_reader(
    server: Callable[..., Server], platformos: PlatformOS, future: str
) -> None:
    """It comes first, so the feed starts there. Readers without a position or with an old one still get all."""
    platformos.add_many(3)
    running = server(clients=clients())
    given = {"env": "staging", "interval": 250}
    with (
        running.stream(STREAM, {**given, "lastId": future}, token=READER) as ahead,
        running.stream(STREAM, given, token=READER) as usual,
        running.stream(STREAM, given, token=READER, headers={"Last-Event-ID": "1"}) as behind,
    ):
        assert ahead.status == 200
        usual.wait_entries(3)
        behind.wait_entries(2)
        assert wait_told(ahead) == [WERE_RESET]
        platformos.add({}, {})
        usual.wait_entries(5)
        behind.wait_entries(4)
        ahead.wait_entries(2)
        platformos.add({"id": 1000})
        usual.wait_entries(6)
        behind.wait_entries(5)
        ahead.wait_entries(3)
        assert usual.entry_ids == ["1", "2", "3", "4", "5", "1000"]
        assert behind.entry_ids == ["2", "3", "4", "5", "1000"]
        assert ahead.entry_ids == ["4", "5", "1000"]
        assert not usual.errors
        assert not behind.errors
        assert not ahead.ended
    unharmed(running)


@pytest.mark.parametrize("tool", [STREAM, LIVE])
def test_a_reader_alone_with_a_position_from_the_future_is_told_too(
    server: Callable[..., Server], platformos: PlatformOS, tool: str
) -> None:
    """A backup may have been restored while this server was away, and no other reader knows where the log ends."""
    platformos.add_many(3)
    running = server(clients=clients())
    with running.stream(tool, {"env": "staging", "interval": 250, "lastId": "50"}, token=READER) as ahead:
        assert wait_told(ahead) == [WERE_RESET]
        platformos.add({}, {})
        ahead.wait_entries(2)
        assert ahead.entry_ids == ["4", "5"]
        assert ahead.last_id == "5"
    unharmed(running)


def test_fetch_from_a_position_of_the_past_and_of_the_future(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """A past position brings what came after it, a future one nothing. `lastId` of the answer never falls back."""
    platformos.add({"id": 100}, {"id": 101})
    running = server(clients=clients())

    def fetched(position: str) -> dict[str, Any]:
        got: Answer = post(running, asking(FETCH, lastId=position), path="/call")
        assert got.status == 200, got
        answer = json.loads(json.loads(got.body)["content"][0]["text"])
        return {"ids": [entry["id"] for entry in answer["logs"]], "lastId": answer["lastId"]}

    assert fetched("0") == {"ids": ["100", "101"], "lastId": "101"}
    assert fetched("100") == {"ids": ["101"], "lastId": "101"}
    assert fetched("101") == {"ids": [], "lastId": "101"}
    assert fetched(str(MAX_ID)) == {"ids": [], "lastId": str(MAX_ID)}
    unharmed(running)
