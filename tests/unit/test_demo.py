"""What the simulated environments promise: the clock alone decides, and there is always something to see."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import orjson
import pytest

from poslogs.platformos.demo import NAMES, PAGE, RETENTION_S, DemoGateway

ROOT = Path(__file__).resolve().parents[2]
NOON = 1_760_011_200.0  # 2025-10-09T12:00:00Z, in seconds
STARTS = [NOON + 86_400 * 37.3 * day for day in range(12)]

Row = dict[str, object]


class Clock:
    """A clock that stands until it is turned."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def ask(name: str, now: float, last_id: int = 0) -> list[Row]:
    return list(checked(DemoGateway(name, clock=Clock(now)).rows(last_id)))


def everything(name: str, now: float) -> list[Row]:
    """All that is retained, page by page."""
    rows: list[Row] = []
    while page := ask(name, now, number(rows[-1]) if rows else 0):
        rows += page
    return rows


def checked(rows: list[object]) -> Iterator[Row]:
    for row in rows:
        assert isinstance(row, dict)
        yield row


def number(row: Row) -> int:
    assert type(row["id"]) is int
    return row["id"]


def moment(row: Row) -> float:
    """The row's `created_at` in seconds since 1970."""
    return datetime.fromisoformat(str(row["created_at"])).timestamp()


def history(name: str, start: float, seconds: int) -> list[Row]:
    """Every row of `seconds` from `start` on, however long after it that is."""
    rows: list[Row] = []
    for step in range(0, seconds, 300):  # whose rows fit into a page
        end = start + min(seconds, step + 300)
        rows += ask(name, end, number(rows[-1]) if rows else int(start * 1000))
    return rows


def kind(row: Row) -> str:
    """The type that the entry of this row will have."""
    text = str(row.get("error_type", "error")).lower()
    return next((word for word in ("error", "warn", "debug", "info") if word in text), "info")


@pytest.mark.parametrize("name", NAMES)
def test_two_gateways_of_one_environment_give_the_same_rows(name: str) -> None:
    """Two instances with the same time answer alike, and one asked twice answers alike."""
    gateway = DemoGateway(name, clock=Clock(NOON))
    assert gateway.rows(0) == gateway.rows(0) == ask(name, NOON)


@pytest.mark.parametrize("name", NAMES)
def test_every_process_gives_the_same_rows(name: str) -> None:
    """Processes with other hash seeds print the bytes that this one makes."""
    script = (
        "import sys, orjson\n"
        "from poslogs.platformos.demo import DemoGateway\n"
        "sys.stdout.buffer.write(orjson.dumps(DemoGateway(sys.argv[1], clock=lambda: float(sys.argv[2])).rows(0)))\n"
    )
    here = orjson.dumps(ask(name, NOON))
    for seed in ("1", "2"):
        variables = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", script, name, str(NOON)]
        assert subprocess.run(command, env=variables, check=True, capture_output=True, timeout=30).stdout == here


def test_every_machine_and_python_gives_these_rows() -> None:
    """Seven seconds of staging, written out in full."""
    assert ask("staging", NOON - 5, int(NOON * 1000) - 12_000) == [
        {
            "id": 1760011189177,
            "created_at": "2025-10-09T11:59:49.177Z",
            "error_type": "payment-callback",
            "message": "Refund of 129.00 EUR for order #9726337 accepted",
            "data": {"page": "api/payments/callback"},
        },
        {
            "id": 1760011192447,
            "created_at": "2025-10-09T11:59:52.447Z",
            "error_type": "info",
            "message": "POST /sign-up 201 in 15 ms",
            "data": {
                "url": "https://staging.harbor-goods.example.com/sign-up",
                "page": "users/create",
                "user": {"email": "ana.lima@example.com"},
            },
        },
        {
            "id": 1760011192932,
            "created_at": "2025-10-09T11:59:52.932Z",
            "error_type": "signup",
            "message": "Welcome mail queued for ana.lima@example.com",
            "data": {
                "url": "https://staging.harbor-goods.example.com/sign-up",
                "page": "users/create",
                "user": {"email": "ana.lima@example.com"},
            },
        },
    ]


def test_the_environments_differ() -> None:
    """Staging and production share no moment of their stories and name their own hosts."""
    staging, production = (orjson.dumps(ask(name, NOON)) for name in NAMES)
    assert b"https://staging." in staging
    assert b"https://production." not in staging
    assert b"https://production." in production
    assert b"https://staging." not in production


def test_an_unknown_environment_is_refused_at_once() -> None:
    """A name other than a demo environment's fails when the gateway is made, not at the first poll."""
    with pytest.raises(ValueError, match="'moon'"):
        DemoGateway("moon")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(6))
def test_a_follower_gets_exactly_what_one_question_at_the_end_gets(name: str, seed: int) -> None:
    """Random steps of 0 to 9 s from a cursor for five minutes miss nothing, repeat nothing and change nothing."""
    steps = random.Random(seed)
    start = STARTS[seed]
    clock = Clock(start)
    gateway = DemoGateway(name, clock=clock)
    cursor = int(start * 1000)
    followed: list[Row] = []
    while clock.now < start + 290:
        clock.now += steps.choice((0.0, 0.001, 0.25, steps.random(), 9 * steps.random()))
        rows = list(checked(gateway.rows(cursor)))
        followed += rows
        cursor = number(rows[-1]) if rows else cursor
    assert followed == ask(name, clock.now, int(start * 1000))
    assert followed


@pytest.mark.parametrize("name", NAMES)
def test_a_row_appears_when_the_clock_passes_its_moment(name: str) -> None:
    """A millisecond before its `created_at` a row is absent, a millisecond after it the row is among the two newest."""
    since = int(NOON * 1000) - 300_000
    rows = ask(name, NOON, since)
    assert len(rows) < PAGE
    for row in rows[::10]:
        assert row not in ask(name, moment(row) - 0.001, since)
        assert row in ask(name, moment(row) + 0.001, since)[-2:]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("start", STARTS)
def test_ids_ascend_with_time_and_survive_javascript(name: str, start: float) -> None:
    """Ids are ints between 0 and 2**53, strictly ascending; `created_at` is the same moment, in milliseconds."""
    rows = ask(name, start)
    ids = [number(row) for row in rows]
    assert all(0 < low < high < 2**53 for low, high in pairwise(ids))
    assert [round(moment(row) * 1000) for row in rows] == ids
    assert {len(str(row["created_at"])) for row in rows} == {len("2025-10-09T12:00:00.000Z")}
    assert all(str(row["created_at"]).endswith("Z") for row in rows)


@pytest.mark.parametrize("name", NAMES)
def test_pages_follow_one_another_without_gap_or_overlap(name: str) -> None:
    """Pages of 7, each asked for with the last id of the one before, add up to the whole."""
    gateway = DemoGateway(name, clock=Clock(NOON), page=7)
    cursor, pages = 0, []
    while page := list(checked(gateway.rows(cursor))):
        pages.append(page)
        cursor = number(page[-1])
    assert {len(page) for page in pages[:-1]} == {7}
    assert [row for page in pages for row in page] == everything(name, NOON)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("start", STARTS)
def test_there_is_an_hour_of_history(name: str, start: float) -> None:
    """A first page of 500 rows is the oldest; all pages have 15 to 70 rows of each minute, and none from before."""
    rows = everything(name, start)
    assert rows[:PAGE] == ask(name, start)
    low, high = {"staging": (15, 45), "production": (35, 70)}[name]
    assert low * 60 <= len(rows) <= high * 60
    assert start - RETENTION_S < moment(rows[0]) < start - 3585
    assert start - 15 < moment(rows[-1]) <= start


def test_an_id_from_before_the_retention_is_like_none() -> None:
    """A reader that left two hours ago, or that sends a negative id, gets what a newcomer gets."""
    newcomer = ask("staging", NOON)
    assert ask("staging", NOON, int(NOON * 1000) - 7_200_000) == ask("staging", NOON, -5) == newcomer


def test_an_id_from_the_future_brings_nothing() -> None:
    """Neither a minute ahead nor the largest id brings a row, and nothing fails."""
    assert ask("staging", NOON, int(NOON * 1000) + 60_000) == []
    assert ask("staging", NOON, 2**53) == []
    assert ask("staging", NOON, 10**30) == []


def test_a_clock_at_its_beginning_is_no_fault() -> None:
    """In the first second of 1970 there is little history, and no id is below 1."""
    assert all(number(row) > 0 for row in ask("staging", 1.0))
    assert ask("staging", 0.0) == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("start", STARTS)
def test_every_minute_has_an_error_and_a_warning(name: str, start: float) -> None:
    """Any 60 s show both, wherever they begin."""
    rows = [(moment(row), kind(row)) for row in history(name, start, 600)]
    for wanted in ("error", "warn"):
        times = [start, *(when for when, what in rows if what == wanted), start + 600]
        assert max(later - earlier for earlier, later in pairwise(times)) <= 60


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("start", STARTS)
def test_no_silence_is_longer_than_a_heartbeat(name: str, start: float) -> None:
    """Something happens within any 15 s, so that a person who has just connected sees it live."""
    times = [start, *map(moment, history(name, start, 600)), start + 600]
    assert max(later - earlier for earlier, later in pairwise(times)) < 15


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("start", STARTS)
def test_ten_minutes_have_a_burst_of_errors_with_a_recovery(name: str, start: float) -> None:
    """At least 15 errors of one kind come within 12 s, then a line that says it is over; but not all the time."""
    rows = history(name, start, 600)
    over = [row for row in rows if " again; waiting " in str(row["message"])]
    assert 1 <= len(over) <= 4
    bursts = []
    for end in map(moment, over):
        burst = [row for row in rows if end - 12 <= moment(row) <= end and kind(row) == "error"]
        bursts.append(len(burst))
    assert 15 <= max(bursts) <= 35


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("start", STARTS)
def test_ten_minutes_have_a_structured_diagnostic(name: str, start: float) -> None:
    """A Liquid error carries the diagnostic that pos-cli knows to print."""
    rows = [row for row in history(name, start, 600) if row.get("error_type") == "LiquidError"]
    assert rows
    for row in rows:
        data = row["data"]
        assert isinstance(data, dict)
        assert set(data) == {"schema_version", "type", "message", "stack", "source_span", "context"}
        assert data["schema_version"] == 1
        assert data["message"] in str(row["message"])
        assert all(set(frame) == {"path", "line"} for frame in data["stack"])
        assert data["stack"][-1]["path"].startswith("app/views/pages/")
        assert set(data["context"]) == {"url", "user"}


@pytest.mark.parametrize("name", NAMES)
def test_an_hour_has_every_oddity_that_rows_may_have(name: str) -> None:
    """These are messages as objects and arrays, line breaks, other scripts, no error_type, no data, and own types."""
    rows = history(name, NOON, 3600)
    messages = [row["message"] for row in rows]
    texts = [message for message in messages if isinstance(message, str)]
    assert any(isinstance(message, dict) for message in messages)
    assert any(isinstance(message, list) for message in messages)
    assert any("\n" in text.strip() for text in texts)
    assert any(text.endswith("\n") for text in texts)
    assert any(not text.isascii() for text in texts)
    assert any("error_type" not in row for row in rows)
    assert any("data" not in row for row in rows)
    assert {row.get("error_type") for row in rows} >= {"payment-callback", "cart", "signup", "debug", "LiquidError"}
    assert {kind(row) for row in rows} == {"error", "warn", "debug", "info"}


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_json_with_the_keys_that_platformos_sends(name: str) -> None:
    """orjson writes and reads each row unchanged; no key is ours alone, and every address is an example's."""
    for row in history(name, NOON, 1800):
        assert orjson.loads(orjson.dumps(row)) == row
        assert {"id", "created_at", "message"} <= set(row) <= {"id", "created_at", "message", "error_type", "data"}
        data = row.get("data", {})
        assert isinstance(data, dict)
        assert "user" not in data or data["user"]["email"].endswith("@example.com")
        assert "url" not in data or ".example.com/" in data["url"]


def test_rows_that_were_handed_out_are_the_callers_own() -> None:
    """A caller that spoils its rows spoils nobody else's."""
    gateway = DemoGateway("staging", clock=Clock(NOON))
    before = orjson.dumps(gateway.rows(0))
    for row in checked(gateway.rows(0)):
        data = row.get("data")
        row.clear()
        if isinstance(data, dict):
            data.clear()
    assert orjson.dumps(gateway.rows(0)) == before


@pytest.mark.parametrize("name", NAMES)
def test_a_poll_costs_well_under_a_millisecond(name: str) -> None:
    """At best 3 s of rows take 1 ms, and a page of 500 takes 30 ms."""
    gateway = DemoGateway(name, clock=Clock(NOON))

    def best(last_id: int) -> float:
        """Seconds of processor time for one question."""
        costs = []
        for _ in range(20):
            start = time.process_time()
            gateway.rows(last_id)
            costs.append(time.process_time() - start)
        return min(costs)

    assert best(int(NOON * 1000) - 3000) < 0.001
    assert best(0) < 0.030


def test_a_closed_gateway_holds_nothing() -> None:
    """Closing twice does no harm."""
    gateway = DemoGateway("staging")
    gateway.close()
    gateway.close()
