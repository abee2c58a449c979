"""Positions: where a stream begins, and that it goes on exactly from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.platformos import PlatformOS
from tests.support.server import Server

Start = Callable[..., Server]
STREAM = "platformos.logs.stream"
LIVE = "platformos.logs.live"


def _asked_at(platformos: PlatformOS, last_id: str) -> int:
    return [request.last_id for request in list(platformos.requests)].count(last_id)


NUMBERS = [str(number) for number in range(1, 2000)]


def test_a_reader_that_resumes_gets_what_came_after_its_last_id(server: Start, platformos: PlatformOS) -> None:
    """Of five rows, after a cut at the third and a reconnect with its id, come the fourth and the fifth, once each."""
    started = server()
    platformos.add_many(3)
    with started.stream(STREAM, {"env": "staging", "interval": 250}) as first:
        first.wait_entries(3)
        assert first.last_id == "3"
    platformos.add_many(2)
    with started.stream(
        STREAM, {"env": "staging", "interval": 250}, headers={"Last-Event-ID": str(first.last_id)}
    ) as again:
        again.wait_entries(2)
        platformos.add_many(1)
        again.wait_entries(3)
        assert again.entry_ids == ["4", "5", "6"]


@pytest.mark.parametrize("warm", [False, True])
def test_last_id_in_the_input_continues_after_that_entry(server: Start, platformos: PlatformOS, warm: bool) -> None:
    """This holds in a feed that begins with this reader, and in one that runs already."""
    platformos.add_many(10)
    started = server()
    with started.stream(STREAM, {"env": "staging", "interval": 250}) as other:
        if warm:
            other.wait_entries(10)
        else:
            other.close()
        with started.stream(STREAM, {"env": "staging", "interval": 250, "lastId": "7"}) as reader:
            reader.wait_entries(3)
            platformos.add_many(1)
            reader.wait_entries(4)
            assert reader.entry_ids == ["8", "9", "10", "11"]


def test_the_header_wins_over_the_input(server: Start, platformos: PlatformOS) -> None:
    """Last-Event-ID is what a client sends when it comes back, whatever its body says."""
    platformos.add_many(10)
    started = server()
    for input_ in ({"lastId": "2"}, {"tail": 5}, {}):
        with started.stream(
            STREAM, {"env": "staging", "interval": 250, **input_}, headers={"Last-Event-ID": "8"}
        ) as reader:
            reader.wait_entries(2)
            assert reader.entry_ids == ["9", "10"]


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize(("tail", "ids"), [(0, []), (3, ["8", "9", "10"]), (50, NUMBERS[:10])])
def test_tail_begins_with_the_newest_entries(
    server: Start, platformos: PlatformOS, tail: int, ids: list[str], warm: bool
) -> None:
    """It gets N of them, or as many as there are, then what comes; 0 means from now on."""
    platformos.page = 4
    platformos.add_many(10)
    started = server()
    with started.stream(STREAM, {"env": "staging", "interval": 250}) as other:
        if warm:
            other.wait_entries(10)
        else:
            other.close()
        with started.stream(STREAM, {"env": "staging", "interval": 250, "tail": tail}) as reader:
            reader.wait_entries(len(ids))
            at_the_end = _asked_at(platformos, "10")
            platformos.wait_until(lambda: _asked_at(platformos, "10") >= at_the_end + 3)  # it follows by now
            platformos.add_many(2)
            reader.wait_entries(len(ids) + 2)
            assert reader.entry_ids == [*ids, "11", "12"]


def test_tail_counts_entries_that_match_the_filter(server: Start, platformos: PlatformOS) -> None:
    """The two newest errors come, though many other entries are newer."""
    platformos.add(*[{"error_type": "error" if index in (2, 5, 9) else "info"} for index in range(1, 40)])
    with server().stream(STREAM, {"env": "staging", "interval": 250, "tail": 2, "filter": "error"}) as reader:
        reader.wait_entries(2)
        assert reader.entry_ids == ["5", "9"]


def test_a_reader_from_far_back_catches_up_by_its_own_polls_while_others_follow(
    server: Start, platformos: PlatformOS
) -> None:
    """A window of 1 MiB has left the position behind. The reader misses nothing, and the other is not disturbed."""
    platformos.page = 100
    started = server(env={"POSLOGS_WINDOW_MB": "1"})
    platformos.add_many(1500, message="x" * 2000)
    with started.stream(STREAM, {"env": "staging", "interval": 250}) as first:
        first.wait_entries(1500, timeout=30)
        with started.stream(STREAM, {"env": "staging", "interval": 250, "lastId": "10"}) as late:
            late.wait_entries(1490, timeout=30)
            platformos.add_many(5)
            late.wait_entries(1495)
            first.wait_entries(1505)
            assert late.entry_ids == platformos.ids[10:]
            assert first.entry_ids == platformos.ids


def test_live_delivers_a_row_that_becomes_visible_late_once_and_stream_does_not(
    server: Start, platformos: PlatformOS
) -> None:
    """Row 3 shows up after row 5. `live` brings it once, with 5 as the position; `stream` follows its cursor only."""
    started = server()
    with (
        started.stream(LIVE, {"env": "staging", "interval": 250}) as live,
        started.stream(STREAM, {"env": "staging", "interval": 250}) as plain,
    ):
        platformos.add({"id": 1}, {"id": 2}, {"id": 4}, {"id": 5})
        live.wait_entries(4)
        platformos.reveal({"id": 3})
        live.wait_entries(5)
        platformos.wait_for_requests(len(platformos.requests) + 4)
        platformos.add({"id": 6})
        live.wait_entries(6)
        plain.wait_entries(5)
        assert live.entry_ids == ["1", "2", "4", "5", "3", "6"]
        assert [frame.id for frame in live.frames if frame.event == "data"] == ["1", "2", "4", "5", "5", "6"]
        assert plain.entry_ids == ["1", "2", "4", "5", "6"]


def test_rows_that_are_repeated_or_out_of_order_are_sorted_and_sent_once(server: Start, platformos: PlatformOS) -> None:
    """Two answers have the same rows, shuffled, with ids as numbers and as text."""
    body = b'{"logs":[{"id":3,"message":"c"},{"id":"1","message":"a"},{"id":2,"message":"b"},{"id":"3","message":"c"}]}'
    platformos.fail("raw", body=body)
    with server().stream(STREAM, {"env": "staging", "interval": 250}) as reader:
        reader.wait_entries(3)
        platformos.wait_for_requests(len(platformos.requests) + 4)
        assert reader.entry_ids == ["1", "2", "3"]


def test_a_backlog_in_full_pages_is_followed_at_once(server: Start, platformos: PlatformOS) -> None:
    """Twenty full pages do not take twenty intervals."""
    platformos.page = 50
    platformos.add_many(1000)
    with server().stream(STREAM, {"env": "staging", "interval": 60000}) as reader:
        reader.wait_entries(1000, timeout=20)
        assert reader.entry_ids == platformos.ids


def test_a_position_from_the_future_waits_for_it_and_disturbs_nobody(server: Start, platformos: PlatformOS) -> None:
    """The reader gets what comes after its position and nothing earlier. Others are polled for once an interval."""
    platformos.add_many(5)

    def grow(rows: list[Any]) -> list[Any]:
        # Each question finds new rows: a log that rests before the position is one whose ids were reset.
        platformos.add_many(min(2, 15 - len(platformos.ids)))
        return rows

    platformos.arrange = grow
    started = server()
    with started.stream(STREAM, {"env": "staging", "interval": 250, "lastId": "12"}) as ahead:
        ahead.wait_frame(lambda frame: frame.comment == "open")
        platformos.wait_for_requests(2)
        with started.stream(STREAM, {"env": "staging", "interval": 60000}) as other:
            other.wait_entries(15)
            ahead.wait_entries(3)
            assert other.entry_ids == platformos.ids
            assert ahead.entry_ids == ["13", "14", "15"]
            asked = len(platformos.requests)
            platformos.wait_for_requests(asked + 8)
            times = [request.at for request in platformos.requests[asked:]]
            # A question may be seen late, never early: the second is asked after the first was seen.
            assert times[-1] - times[0] >= 0.25 * (len(times) - 2), times


def test_a_live_reader_that_resumes_gets_a_row_that_becomes_visible_late_after_that(
    server: Start, platformos: PlatformOS
) -> None:
    """After a restart the server knows no earlier row. Earlier rows are not sent again, but row 3 is."""
    started = server()
    platformos.add({"id": 1}, {"id": 2}, {"id": 4}, {"id": 5})
    with started.stream(LIVE, {"env": "staging", "interval": 250, "lastId": "5"}) as live:
        platformos.wait_for_requests(3)
        platformos.reveal({"id": 3})
        live.wait_entries(1)
        platformos.add({"id": 6})
        live.wait_entries(2)
        assert [(frame.id, frame.inner["id"]) for frame in live.frames if frame.event == "data"] == [
            ("5", "3"),
            ("6", "6"),
        ]


def test_ids_that_are_reset_are_told_and_the_stream_goes_on_with_what_is_new(
    server: Start, platformos: PlatformOS
) -> None:
    """A restored instance gives out ids 6 to 10 again. The stream gets an error frame, then the new rows, once."""
    platformos.add(*[{"message": f"old {number}"} for number in range(1, 11)])
    started = server()
    for tool in (STREAM, LIVE):
        with started.stream(tool, {"env": "staging", "interval": 250, "lastId": "2"}) as reader:
            reader.wait_entries(len(platformos.ids) - 2)
            seen = len(reader.entries)
            platformos.restore(5)
            platformos.add({"message": f"{tool} 6"}, {"message": f"{tool} 7"})
            reader.wait_entries(seen + 2)
            platformos.add({"message": f"{tool} 8"})
            reader.wait_entries(seen + 3)
            assert [entry["message"] for entry in reader.entries[seen:]] == [f"{tool} {number}" for number in (6, 7, 8)]
            assert [error["message"] for error in reader.errors] == [
                "The ids of environment staging were reset, as after a restored backup; "
                "the stream goes on with what is new."
            ]


def test_live_goes_on_though_an_answer_holds_no_more_rows_than_the_overlap(
    server: Start, platformos: PlatformOS
) -> None:
    """With a hundred rows an answer, what is read again for late rows leaves room for new ones."""
    platformos.page = 100
    platformos.add_many(250)
    with server().stream(LIVE, {"env": "staging", "interval": 250}) as live:
        live.wait_entries(250)
        for count in range(1, 4):
            platformos.add_many(1)
            live.wait_entries(250 + count)
        assert live.entry_ids == platformos.ids
