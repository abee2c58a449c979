"""What a report promises: right sums, like errors together, and a size that no log moves."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poslogs.platformos import entries
from poslogs.platformos.gateway import GatewayError
from poslogs.streaming import report
from poslogs.streaming.report import MAX_CHARS, MAX_HOURS, MAX_SECONDS, Report, fingerprint
from tests.unit.doubles import STAGING, Log, StandingClock, down


def reported(*rows: dict[str, object], since: str = "") -> dict[str, object]:
    told = Report("staging", since)
    for entry in entries.read([{"id": number, **row} for number, row in enumerate(rows, 1)], "staging").entries:
        told.add(entry)
    return told.told(len(rows), truncated=False)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Order 15 failed", "Order 160 failed"),
        ("Order #15 failed", "Order #7 failed"),
        ("took 1.25 s", "took 13 s"),
        ("at 10:20:30", "at 7:01:59"),
        ("user 3f2504e0-4f89-11d3-9a0c-0305e82c3301 left", "user 00000000-0000-0000-0000-000000000000 left"),
        ("job ab12cd34 died", "job 99ffee died"),
        ("no partial 'a/b'", "no partial 'c'"),
        ('no "x" here', 'no "y z" here'),
        ("no `x` here", "no `` here"),
        ("a  b\n c", "a b c"),
        ("3 of 5", "17 of 23"),
    ],
)
def test_errors_that_differ_in_numbers_ids_and_quotes_are_alike(one: str, other: str) -> None:
    """Numbers, times, ids, quoted values, spaces."""
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("undefined filter a", "undefined filter b"),
        ("can't read", "can't write"),
        ("it's a dog's", "it's a cat's"),
        ("", "x"),
    ],
)
def test_errors_that_differ_in_words_are_not(one: str, other: str) -> None:
    """Apostrophes are no quotes."""
    assert fingerprint(one) != fingerprint(other)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=2000))
def test_a_fingerprint_is_made_of_any_text_and_stays_as_it_is(text: str) -> None:
    """One line without digits, and its own fingerprint is no other."""
    made = fingerprint(text)
    assert "\n" not in made
    assert not any(map(str.isdigit, made)), made
    assert len(made) <= 2 * report.READ_CHARS


def test_a_fingerprint_of_a_megabyte_is_quick() -> None:
    """No text makes it take long."""
    for text in ("a" * 2**20, "'" * 2**20, "1." * 2**19, "-" * 2**20, '"' + "x" * 2**20):
        fingerprint(text)


def test_sums_are_by_type_and_hour() -> None:
    """Byte by byte, with the place that a diagnostic names."""
    told = reported(
        {"created_at": "2026-11-23T10:59:59Z", "error_type": "info", "message": "a"},
        {"created_at": "2026-11-23T11:00:00Z", "error_type": "LiquidError", "message": "no 'x'",
         "data": {"stack": [{"path": "p.liquid", "line": 4}, {"path": "q"}]}},
        {"created_at": "2026-11-23T11:00:01Z", "error_type": "LiquidError", "message": "no 'y'",
         "data": {"stack": "?"}},
    )  # fmt: skip
    last = {"id": "3", "timestamp": "2026-11-23T11:00:01.000Z", "message": "no 'y'", "error_type": "LiquidError"}
    assert told == {
        "env": "staging",
        "total": 3,
        "from": "2026-11-23T10:59:59.000Z",
        "to": "2026-11-23T11:00:01.000Z",
        "byType": {"error": 2, "info": 1},
        "byHour": {"2026-11-23T10:00Z": 1, "2026-11-23T11:00Z": 2},
        "frequentErrors": [
            {
                "count": 2,
                "first": "2026-11-23T11:00:00.000Z",
                "last": "2026-11-23T11:00:01.000Z",
                "fingerprint": 'no "…"',
                "example": last,
            }
        ],
        "newestErrors": [
            last,
            {
                "id": "2",
                "timestamp": "2026-11-23T11:00:00.000Z",
                "message": "no 'x'",
                "error_type": "LiquidError",
                "at": "p.liquid:4",
            },
        ],
        "lastId": "3",
        "truncated": False,
    }


def test_what_is_older_than_since_is_passed_over() -> None:
    """Its time counts, not its id; a row without a time is old."""
    told = reported(
        {"created_at": "2026-11-23T10:00:00Z"},
        {"created_at": "2026-11-23T12:00:00Z"},
        {"created_at": "?"},
        since="2026-11-23T11:00:00.000Z",
    )
    assert (told["total"], told["from"], told["lastId"]) == (1, "2026-11-23T12:00:00.000Z", "3")


@pytest.mark.parametrize("text", ["x", '"', "\\", "\x1b", "\n", "é", "\u2028", "💥", "a1 "])
def test_a_report_is_always_short(text: str) -> None:
    """A hundred kinds of error in a hundred hours, each as long and as awkward as can be, and no control character."""
    words = [text * 400 + "abcdefghij"[number % 10] + "klmnopqrst"[number // 10] for number in range(100)]
    told = reported(*(
        {"created_at": f"2026-11-{1 + number // 24:02}T{number % 24:02}:00:00Z", "error_type": f"error{word}",
         "message": word[::-1], "data": {"stack": [{"path": word, "line": number}]}}
        for number, word in enumerate(words)
    ))  # fmt: skip
    written = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    assert len(written) < MAX_CHARS
    assert "\x1b" not in json.loads(written)["newestErrors"][0]["message"]
    assert len(told["newestErrors"]) == 10  # type: ignore[arg-type]
    assert len(told["frequentErrors"]) == 10  # type: ignore[arg-type]
    hours = told["byHour"]
    assert isinstance(hours, dict)
    assert (len(hours), hours["earlier"], sum(hours.values())) == (MAX_HOURS + 1, 100 - MAX_HOURS, 100)


def read(log: Log, position: int = 0, **kw: object) -> dict[str, object]:
    return report.read(log.open_gateway(STAGING), Report("staging"), position, **kw)  # type: ignore[arg-type]


def test_reading_is_bounded_and_says_where_it_was_cut() -> None:
    """By entries, and by time; the next report goes on from there."""
    log = Log(*range(1, 31), page=10)
    whole = read(log)
    assert (whole["total"], whole["lastId"], whole["truncated"]) == (30, "30", False)
    cut = read(log, most=25)
    assert (cut["total"], cut["lastId"], cut["truncated"]) == (25, "25", True)
    rest = read(log, 25)
    assert (rest["total"], rest["lastId"], rest["truncated"]) == (5, "30", False)


class Slow(Log):
    """A log whose answers each take a third of the time that there is."""

    turning = StandingClock()

    def answer(self, last_id: int) -> list[object]:
        self.turning.now += MAX_SECONDS / 3 + 1
        return super().answer(last_id)


def test_reading_ends_in_time() -> None:
    """What was read until then is told, and where."""
    log = Slow(*range(1, 101), page=10)
    told = read(log, clock=log.turning)
    assert (told["total"], told["lastId"], told["truncated"]) == (20, "20", True)


class Failing(Log):
    """A log that answers once."""

    def answer(self, last_id: int) -> list[object]:
        if self.asked:
            raise down()
        return super().answer(last_id)


def test_a_failure_cuts_a_report_and_the_first_one_ends_it() -> None:
    """GatewayError only when nothing was read."""
    told = read(Failing(*range(1, 31), page=10))
    assert (told["total"], told["lastId"], told["truncated"]) == (10, "10", True)
    log = Log(1)
    log.failure = down()
    with pytest.raises(GatewayError):
        read(log)
