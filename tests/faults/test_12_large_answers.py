"""Fault 12: 10,000 rows in one answer, one row of 5 MB: bounded, the long message cut and marked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.upstream import (
    FETCH,
    LIVE,
    arrived,
    follow,
    lossless,
    resident,
    stand_ins,
    told,
    unbroken,
    wait_told,
)
from tests.support.platformos import PlatformOS
from tests.support.server import Server
from tests.wire.exchange import wait_for

CUT_AT = 2 << 20
FIVE_MB = 5_000_000


def test_ten_thousand_rows_in_one_answer_reach_every_reader(server: Callable[..., Server]) -> None:
    """This holds for readers of all beginnings. Other streams have no silence meanwhile, and the worker stays small."""
    with stand_ins("staging", "production") as instances:
        platformos, production = instances["staging"], instances["production"]
        platformos.page = 10_000
        running = server(environments=instances, env={"POSLOGS_HEARTBEAT_SECONDS": "0.3"}, own=True)
        with (
            follow(running) as plain,
            follow(running, tool=LIVE, gzip=True) as packed,
            follow(running, "production") as other,
        ):
            platformos.add({})
            production.add({})
            for reader in (plain, packed, other):
                arrived(reader, "1")
            memory = resident(running.worker_pid())

            def reach_all() -> None:
                platformos.add(*[{"message": f"row {number} " + "x" * 200} for number in range(10_000)])
                count = len(platformos.ids)
                for reader in (plain, packed):
                    reader.wait_entries(count, timeout=60)
                with (
                    follow(running, lastId=str(count - 5000), gzip=True) as resumed,
                    follow(running, tail=10_000) as tail,
                ):
                    resumed.wait_entries(5000, timeout=60)
                    tail.wait_entries(10_000, timeout=60)
                    lossless(platformos, plain, packed, timeout=60)
                    for reader, first in ((resumed, count - 5000), (tail, count - 10_000)):
                        arrived(reader, platformos.ids[-1])
                        assert reader.entry_ids == platformos.ids[first:]

            unbroken(reach_all, 3, other)
            assert resident(running.worker_pid()) - memory < 100
            assert told(plain) == told(packed) == told(other) == []
        fetched = running.call(FETCH, {"env": "staging", "lastId": "0", "limit": 10_000})
        assert [entry["id"] for entry in fetched["logs"]] == platformos.ids[:10_000]
        assert fetched["truncated"] is True


def test_a_row_of_5_mb_is_cut_at_2_mib_and_marked(server: Callable[..., Server]) -> None:
    """The message keeps its first 2 MiB of whole characters; exactly 2 MiB is not cut, nor are its neighbours."""
    characters = {"three-bytes": "語", "escaped": '"'}
    with stand_ins(*characters) as instances:
        running = server(environments=instances)
        for name, character in characters.items():
            platformos = instances[name]
            platformos.page = 2
            size = len(character.encode())
            whole, long = (character * (length // size) for length in (CUT_AT, FIVE_MB))
            texts = (
                {"message": "before"},
                {"message": long, "data": {"kept": 1}},
                {"message": whole},
                {"message": "z"},
            )
            platformos.add(*texts)
            with follow(running, name) as plain, follow(running, name, LIVE, gzip=True) as packed:
                for reader in (plain, packed):
                    before, cut, exact, after = reader.wait_entries(4, timeout=20)[:4]
                    assert before["message"] == "before"
                    assert cut["message"] == whole
                    assert cut["cut"] is True
                    assert cut["data"] == {"kept": 1}
                    assert exact["message"] == whole
                    assert "cut" not in before | exact | after
                    last = platformos.add({"message": "later"})
                    arrived(reader, str(last[0]))
                    assert told(reader) == []
                arrived(plain, str(last[0]))
                assert plain.entry_ids == packed.entry_ids == platformos.ids
            fetched = running.call(FETCH, {"env": name, "lastId": "1", "limit": 1})
            assert fetched["logs"] == [plain.entries[1]]


def test_a_message_that_is_no_text_is_cut_alike(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """Of JSON of 5 MB as a message the first 2 MiB come as text."""
    platformos.add({"message": {"list": ["x" * 99] * (FIVE_MB // 100)}}, {"data": {"text": "d" * FIVE_MB}})
    with follow(server()) as reader:
        cut, whole = reader.wait_entries(2, timeout=20)
        assert len(cut["message"].encode()) == CUT_AT
        assert cut["message"].startswith('{"list":["xxx')
        assert cut["cut"] is True
        assert whole["data"] == {"text": "d" * FIVE_MB}
        assert "cut" not in whole
        arrived(reader, "2")


@pytest.mark.slow
def test_memory_does_not_grow_with_long_rows(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """250 MB of long rows, each with a text and a type of its own, pass a reader that wants none of them."""
    platformos.page = 10
    running = server(env={"POSLOGS_WINDOW_MB": "1"}, own=True)
    with follow(running, filter="marker") as reader:
        platformos.add({"error_type": "marker"})
        arrived(reader, "1")
        worker = running.worker_pid()

        def pass_by(rows: int) -> None:
            first = len(platformos.ids)
            texts = (f"{first + number} " + "x" * 500_000 for number in range(rows))
            platformos.add(*({"message": text, "error_type": text} for text in texts))
            last = platformos.add({"error_type": "marker"})
            arrived(reader, str(last[0]), timeout=90)

        pass_by(20)  # what one page needs is had from now on
        memory = resident(worker)
        pass_by(250)
        assert resident(worker) - memory < 170
        assert told(reader) == []


def test_hundreds_of_thousands_of_rows_that_are_none_are_told_and_bounded(server: Callable[..., Server]) -> None:
    """For an answer of 600 kB of numbers alone memory and time stay in bounds, and the good rows come."""
    with stand_ins("staging", "production") as instances:
        platformos, production = instances["staging"], instances["production"]
        running = server(environments=instances, env={"POSLOGS_HEARTBEAT_SECONDS": "0.3"}, own=True)
        with follow(running) as reader, follow(running, "production") as other:
            platformos.add_many(2)
            production.add_many(2)
            for each in (reader, other):
                arrived(each, "2")
            worker = running.worker_pid()
            memory = resident(worker)
            peak = [memory]
            runs = 0

            def be_left_out() -> None:
                nonlocal runs
                runs += 1
                row = b'{"id":%d,"message":"row"}' % (len(platformos.ids) + 1)
                fault = platformos.fail("raw", times=1, body=b'{"logs":[' + b"1," * 300_000 + row + b"]}")
                platformos.add({"message": "row"})
                asked = platformos.met(fault)

                def is_done() -> bool:
                    peak.append(resident(worker))
                    return platformos.requests[-1] is not asked

                wait_for(is_done, 60)
                arrived(reader, platformos.ids[-1])

            unbroken(be_left_out, 4, other)
            wait_told(reader)
            assert max(peak) - memory < 100, (memory, max(peak))
            lossless(platformos, reader)
            lossless(production, other)
            sentence = "300000 rows were left out of environment staging: a row that is not an object."
            assert set(told(reader)) == {sentence}
            assert len(told(reader)) <= runs
