"""Fault 11: rows with odd fields are entries all the same; a row that is not an object or has no id is reported."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from tests.faults.upstream import FETCH, LIVE, arrived, follow, lossless, told, wait_told
from tests.support.platformos import PlatformOS
from tests.support.rows import MISSING
from tests.support.server import Server

ODD = [
    MISSING,
    None,
    {},
    [],
    {"a": [1, None]},
    ["x", 2],
    0,
    -1,
    1.5,
    10**18,
    True,
    False,
    "",
    " ",
    "\n",
    "e\u0301",
    "x" * 999,
]
TIMES = [
    "2024-02-30T00:00:00Z", "2024-01-01", "yesterday", "2024-01-01T25:00:00Z", "1704110400", "2024-01-01T12:00:00",
    "2024-01-01T12:00:00.123456789Z", "2024-01-01 12:00:00 UTC", "2024-01-01T12:00:00+02:00",
    "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "٢٠٢٤-01-01T12:00:00Z", "2024-01-01T12:00:00Z\n",
]  # fmt: skip
STRAYS: list[Any] = [
    None, True, 17, 1.5, "text", "", [], [{"id": 999}], {}, {"message": "no id"}, {"id": None}, {"id": ""},
    {"id": "abc"}, {"id": -5}, {"id": 0}, {"id": 1.5}, {"id": True}, {"id": {}}, {"id": [7]},
    {"id": 2**63}, {"id": "9" * 30},
]  # fmt: skip
ENTRY = {"id", "timestamp", "type", "message", "data", "env", "error_type"}


def is_an_entry(entry: dict[str, Any]) -> bool:
    """Whether an entry has every promised field, each of its promised type."""
    return (
        set(entry) == ENTRY
        and all(isinstance(entry[name], str) for name in ENTRY - {"data"})
        and isinstance(entry["data"], dict)
        and entry["type"] in ("error", "warn", "debug", "info")
        and len(entry["timestamp"]) == len("2024-01-01T12:00:00.000Z")
        and entry["timestamp"].endswith("Z")
        and entry["env"] == "staging"
    )


def test_every_field_may_be_anything_or_missing(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """Each field in turn has each odd value, and times that no clock shows. Every row is an entry, without an error."""
    fields = ("created_at", "error_type", "message", "data")
    platformos.add(*({field: value} for field, value in product(fields, ODD)))
    platformos.add(*({"created_at": time} for time in TIMES))
    platformos.add({**dict.fromkeys(fields, MISSING)}, {"unknown": {"more": [1]}, "logs": [], "type": "data"})
    running = server()
    with (
        follow(running) as plain,
        follow(running, tool=LIVE, gzip=True) as live,
        follow(running, tool=LIVE, lastId="30") as resumed,
    ):
        lossless(platformos, plain, live)
        arrived(resumed, platformos.ids[-1])
        assert resumed.entries == plain.entries[30:]
        assert live.entries == plain.entries
        for entry in plain.entries:
            assert is_an_entry(entry), entry
        assert told(plain) == told(live) == told(resumed) == []
        by_id = {entry["id"]: entry for entry in plain.entries}
    fetched = running.call(FETCH, {"env": "staging", "limit": 10_000})["logs"]
    assert {entry["id"]: entry for entry in fetched} == by_id


def test_what_is_missing_gets_the_plainest_value(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """The test has rows and their entries written out in full."""
    platformos.add(
        {"created_at": None, "error_type": None, "message": None, "data": None},
        {"created_at": MISSING, "error_type": MISSING, "message": MISSING, "data": MISSING},
        {"created_at": "2024-01-01T12:00:00+02:00", "error_type": {"a": 1}, "message": [1, {"b": None}], "data": []},
        {"created_at": 17, "error_type": "Payment-WARNING", "message": True, "data": "text"},
        {"created_at": {}, "error_type": "", "message": "two\nlines\n", "data": {"url": None}},
    )
    nothing = {"timestamp": "1970-01-01T00:00:00.000Z", "type": "error", "message": "", "error_type": "", "data": {}}
    with follow(server()) as reader:
        reader.wait_entries(5)
        assert reader.entries == [
            {**nothing, "id": "1", "env": "staging"},
            {**nothing, "id": "2", "env": "staging"},
            {
                "id": "3",
                "timestamp": "2024-01-01T10:00:00.000Z",
                "type": "info",
                "message": '[1,{"b":null}]',
                "data": {"value": []},
                "env": "staging",
                "error_type": '{"a":1}',
            },
            {
                **nothing,
                "id": "4",
                "type": "warn",
                "message": "true",
                "data": {"value": "text"},
                "env": "staging",
                "error_type": "Payment-WARNING",
            },
            {**nothing, "id": "5", "message": "two\nlines\n", "data": {"url": None}, "env": "staging"},
        ]


def test_rows_that_are_none_are_counted_and_told_once_to_each_reader(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """Scalars, arrays and objects without a usable id, between good rows, give one error with their number."""
    platformos.add_many(2)
    for stray in STRAYS:
        platformos.stray(stray)
    good = [*platformos.add_many(2), 1, 2]
    running = server()
    with (
        follow(running) as plain,
        follow(running, tool=LIVE, gzip=True) as live,
        follow(running, filter="nothing-has-this-type") as filtered,
    ):
        wanted = sorted(map(str, good), key=int)
        lossless(platformos, plain, live, ids=wanted)
        for reader in (plain, live, filtered):
            (sentence,) = wait_told(reader)
            assert sentence.startswith(f"{len(STRAYS)} rows were left out of environment staging: ")
            assert "a row that is not an object" in sentence
            assert "a row without a usable id" in sentence
        platformos.wait_for_requests(len(platformos.requests) + 4)
        platformos.stray("a new one")
        for reader in (plain, live, filtered):
            assert wait_told(reader, 2)[1] == "1 row was left out of environment staging: a row that is not an object."
        platformos.wait_for_requests(len(platformos.requests) + 4)
        assert [len(told(reader)) for reader in (plain, live, filtered)] == [2, 2, 2]


def test_a_reader_that_asks_by_itself_is_told_of_rows_that_are_none(
    server: Callable[..., Server], platformos: PlatformOS
) -> None:
    """It resumes from before what the poller has seen, where the rows that are left out lie."""
    platformos.add_many(2)
    platformos.stray("no row")
    platformos.stray({"message": "no id"})
    platformos.add_many(6)
    running = server()
    with follow(running, lastId="8") as first:
        arrived(first, "10")
        with follow(running, lastId="1") as behind:
            arrived(behind, "10")
            assert behind.entry_ids == ["2", "5", "6", "7", "8", "9", "10"]
            (sentence,) = wait_told(behind)
            assert sentence.startswith("2 rows were left out of environment staging: ")
        assert told(first) == []


def test_any_number_of_rows_that_are_none_is_told(server: Callable[..., Server], platformos: PlatformOS) -> None:
    """One answer holds thousands, each with another text."""
    count = 3000
    platformos.page = 10_000
    platformos.add_many(1)
    for number in range(count):
        platformos.stray(f"no row {number}")
    platformos.add_many(1)
    with follow(server()) as reader:
        (sentence,) = wait_told(reader, timeout=5)
        assert sentence == f"{count} rows were left out of environment staging: a row that is not an object."
        lossless(platformos, reader, ids=["1", str(count + 2)])
