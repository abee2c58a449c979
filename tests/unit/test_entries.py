"""What an entry promises, whatever the row looks like."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poslogs.platformos import answers, entries
from poslogs.platformos.entries import MAX_ID, MAX_MESSAGE_BYTES, NO_TIME, TYPES, BadRow, Entry, position, timestamp
from poslogs.streaming import frames
from tests.support.tries import tries
from tests.unit.doubles import entry, events, row

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def fields(made: Entry) -> dict[str, object]:
    found = json.loads(made.json)
    assert isinstance(found, dict)
    return found


def nested(depth: int) -> object:
    value: object = "core"
    for _ in range(depth):
        value = [value]
    return value


# In full


def test_a_row_becomes_the_guide_s_entry() -> None:
    """All fields are in the guide's order, byte by byte."""
    made = Entry.from_row(
        {
            "id": 123,
            "created_at": "2024-01-15T10:00:00Z",
            "error_type": "LiquidError",
            "message": 'no "such" partial\n',
            "data": {"url": "/a", "user": {"email": "x@example.com"}},
        },
        "staging",
    )
    assert made.json == (
        b'{"id":"123","timestamp":"2024-01-15T10:00:00.000Z","type":"error","message":"no \\"such\\" partial\\n",'
        b'"data":{"url":"/a","user":{"email":"x@example.com"}},"env":"staging","error_type":"LiquidError"}'
    )
    assert (made.id, made.type, made.error_type) == (123, "error", "LiquidError")


def test_what_is_missing_gets_the_plainest_value() -> None:
    """A row with only an id is an entry."""
    assert Entry.from_row({"id": "7"}, "production").json == (
        b'{"id":"7","timestamp":"1970-01-01T00:00:00.000Z","type":"error","message":"","data":{},"env":"production",'
        b'"error_type":""}'
    )


@pytest.mark.parametrize(
    ("error_type", "kind"),
    [
        ("error", "error"),
        ("LiquidError", "error"),
        ("LIQUID WARNING", "warn"),
        ("Debug", "debug"),
        ("info", "info"),
        ("payment-callback", "info"),
        ("debug error", "error"),  # the first of the words in the order error, warn, debug, info
        ("infowarn", "warn"),
        (None, "error"),
        ("", "error"),
    ],
)
def test_the_type_is_the_first_word_that_error_type_contains(error_type: str | None, kind: str) -> None:
    """`info` when it contains none, `error` when it is missing, as in pos-cli; the text itself is untouched."""
    made = entry(1, error_type=error_type)
    assert made.type == fields(made)["type"] == kind
    assert made.error_type == fields(made)["error_type"] == (error_type or "")


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("text\n", "text\n"),
        (None, ""),
        ({"a": [1, None, True]}, '{"a":[1,null,true]}'),
        ([1, 2.5], "[1,2.5]"),
        (True, "true"),
        (0, "0"),
        ("", ""),
    ],
)
def test_a_message_is_a_string(message: object, told: str) -> None:
    """Other JSON becomes compact JSON, null an empty string."""
    assert fields(entry(1, message=message))["message"] == told


@pytest.mark.parametrize(
    ("data", "told"), [(None, {}), ({"a": 1}, {"a": 1}), ([1], {"value": [1]}), ("x", {"value": "x"})]
)
def test_data_is_an_object(data: object, told: object) -> None:
    """Missing data is an empty object; any other value is put into an object."""
    assert fields(entry(1, data=data))["data"] == told


def test_a_message_of_two_mebibytes_comes_whole() -> None:
    """Not one byte is cut, and nothing is marked."""
    made = fields(entry(1, message="é" * (MAX_MESSAGE_BYTES // 2)))
    assert made["message"] == "é" * (MAX_MESSAGE_BYTES // 2)
    assert "cut" not in made


@pytest.mark.parametrize("character", ["a", "é", "€", "😀"])
def test_a_longer_message_is_cut_at_a_character_and_marked(character: str) -> None:
    """It keeps at most two mebibytes of whole characters, with `cut` true."""
    size = len(character.encode())
    made = fields(entry(1, message="a" + character * (MAX_MESSAGE_BYTES // size + 1)))
    message = made["message"]
    assert isinstance(message, str)
    assert MAX_MESSAGE_BYTES - size < len(message.encode()) <= MAX_MESSAGE_BYTES
    assert set(message) == {"a", character}
    assert made["cut"] is True


@pytest.mark.parametrize(
    ("row_", "reason"),
    [
        (None, "a row that is not an object"),
        (17, "a row that is not an object"),
        ("text", "a row that is not an object"),
        ([{"id": 1}], "a row that is not an object"),
        ({}, "a row without a usable id"),
        ({"id": None}, "a row without a usable id"),
        ({"id": True}, "a row without a usable id"),
        ({"id": -1}, "a row without a usable id"),
        ({"id": 1.5}, "a row without a usable id"),
        ({"id": "1a"}, "a row without a usable id"),
        ({"id": "٣"}, "a row without a usable id"),
        ({"id": ""}, "a row without a usable id"),
        ({"id": 2**63}, "a row without a usable id"),
        ({"id": math.nan}, "a row without a usable id"),
        ({"id": [1]}, "a row without a usable id"),
        ({"id": 1, "data": nested(500)}, "a row that is nested too deeply"),
        ({"id": 1, "message": nested(500)}, "a row that is nested too deeply"),
        ({"id": 1, "error_type": nested(500)}, "a row that is nested too deeply"),
        (answers.Unreadable(b"[[["), "a row that cannot be read"),
    ],
)
def test_a_row_that_can_be_no_entry_says_why(row_: object, reason: str) -> None:
    """The row is counted by these words, and never fatal."""
    with pytest.raises(BadRow, match=f"^{reason}$"):
        Entry.from_row(row_, "staging")


def test_a_row_with_the_id_zero_is_counted() -> None:
    """No reader can ever get it, since positions begin at 0. It counts as a row without a usable id."""
    with pytest.raises(BadRow):
        Entry.from_row({"id": 0}, "staging")


# Positions


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0),
        ("0", 0),
        (1, 1),
        ("12", 12),
        ("0012", 12),
        (3.0, 3),
        (MAX_ID, MAX_ID),
        (str(MAX_ID), MAX_ID),
        (MAX_ID + 1, None),
        (str(MAX_ID + 1), None),
        ("1" * 20, None),
        ("1" * 100_000, None),
        ("-1", None),
        ("+1", None),
        (" 1", None),
        ("1\n", None),
        ("1_0", None),
        ("0x1", None),
        ("1.0", None),
        ("", None),
        ("१२", None),
        (-0.5, None),
        (1e300, None),
        (math.inf, None),
        (math.nan, None),
        (None, None),
        (False, None),
        ([], None),
    ],
)
def test_a_position_is_one_to_nineteen_digits(value: object, number: int | None) -> None:
    """A position is at most the largest number of 63 bits; everything else is not a position."""
    assert position(value) == number


# Times


@pytest.mark.parametrize(
    ("created_at", "told"),
    [
        ("2024-01-15T10:00:00Z", "2024-01-15T10:00:00.000Z"),
        ("2024-01-15T10:00:00.1Z", "2024-01-15T10:00:00.100Z"),
        ("2024-01-15T10:00:00.123456Z", "2024-01-15T10:00:00.123Z"),
        ("2024-01-15T10:00:00.999999999Z", "2024-01-15T10:00:00.999Z"),
        ("2024-01-15T10:00:00+02:00", "2024-01-15T08:00:00.000Z"),
        ("2024-01-15T10:00:00.5-05:30", "2024-01-15T15:30:00.500Z"),
        ("2024-01-15 10:00:00 UTC", "2024-01-15T10:00:00.000Z"),
        ("2024-01-15 10:00:00", "2024-01-15T10:00:00.000Z"),
        ("2024-01-15", "2024-01-15T00:00:00.000Z"),
        ("0001-01-01T00:00:00+10:00", NO_TIME),
        ("yesterday", NO_TIME),
        ("", NO_TIME),
        (None, NO_TIME),
        (1705312800, NO_TIME),
        ({}, NO_TIME),
        ("2024-13-45T99:99:99Z", NO_TIME),
    ],
)
def test_a_time_is_utc_with_milliseconds(created_at: object, told: str) -> None:
    """Every known way of writing it is understood; any other becomes the same moment at every delivery."""
    assert timestamp(created_at) == told


def test_a_day_that_is_in_no_calendar_is_no_time() -> None:
    """The 31st of February cannot be read, however it is written."""
    assert timestamp("2024-02-31T10:00:00Z") == NO_TIME


@tries(200)
@given(
    st.datetimes(
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))])
    )
)
def test_any_iso_time_is_the_same_moment(moment: datetime) -> None:
    """The result is in UTC, cut to milliseconds."""
    told = timestamp(moment.isoformat())
    try:
        expected = moment.astimezone(UTC)
    except OverflowError:
        assert told == NO_TIME
        return
    assert STAMP.fullmatch(told)
    assert datetime.fromisoformat(told) == expected.replace(microsecond=expected.microsecond // 1000 * 1000)


@tries(200)
@given(st.text(max_size=40) | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", fullmatch=True))
def test_any_text_is_some_time(text: str) -> None:
    """The result always has the same form."""
    assert STAMP.fullmatch(timestamp(text))


# Any row


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=6,
)
LIKELY = st.fixed_dictionaries(
    {},
    optional={
        "id": st.integers(1, MAX_ID) | st.integers(1, MAX_ID).map(str) | JSON,
        "created_at": st.just("2024-01-15T10:00:00Z") | JSON,
        "error_type": st.sampled_from(["info", "LiquidError", "payment-callback"]) | JSON,
        "message": st.text() | st.sampled_from(["\r\n\ndata: x\n\n", "\u2028\u2029\0", "event: done\n\n"]) | JSON,
        "data": st.dictionaries(st.text(max_size=10), JSON, max_size=4) | JSON,
        "other": JSON,
    },
)


def as_json(value: object) -> object:
    """The value as JSON carries it: no NaN, no infinity."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    return value


@tries(200)
@given(LIKELY | JSON, st.text(min_size=1, max_size=20))
@example({"id": 1, "message": "a\r\n\r\nid: 9\nevent: done\ndata: [DONE]\n\n", "data": {"\n\ndata: ": "\r\r"}}, "a\nb")
@example({"id": 1, "error_type": "\u2028data: x", "message": ["\n\n"]}, "staging")
def test_any_row_is_one_event_with_the_promised_fields_or_a_counted_refusal(row_: object, env: str) -> None:
    """The standard's parser finds one event without any line break inside, and the entry comes back."""
    reason = ""
    try:
        made = Entry.from_row(row_, env)
    except BadRow as bad:
        reason = str(bad)
    if not isinstance(row_, dict):
        assert reason == "a row that is not an object"
        return
    if not position(row_.get("id")):
        assert reason == "a row without a usable id"
        return
    if reason:
        assert not small(row_)  # an integer beyond 64 bits, which no answer holds
        return
    (frame,) = frames.data([made.id], [made.json])
    (event,) = events(frame)
    assert (event.type, event.last_id) == ("data", str(made.id))
    assert not re.search("[\r\0\u2028\u2029]", frame.decode())
    assert frame.count(b"\n") == 4
    outer = json.loads(event.data)
    assert set(outer) == {"type", "text"}
    assert outer["type"] == "text"
    inner = json.loads(outer["text"])
    assert list(inner) == ["id", "timestamp", "type", "message", "data", "env", "error_type"]
    assert inner["id"] == str(position(row_["id"]))
    assert STAMP.fullmatch(inner["timestamp"])
    assert inner["type"] in TYPES
    assert inner["env"] == env
    message, data, error_type = row_.get("message"), row_.get("data"), row_.get("error_type")
    if isinstance(message, str):
        assert inner["message"] == message
    else:
        assert inner["message"] == "" if message is None else json.loads(inner["message"]) == as_json(message)
    if isinstance(data, dict):
        assert inner["data"] == as_json(data)
    else:
        assert inner["data"] == ({} if data is None else {"value": as_json(data)})
    if isinstance(error_type, str):
        assert inner["error_type"] == error_type


# Many rows


def test_entries_come_by_ascending_id_each_once() -> None:
    """Ids come out of order, as numbers and text, with repetitions. The first row of each id counts."""
    rows = [row(3), row(1), {**row(3), "message": "again"}, {**row(2), "id": "2"}, {**row(1), "id": "1"}]
    page = entries.read(rows, "staging")
    assert [made.id for made in page.entries] == [1, 2, 3]
    assert fields(page.entries[2])["message"] == "row 3"
    assert (page.refused, page.last) == ([], 3)


def test_bad_rows_do_not_spoil_the_good_ones() -> None:
    """Bad rows come as reasons. Each has a mark, the same for the same row and another for other rows."""
    found, refused, *_ = entries.read([row(1), 17, {"id": None}, 18, row(2), 17], "staging")
    assert [made.id for made in found] == [1, 2]
    reasons = [reason.partition("|")[0] for reason in refused]
    assert reasons == [
        "a row that is not an object",
        "a row without a usable id",
        "a row that is not an object",
        "a row that is not an object",
    ]
    assert refused[0] == refused[3]
    assert len(set(refused)) == 3


def test_only_so_many_bad_rows_have_a_reason_each_but_all_are_counted() -> None:
    """One answer has thousands, of every kind. The entries among them and the last id are not missed."""
    rows: list[object] = [*range(2000), *({"id": str(number), "data": 2**70} for number in (7, 9)), row(8)]
    page = entries.read(rows, "staging")
    assert len(page.refused) == entries.MAX_REASONS
    assert len(page.refused) + page.more_refused == 2002
    assert [made.id for made in page.entries] == [8]
    assert page.last == 9


def test_known_rows_are_passed_over_but_count_for_the_last_id() -> None:
    """The answer was read before, but for one row."""
    page = entries.read([row(1), {**row(2), "id": "2"}, row(3)], "staging", {2, 3})
    assert [made.id for made in page.entries] == [1]
    assert page.last == 3


def test_an_entry_knows_its_time_as_text_that_sorts() -> None:
    """It does so even with a long id, and without a time."""
    page = entries.read([{**row(MAX_ID), "created_at": "2026-01-02T03:04:05Z"}, {"id": 1}], "staging")
    assert [made.timestamp for made in page.entries] == [entries.NO_TIME, "2026-01-02T03:04:05.000Z"]


@pytest.mark.parametrize(
    "depths",
    [
        range(240, 260),
        range(900, 1000),
        range(1000, 1100),
    ],
    ids=str,
)
def test_a_row_of_any_depth_is_an_entry_or_a_reason(depths: range) -> None:
    """This holds from depths that JSON writers still write to ones that JSON readers no longer read."""
    for depth in depths:
        body = b'{"logs":[{"id":1,"data":{"a":' + b"[" * depth + b"]" * depth + b'}},{"id":2}]}'
        found, refused, last, *_ = entries.read(answers.rows(body), "staging")
        assert found[-1].id == last == 2
        assert len(found) + len(refused) == 2


@tries(100)
@given(st.lists(LIKELY | JSON, max_size=4))
def test_any_rows_are_entries_in_order_and_reasons(rows: list[object]) -> None:
    """Every row is accounted for, except repetitions."""
    found, refused, last, *_ = entries.read(rows, "staging")
    ids = [made.id for made in found]
    assert ids == sorted(set(ids))
    assert len(found) + len(refused) <= len(rows)
    assert last >= max(ids, default=0)
    assert all(re.fullmatch(r"a row [a-z ]+\|[0-9a-f]{16}", reason) for reason in refused)


@tries(50)
@given(st.lists(LIKELY, max_size=3))
def test_what_is_read_twice_is_the_same_twice(rows: list[object]) -> None:
    """The same answer makes the same bytes, so that readers of two servers have the same entries."""
    text = (
        orjson.dumps([as_json(row_) for row_ in rows], option=orjson.OPT_PASSTHROUGH_DATACLASS)
        if small(rows)
        else b"[]"
    )
    once, twice = (entries.read(json.loads(text), "staging") for _ in range(2))
    assert once == twice


def small(value: object) -> bool:
    """Whether orjson can write it: no integer beyond 64 bits."""
    if isinstance(value, int):
        return -(2**63) <= value < 2**64
    if isinstance(value, list):
        return all(small(item) for item in value)
    if isinstance(value, dict):
        return all(small(item) for item in value.values())
    return True
