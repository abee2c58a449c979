"""Fault 10: ids are reset, as after a restored backup: readers get a notice, and the stream goes on with new rows."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from poslogs.streaming.stream import PAST_END_SECONDS
from tests.faults.following import flowing
from tests.faults.upstream import (
    FETCH,
    LIVE,
    STREAM,
    WERE_RESET,
    arrived,
    follow,
    told,
    wait_entry,
    wait_told,
    wait_tries,
)
from tests.support.platformos import PlatformOS
from tests.support.reader import Reader
from tests.support.server import Server
from tests.support.transcript import Transcript

LAG_S = 0.8  # ids that look reset for a second were reset


def messages(reader: Transcript) -> list[str]:
    """What the entries say, in the order of their arrival. Ids do not identify rows here: they are given out twice."""
    return [entry["message"] for entry in list(reader.entries)]


def say(platformos: PlatformOS, *texts: str) -> list[str]:
    """List a row for each text, a minute after all that were listed before."""
    minutes = len({row["created_at"] for _, row in platformos.listed})
    created_at = f"2026-01-01T{minutes // 60:02}:{minutes % 60:02}:00Z"
    platformos.add(*({"message": text, "created_at": created_at} for text in texts))
    return list(texts)


def heard(reader: Transcript, text: str, timeout: float = 15) -> None:
    """Wait until the reader has an entry that says this."""
    wait_entry(reader, "message", text, timeout)


def every_word_once(platformos: PlatformOS, readers: list[Reader], expected: list[list[str]]) -> None:
    """Assert that each reader has just what is expected, also after two more rows."""
    for text in ("one more", "and another"):
        say(platformos, text)
        for reader, words in zip(readers, expected, strict=True):
            heard(reader, text)
            words.append(text)
    for reader, words in zip(readers, expected, strict=True):
        assert messages(reader) == words, reader.dump()


def test_an_id_reset_is_told_and_every_row_listed_after_it_comes_once(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Of fifty rows a backup has twenty; new rows get ids that were given out before. Both tools, plain and gzip."""
    running = server()
    before = say(platformos, *(f"before {number}" for number in range(50)))
    with (
        follow(running) as plain,
        follow(running, gzip=True) as packed,
        follow(running, tool=LIVE) as live,
        follow(running, tool=LIVE, gzip=True, filter="info") as filtered,
        follow(running, lastId="40") as resumed,
    ):
        readers = [plain, packed, live, filtered, resumed]
        for reader in readers:
            heard(reader, "before 49")
        platformos.restore(20)
        after = say(platformos, "after 1", "after 2")
        for reader in readers:
            assert wait_told(reader) == [WERE_RESET]
            heard(reader, "after 2")
        after += say(platformos, "after 3")
        every_word_once(platformos, readers, [[*before, *after] for _ in range(4)] + [before[40:] + after])
        for reader in readers:
            assert told(reader) == [WERE_RESET]
            assert reader.last_id == platformos.ids[-1]  # it resumes in the new ids
    assert "were reset" in running.output


def test_an_id_reset_without_a_new_row_is_told_too_and_what_comes_later_is_new(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Nothing was logged since the backup; the first new row has an id that the reader once had."""
    running = server()
    before = say(platformos, *(f"before {number}" for number in range(10)))
    with follow(running) as plain, follow(running, tool=LIVE) as live:
        for reader in (plain, live):
            heard(reader, "before 9")
        platformos.restore(6)
        for reader in (plain, live):
            assert wait_told(reader) == [WERE_RESET]
        say(platformos, "after")
        every_word_once(platformos, [plain, live], [[*before, "after"], [*before, "after"]])


def test_ids_that_are_reset_below_where_the_poller_began_bring_what_is_new(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """The only readers resumed at 8, so the server never saw what was before; the new rows have the ids 5 and 6."""
    running = server()
    before = say(platformos, *(f"before {number}" for number in range(10)))
    with follow(running, lastId="8") as plain, follow(running, tool=LIVE, lastId="8") as live:
        for reader in (plain, live):
            heard(reader, "before 9")
        platformos.restore(4)
        after = say(platformos, "after 1", "after 2")
        for reader in (plain, live):
            assert wait_told(reader) == [WERE_RESET]
            heard(reader, "after 2", 5)
        every_word_once(platformos, [plain, live], [before[8:] + after, before[8:] + after])


def test_ids_that_are_reset_twice_are_told_twice(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """A second backup while the first is still fresh; each new row comes once all the same."""
    running = server()
    words = say(platformos, "a", "b", "c", "d", "e")
    with follow(running) as plain, follow(running, tool=LIVE) as live:
        for reader in (plain, live):
            heard(reader, "e")
        platformos.restore(3)
        words += say(platformos, "f")
        for reader in (plain, live):
            wait_told(reader)
            heard(reader, "f")
        platformos.restore(1)
        words += say(platformos, "g")
        for reader in (plain, live):
            assert wait_told(reader, 2) == [WERE_RESET, WERE_RESET]
            heard(reader, "g", 5)
        every_word_once(platformos, [plain, live], [list(words), list(words)])


def test_an_id_reset_in_an_outage_is_noticed_after_it(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """This is the usual case: the instance is away while it is restored."""
    running = server()
    before = say(platformos, *(f"before {number}" for number in range(30)))
    with follow(running) as plain, follow(running, tool=LIVE, gzip=True) as live:
        for reader in (plain, live):
            heard(reader, "before 29")
        platformos.fail("refuse")
        wait_tries(running, 2)
        platformos.restore(10)
        say(platformos, "after")
        platformos.heal()
        for reader in (plain, live):
            assert wait_told(reader, 2)[1] == WERE_RESET
            heard(reader, "after")
        every_word_once(platformos, [plain, live], [[*before, "after"], [*before, "after"]])


def test_other_environments_and_later_readers_hear_nothing_of_it(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """A reader or a fetch that comes after the id reset gets the log as it is now."""
    with PlatformOS() as other:
        running = server(environments={"staging": platformos, "production": other})
        before = say(platformos, *(f"before {number}" for number in range(10)))
        with follow(running) as early, follow(running, "production") as well:
            heard(early, "before 9")
            platformos.restore(4)
            after = say(platformos, "after")
            assert wait_told(early) == [WERE_RESET]
            heard(early, "after")
            with follow(running) as late, follow(running, lastId="2", tool=LIVE) as resumed:
                every_word_once(
                    platformos,
                    [early, late, resumed],
                    [before + after, before[:4] + after, before[2:4] + after],
                )
                assert told(late) == told(resumed) == []
            fetched = running.call(FETCH, {"env": "staging"})
            assert [entry["id"] for entry in fetched["logs"]] == platformos.ids
            other.add({"message": "fine"})
            heard(well, "fine")
            assert told(well) == []


def test_a_reader_that_slept_through_the_id_reset_goes_on_with_what_is_new(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """It reads nothing meanwhile; then it has the old rows, the error, and the new ones."""
    running = server()
    with (
        Reader(
            running.url, {"tool": STREAM, "input": {"env": "staging", "interval": 250}}, receive_buffer=4096
        ) as slow,
        follow(running) as quick,
    ):
        for reader in (slow, quick):
            reader.wait_frame(lambda frame: frame.comment == "open")
        slow.pause()
        before = [f"before {number} " + "x" * 3000 for number in range(400)]
        say(platformos, *before)
        heard(quick, before[-1])
        platformos.restore(100)
        after = say(platformos, "after 1", "after 2")
        assert wait_told(quick) == [WERE_RESET]
        heard(quick, "after 2")
        slow.resume()
        heard(slow, "after 2", 30)
        assert told(slow) == [WERE_RESET]
        assert messages(slow)[-2:] == after
        got = messages(slow)[:-2]
        assert got == before[: len(got)], "what was read before the id reset is in order and once"
        assert messages(quick) == before + after


def test_a_log_that_is_emptied_or_pruned_is_no_id_reset(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """Nothing is reported when platformOS throws old rows away, even all of them: ids go on rising."""
    running = server()
    platformos.add_many(10)
    with follow(running) as plain, follow(running, tool=LIVE) as live:
        for reader in (plain, live):
            arrived(reader, "10")
        platformos.arrange = lambda rows: [row for row in rows if row["id"] > 5]
        platformos.wait_for_requests(len(platformos.requests) + 8)
        platformos.arrange = lambda rows: [row for row in rows if row["id"] > 10]
        platformos.wait_for_requests(len(platformos.requests) + 8)
        platformos.add_many(2)
        for reader in (plain, live):
            arrived(reader, "12")
            assert reader.entry_ids == [str(number) for number in range(1, 13)]
            assert told(reader) == []


@pytest.mark.parametrize("start", [{"lastId": "50"}, {"headers": {"Last-Event-ID": "50"}}])
def test_a_reader_that_comes_back_with_a_position_from_before_the_id_reset_is_told_and_gets_what_is_new(
    server: Callable[..., Server], platformos: PlatformOS, start: dict[str, Any]
) -> None:
    """It was away when ids were reset; nobody else is disturbed."""
    running = server()
    platformos.add_many(12)
    with follow(running) as other, follow(running, **start) as reader:
        arrived(other, "12")
        assert wait_told(reader) == [WERE_RESET]
        platformos.add({}, {"id": 49}, {"id": 51})
        arrived(reader, "51")
        assert reader.entry_ids == ["13", "49", "51"]
        arrived(other, "51")
        assert other.entry_ids == platformos.ids
        assert told(other) == []


@pytest.mark.parametrize("tool", [STREAM, LIVE])
def test_what_came_between_the_id_reset_and_a_return_is_new_to_who_was_away(
    server: Callable[..., Server], platformos: PlatformOS, tool: str
) -> None:
    """The server noticed for another reader where ids were reset to, so it knows what the one that was away lacks."""
    running = server()
    platformos.add_many(50)
    with follow(running) as other:
        arrived(other, "50")
        with follow(running, tool=tool, lastId="49") as away:
            arrived(away, "50")
        platformos.restore(20)
        platformos.add_many(3, message="after")
        assert wait_told(other) == [WERE_RESET]
        with follow(running, tool=tool, headers={"Last-Event-ID": "50"}) as back:
            assert wait_told(back) == [WERE_RESET]
            platformos.add({})
            arrived(back, "24")
            assert back.entry_ids == ["21", "22", "23", "24"]
            assert back.last_id == "24"


@pytest.mark.parametrize("tool", [STREAM, LIVE])
def test_a_row_that_nobody_was_given_does_not_hide_what_comes_after_it_from_who_comes_later(
    server: Callable[..., Server], platformos: PlatformOS, tool: str
) -> None:
    """Row 11 became visible late, and nobody wanted such rows. Ids were reset to 25: 16 to 25 are new to who has 15."""
    running = server()
    platformos.add_many(10)
    platformos.add({"id": 12})
    platformos.add_many(18)
    with follow(running) as other:
        arrived(other, "30")
        platformos.add({"id": 11})
        platformos.restore(25)
        platformos.add_many(2, message="after")
        assert wait_told(other) == [WERE_RESET]
        arrived(other, "27")
        with follow(running, tool=tool, lastId="15") as later:  # which has no 11 either
            arrived(later, "27")
            assert later.entry_ids == [str(number) for number in range(16, 28)]
            assert told(later) == []
        assert other.entry_ids == [*(str(number) for number in range(1, 31) if number != 11), "26", "27"]


@pytest.mark.parametrize("catches_up", [False, True])
def test_a_row_that_becomes_visible_late_as_ids_are_reset_comes_to_live_readers_once(
    server: Callable[..., Server], platformos: PlatformOS, catches_up: bool
) -> None:
    """It comes by a look, or as the log is read for what is new since the reset."""
    running = server()
    platformos.add_many(10)
    platformos.add({"id": 12})
    platformos.add_many(18)
    with follow(running, tool=LIVE) as reader:
        arrived(reader, "30")
        platformos.restore(25)
        if catches_up:
            platformos.add_many(2, message="after")
        platformos.add({"id": 11})
        assert wait_told(reader) == [WERE_RESET]
        if not catches_up:
            platformos.add_many(2, message="after")
        heard(reader, "after")
        arrived(reader, "11")
        say(platformos, "the last")
        heard(reader, "the last")
        assert Counter(reader.entry_ids) == Counter([*map(str, range(1, 31)), "26", "27", "28"]), reader.dump()


def test_who_comes_back_is_told_before_new_ids_can_pass_its_position(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Rows come so quickly that the log ends past its old position a moment later."""
    running = server()
    platformos.add_many(50)
    with follow(running) as other:
        arrived(other, "50")
        platformos.restore(20)
        assert wait_told(other) == [WERE_RESET]
        platformos.add_many(5, message="after")
        arrived(other, "25")
        with follow(running, headers={"Last-Event-ID": "50"}) as back:
            back.wait_frame(lambda frame: frame.comment == "open")
            platformos.add_many(40, message="after")
            arrived(back, "65")
            assert told(back) == [WERE_RESET]
            assert back.entry_ids == platformos.ids[20:]


def test_in_a_log_that_never_rests_a_position_past_its_end_does_not_wait_for_ids_to_pass_it(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """The server knows of no reset: it was started again meanwhile. Each poll brings something new."""
    running = server()
    platformos.add_many(20)
    with follow(running) as other, flowing(platformos, 0.1):
        arrived(other, "20")
        with follow(running, headers={"Last-Event-ID": "5000"}) as back:
            back.wait_frame(lambda frame: frame.comment == "open")
            listed = len(platformos.ids)
            back.wait_entries(30, 60)
            first = int(back.entry_ids[0])
            assert back.entry_ids == [str(number) for number in range(first, first + len(back.entry_ids))]
            assert first <= listed + 50, "it lacks what came while it waited: some 150 rows"
            assert len(told(back)) == 1


def test_a_position_that_the_log_reaches_in_time_is_no_id_reset(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """It was given by another server that had asked a moment later than this one."""
    running = server()
    platformos.add_many(12)
    with ExitStack() as stack:
        other = stack.enter_context(follow(running))
        arrived(other, "12")
        came: list[Reader] = []

        def lag(rows: list[Any]) -> list[Any]:
            """The reader comes amid a question, whose answer holds no more than before; the next one takes a while."""
            if came:
                with suppress(AssertionError):  # until the reader has looked again whether the log has come to it
                    came[0].wait_until(lambda: bool(told(came[0])), PAST_END_SECONDS + 0.5)
                return rows
            came.append(stack.enter_context(follow(running, lastId="14")))
            came[0].wait_frame(lambda frame: frame.comment == "open")
            return [row for row in rows if row["id"] <= 12]

        platformos.arrange = lag
        platformos.add({}, {}, {})
        arrived(other, "15")
        [reader] = came
        arrived(reader, "15")
        assert reader.entry_ids == ["15"]
        assert told(reader) == []


def test_an_answer_that_lags_is_no_id_reset(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """An answer may lack the newest rows, as one of a replica does: nothing is reported, and nothing comes twice."""
    running = server()
    platformos.add_many(12)
    with follow(running) as plain, follow(running, tool=LIVE) as live:
        for reader in (plain, live):
            arrived(reader, "12")
        lagged: list[float] = []  # when answers lacked rows

        def lag(rows: list[Any]) -> list[Any]:
            now, older = time.monotonic(), [row for row in rows if row["id"] <= 10]
            if len(older) == len(rows) or (lagged and now > lagged[0] + LAG_S):
                return rows
            lagged.append(now)
            return older

        platformos.arrange = lag
        platformos.wait_until(lambda: bool(lagged) and time.monotonic() > lagged[0] + LAG_S)
        platformos.wait_for_requests(len(platformos.requests) + 6)
        platformos.add({})
        for reader in (plain, live):
            arrived(reader, "13")
            assert reader.entry_ids == platformos.ids
            assert told(reader) == []
