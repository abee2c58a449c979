"""What a report promises: right sums, like errors together, and a size that no log moves."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poslogs.platformos import entries
from poslogs.platformos.gateway import GatewayError
from poslogs.streaming import report
from poslogs.streaming.report import MAX_CHARS, MAX_HOURS, MAX_SECONDS, Report, fingerprint
from tests.support.tries import tries
from tests.unit.doubles import Log, StandingClock, asking, down, entry


def reported(*rows: dict[str, object], since: str = "") -> dict[str, object]:
    told = Report("staging", since)
    page = entries.read([{"id": number, **row} for number, row in enumerate(rows, 1)], "staging")
    for each in reversed(page.entries):
        told.add(each)
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
        ("undefined method `x' for nil", "undefined method `y?' for nil"),
        ("no 'can't' here", "no 'x' here"),
        (r'{"name": "O\"Neil"}', '{"name": "x"}'),
        ("user joe.o'neil+x@example.co.uk left", "user ann@localhost left"),
        ("GET https://example.com/orders?token=abc&x=y failed", "GET https://example.com/orders?token=z failed"),
        ("GET /orders?a=b#c (late)", "GET /orders?d=e (late)"),
        ("no address 10.0.0.1:80", "no address 192.168.1.17:8080"),
        ("since 2024-01-15T10:00:00.123+02:00", "since 2023-12-31T23:59:59Z"),
        ("ids 1, 2,3 gone", "ids 4 gone"),
        (f"no 'a' {'b ' * 400}", f"no '{'a' * 250}' {'b ' * 400}"),
    ],
)
def test_errors_that_differ_in_numbers_ids_and_quotes_are_alike(one: str, other: str) -> None:
    """Differences in numbers, times, ids, quoted values and spaces do not count."""
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("undefined filter a", "undefined filter b"),
        ("can't read", "can't write"),
        ("it's a dog's", "it's a cat's"),
        ("Field 'a' doesn't exist on 'b'", "Field 'a' isn't on 'b'"),
        ("in a/b.liquid line 3", "in a/c.liquid line 3"),
        ("GET /a?x=y", "GET /b?x=y"),
        ("what? a", "what? b"),
        ("", "x"),
    ],
)
def test_errors_that_differ_in_words_are_not(one: str, other: str) -> None:
    """Apostrophes do not count as quotes."""
    assert fingerprint(one) != fingerprint(other)


@tries(200)
@given(st.text(max_size=2000))
def test_a_fingerprint_is_made_of_any_text_and_stays_as_it_is(text: str) -> None:
    """It is one line without digits, and the fingerprint of a fingerprint is the same."""
    made = fingerprint(text)
    assert "\n" not in made
    assert not any(map(str.isdigit, made)), made
    assert len(made) <= 2 * report.READ_CHARS


def test_a_fingerprint_of_a_megabyte_is_quick() -> None:
    """No text makes it slow."""
    began = time.process_time()
    for text in ("a", "'", "1.", "-", 'x"', '"\\', "“", "`", "a@", "a.", "?a", "?a=", "-'a", "'a", "1, "):
        fingerprint(text * 2**20)
    assert time.process_time() - began < 1


def test_sums_are_by_type_and_hour() -> None:
    """The report is compared byte by byte, with the place that a diagnostic names."""
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
    """The time of a row counts, not its id. A row without a time is old."""
    told = reported(
        {"created_at": "2026-11-23T10:00:00Z"},
        {"created_at": "2026-11-23T12:00:00Z"},
        {"created_at": "?"},
        since="2026-11-23T11:00:00.000Z",
    )
    assert (told["total"], told["from"], told["lastId"]) == (1, "2026-11-23T12:00:00.000Z", "3")


@pytest.mark.parametrize("text", ["x", '"', "\\", "\x1b", "\n", "é", "\u2028", "💥", "a1 "])
def test_a_report_is_always_short(text: str) -> None:
    """A hundred kinds of long and awkward errors in a hundred hours make a short one, without control characters."""
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


def test_an_old_entry_among_new_ones_hides_nothing() -> None:
    """Its clock may be wrong. The report goes on, and is complete only when a hundred in a row are too old."""
    told = Report("staging", "2026-11-23T11:00:00.000Z")
    for number in range(250, 101, -1):
        assert not told.complete
        time_of = "2026-11-23T09:00:00Z" if number % 2 or number <= 200 else "2026-11-23T12:00:00Z"
        told.add(entry(number, created_at=time_of))
    assert told.complete
    assert told.told(250, truncated=False)["total"] == 25
    for number in range(200):
        (undated := Report("staging", "2026")).add(entry(number + 1, created_at="?"))
    assert not undated.complete


def read(log: Log, position: int = 0, since: str = "", **kw: object) -> dict[str, object]:
    return report.read(asking(log), Report("staging", since), position, **kw)  # type: ignore[arg-type]


def test_a_report_is_of_the_newest_entries_and_says_what_it_left_out() -> None:
    """Of thirty rows the newest twenty-five are read. The next report continues at the end of the log."""
    log = Log(page=10)
    log.add(*range(1, 16), message="old", error_type="error")
    log.add(*range(16, 31), message="new", error_type="error")
    whole = read(log)
    assert (whole["total"], whole["lastId"], whole["truncated"]) == (30, "30", False)
    cut = read(log, most=25)
    assert (cut["total"], cut["lastId"], cut["truncated"]) == (25, "30", True)
    groups = {group["fingerprint"]: group["count"] for group in cut["frequentErrors"]}  # type: ignore[attr-defined]
    assert groups == {"new": 15, "old": 10}
    assert [error["id"] for error in cut["newestErrors"]] == [str(n) for n in range(30, 20, -1)]  # type: ignore[attr-defined]
    rest = read(log, 25)
    assert (rest["total"], rest["lastId"], rest["truncated"]) == (5, "30", False)


def test_a_report_of_the_last_hour_does_not_read_the_log() -> None:
    """Of a hundred thousand old rows and a thousand new ones it reads the new ones, with few questions."""
    log = Log()
    log.add(*range(1, 100_001), created_at="2026-11-22T10:00:00Z")
    log.add(*range(100_001, 101_001), created_at="2026-11-23T10:00:00Z")
    told = read(log, since="2026-11-23T09:30:00.000Z")
    assert (told["total"], told["lastId"], told["truncated"]) == (1000, "101000", False)
    assert len(log.asked) < 30


class Slow(Log):
    """A log whose answers each take a twelfth of the time that there is."""

    turning = StandingClock()

    def answer(self, last_id: int) -> list[object]:
        self.turning.now += MAX_SECONDS / 12
        return super().answer(last_id)


def test_reading_ends_in_time() -> None:
    """The report holds what was read until then, the newest entries, and says that it was cut."""
    log = Slow(*range(1, 101), page=10)
    told = read(log, clock=log.turning)
    assert (told["lastId"], told["truncated"]) == ("100", True)
    assert told["total"] in range(20, 60)


class Failing(Log):
    """A log that fails after a number of answers."""

    good = 12

    def answer(self, last_id: int) -> list[object]:
        if len(self.asked) >= self.good:
            raise down()
        return super().answer(last_id)


def test_a_failure_cuts_a_report_and_an_early_one_ends_it() -> None:
    """It raises GatewayError only when nothing was counted."""
    told = read(Failing(*range(1, 101), page=10))
    assert (told["lastId"], told["truncated"]) == ("100", True)
    assert told["total"] in range(10, 90)
    log = Log(1)
    log.failure = down()
    with pytest.raises(GatewayError):
        read(log)
