"""Fault 9: a row that becomes visible late, under an id lower than one already seen: `live` delivers it once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from tests.faults.upstream import FETCH, LIVE, STREAM, arrived, follow, stand_ins, told, wait_told, wait_tries
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.support.transcript import Transcript


def listed(platformos: PlatformOS) -> list[str]:
    """The ids in the order in which they became visible."""
    return [str(row["id"]) for _, row in platformos.listed]


def every_row_once(platformos: PlatformOS, *readers: Transcript, ids: list[str] | None = None) -> None:
    """Assert that each live reader has every row once, in the order in which rows became visible, and two more."""
    expected = listed(platformos) if ids is None else ids
    for _ in range(2):
        expected += [str(number) for number in platformos.add({})]
        for reader in readers:
            arrived(reader, expected[-1])
    for reader in readers:
        assert reader.entry_ids == expected, reader.dump()


def once_read(platformos: PlatformOS, number: int, then: Callable[[], object]) -> None:
    """Have `then` happen once, as the first answer that holds the row of this id is made: no later one comes before."""

    def arrange(rows: list[Any]) -> list[Any]:
        if any(row["id"] == number for row in rows):
            platformos.arrange = list
            then()
        return rows

    platformos.arrange = arrange


def test_late_rows_come_once_plain_and_packed_and_never_to_the_plain_tool(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Three late rows come at different times between new ones. The position never falls back."""
    running = server()
    with (
        follow(running, tool=LIVE) as live,
        follow(running, tool=LIVE, gzip=True) as packed,
        follow(running, tool=LIVE, filter="warn") as filtered,
        follow(running) as plain,
    ):
        platformos.add({"id": 10}, {"id": 20}, {"id": 30})
        for reader in (live, packed):
            arrived(reader, "30")
        for late, error_type in ((25, "warn"), (5, "info"), (15, "warn")):
            platformos.reveal({"id": late, "error_type": error_type})
            for reader in (live, packed):
                arrived(reader, str(late))
            new = platformos.add({})
            for reader in (live, packed, plain):
                arrived(reader, str(new[0]))
        every_row_once(platformos, live, packed)
        assert filtered.entry_ids == ["25", "15"]
        arrived(plain, platformos.ids[-1])
        assert plain.entry_ids == [number for number in platformos.ids if number not in ("5", "15", "25")]
        for reader in (live, packed):
            positions = [int(frame.id) for frame in reader.frames if frame.id is not None]
            assert positions == sorted(positions)
        fetched = running.call(FETCH, {"env": "staging"})
        assert [entry["id"] for entry in fetched["logs"]] == platformos.ids


@pytest.mark.parametrize("begins", ["cold", "warm"])
def test_a_live_reader_that_resumes_gets_what_becomes_visible_late_afterwards(
    server: Callable[..., Server], platformos: PlatformOS, begins: str
) -> None:
    """It comes back after 30. Then 25, below its position, and 45, below later rows, come once each."""
    running = server()
    platformos.add({"id": 10}, {"id": 20}, {"id": 30})
    back = {"headers": {"Last-Event-ID": "30"}}
    with ExitStack() as stack:
        if begins == "warm":
            arrived(stack.enter_context(follow(running)), "30")
        resumed = stack.enter_context(follow(running, tool=LIVE, **back))
        packed = stack.enter_context(follow(running, tool=LIVE, gzip=True, **back))
        for reader in (resumed, packed):
            reader.wait_frame(lambda frame: frame.comment == "open")
        platformos.wait_for_requests(len(platformos.requests) + 3)  # they follow
        platformos.reveal({"id": 25})
        for reader in (resumed, packed):
            arrived(reader, "25")
        platformos.add({"id": 40}, {"id": 50})
        for reader in (resumed, packed):
            arrived(reader, "50")
        platformos.reveal({"id": 45})
        for reader in (resumed, packed):
            arrived(reader, "45")
        every_row_once(platformos, resumed, packed, ids=["25", "40", "50", "45"])
        assert resumed.last_id == packed.last_id == platformos.ids[-1]


def test_a_reader_that_resumes_behind_a_late_row_gets_nothing_twice(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """It leaves right after a late row, and continues from the id that its last frame named."""
    running = server()
    with follow(running, tool=LIVE) as first:
        platformos.add({"id": 10}, {"id": 30})
        arrived(first, "30")
        platformos.reveal({"id": 20})
        arrived(first, "20")
        assert first.last_id == "30"
    platformos.add({"id": 40})
    with follow(running, tool=LIVE, headers={"Last-Event-ID": "30"}) as second:
        every_row_once(platformos, second, ids=["40"])
    assert first.entry_ids == ["10", "30", "20"]


def test_a_row_that_becomes_visible_late_in_an_outage_comes_after_it(server: Callable[..., Server]) -> None:
    """Polls fail for longer than the lookback. The row became visible within it, and no poll has looked since."""
    with stand_ins("reset", "pause") as instances, ExitStack() as stack:
        running = server(environments=instances, env={"POSLOGS_OVERLAP_SECONDS": "1"})
        readers = {name: stack.enter_context(follow(running, name, LIVE)) for name in instances}

        def reset() -> None:
            instances["reset"].fail("reset")
            instances["reset"].reveal({"id": 20})

        def pause() -> None:
            instances["pause"].fail("status", times=1, status=503, headers={"Retry-After": "2"})
            instances["pause"].reveal({"id": 20})

        once_read(instances["reset"], 30, reset)
        once_read(instances["pause"], 30, pause)
        for name, platformos in instances.items():
            platformos.add({"id": 10}, {"id": 30})
            arrived(readers[name], "30")
            wait_told(readers[name])
        wait_tries(running, 3, "reset")
        instances["reset"].heal()
        for name, platformos in instances.items():
            arrived(readers[name], "20")
            every_row_once(platformos, readers[name])
            assert len(told(readers[name])) == 1


def test_looking_for_late_rows_never_keeps_new_ones_out(server: Callable[..., Server]) -> None:
    """New rows come at the interval, however many rows an answer holds, even if just as many are read again."""
    pages = {str(page): page for page in (20, 50, 99, 100, 101, 200)}
    with stand_ins(*pages) as instances, ExitStack() as stack:
        running = server(environments=instances)
        readers = {}
        for name, platformos in instances.items():
            platformos.page = pages[name]
            platformos.add_many(250)
            readers[name] = stack.enter_context(follow(running, name, LIVE))
        for reader in readers.values():
            arrived(reader, "250")
        for count in (3, 1, 120, 2):
            for platformos in instances.values():
                platformos.add_many(count)
            for name, platformos in instances.items():
                arrived(readers[name], platformos.ids[-1], timeout=5)
        for name, platformos in instances.items():
            assert readers[name].entry_ids == platformos.ids


def test_a_late_row_comes_at_an_interval_longer_than_the_overlap_too(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """The row becomes visible right after the newest was read. The next poll is the first that could see it."""
    running = server(env={"POSLOGS_OVERLAP_SECONDS": "0.5"})
    with follow(running, tool=LIVE, interval=750) as live:
        platformos.wait_for_requests(2)  # it polls at its interval
        once_read(platformos, 30, lambda: platformos.reveal({"id": 20}))
        platformos.add({"id": 10}, {"id": 30})
        arrived(live, "20")
        every_row_once(platformos, live)


def test_a_late_row_right_at_the_beginning_of_a_stream_comes_once(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """The row becomes visible between the first two polls, for readers of each beginning that share one poller."""
    platformos.add({"id": 10}, {"id": 20}, {"id": 40})
    running = server()
    with (
        follow(running, tool=LIVE) as fresh,
        follow(running, tool=LIVE, lastId="20") as resumed,
        follow(running, tool=LIVE, tail=1) as tail,
        follow(running, tool=STREAM) as plain,
    ):
        for reader in (fresh, resumed, tail, plain):
            arrived(reader, "40")
        platformos.reveal({"id": 30})
        for reader in (fresh, resumed, tail):
            arrived(reader, "30")
        every_row_once(platformos, fresh)
        for reader, first in ((resumed, ["40", "30"]), (tail, ["40", "30"]), (plain, ["10", "20", "40"])):
            arrived(reader, platformos.ids[-1])
            assert reader.entry_ids == [*first, "41", "42"]


def test_a_live_reader_that_resumes_amid_answers_without_rows_gets_nothing_twice(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Its first looks behind its position bring an empty body; what is there afterwards was there before."""
    running = server()
    platformos.add_many(50)
    platformos.fail("raw", body=b"")
    with follow(running, tool=LIVE, headers={"Last-Event-ID": "50"}) as live:
        platformos.wait_for_requests(3)
        platformos.heal()
        platformos.wait_for_requests(len(platformos.requests) + 3)
        every_row_once(platformos, live, ids=[])


def test_rows_that_are_late_by_hundreds_of_rows_come_while_answers_have_room_for_them(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """250 rows came after the late one within the lookback's time."""
    running = server()
    platformos.add({"id": 10}, {"id": 20})
    with follow(running, tool=LIVE) as live:
        arrived(live, "20")
        for _ in range(5):
            last = platformos.add_many(50)[-1]
            arrived(live, str(last))
        platformos.reveal({"id": 15})
        arrived(live, "15")
        every_row_once(platformos, live)


def test_a_reader_that_begins_earlier_amid_the_first_poll_makes_no_old_row_late(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Nothing has come yet, so the poller begins anew at its position; the answer under way was not asked for that."""
    running = server()
    platformos.add_many(1000)
    platformos.fail("slow", times=1, seconds=1)
    with follow(running, tool=LIVE, lastId="1000") as first:
        platformos.wait_for_requests(1)
        with follow(running, tool=LIVE, lastId="990") as second:
            platformos.wait_for_requests(5)
            every_row_once(platformos, first, ids=[])
            arrived(second, platformos.ids[-1])
            assert second.entry_ids == platformos.ids[990:]


def test_a_log_that_seemed_empty_for_a_while_is_read_on(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """Bodies have no rows until the newest row is believed to be gone; then answers with few rows come again."""
    running = server()
    platformos.page = 250
    platformos.add_many(400)
    with follow(running, tool=LIVE) as live, follow(running) as plain:
        for reader in (live, plain):
            arrived(reader, "400")
        platformos.fail("raw", body=b"")
        platformos.wait_for_requests(len(platformos.requests) + 20)
        platformos.heal()
        platformos.add_many(300)
        for reader in (live, plain):
            arrived(reader, "700")
            assert reader.entry_ids == platformos.ids
            assert told(reader) == []
