"""What a time in an input may look like, and which one it means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poslogs.tools import times

NOW = datetime(2026, 11, 28, 12, 0, 0, 123_456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-28T10:00Z", "2026-11-28T10:00:00.000Z"),
        ("2026-11-28T10:00", "2026-11-28T10:00:00.000Z"),
        ("2026-11-28 10:00:05", "2026-11-28T10:00:05.000Z"),
        ("2026-11-28t10:00:05.25z", "2026-11-28T10:00:05.250Z"),
        ("2026-11-28T10:00:05,9999", "2026-11-28T10:00:05.999Z"),
        ("2026-11-28T10:00:00.123456789+02:00", "2026-11-28T08:00:00.123Z"),
        ("2026-11-28T10-0530", "2026-11-28T15:30:00.000Z"),
        ("2026-11-28 10:00 UTC", "2026-11-28T10:00:00.000Z"),
        ("2026-11-28", "2026-11-28T00:00:00.000Z"),
        ("20261128T1000Z", "2026-11-28T10:00:00.000Z"),
        ("2026-W48-6", "2026-11-28T00:00:00.000Z"),
        ("2026w486T10", "2026-11-28T10:00:00.000Z"),
        ("2026-11-28T24:00", "2026-11-29T00:00:00.000Z"),
        ("2026-11-28T24:00:00.000+01:00", "2026-11-28T23:00:00.000Z"),
        ("0001-01-01T00:00+14:00", "0001-01-01T00:00:00.000Z"),
        ("9999-12-31T24:00", "9999-12-31T23:59:59.999Z"),
        ("9999-12-31T23:59-14:00", "9999-12-31T23:59:59.999Z"),
        ("90s", "2026-11-28T11:58:30.123Z"),
        (" 10m ", "2026-11-28T11:50:00.123Z"),
        ("2 H", "2026-11-28T10:00:00.123Z"),
        ("1d", "2026-11-27T12:00:00.123Z"),
        ("0s", "2026-11-28T12:00:00.123Z"),
        ("999999999d", "0001-01-01T00:00:00.000Z"),
    ],
)  # fmt: skip
def test_times_are_taken_as_people_write_them(text: str, expected: str) -> None:
    """ISO 8601 in its forms, UTC where no zone is named, and how long ago."""
    assert times.read(text, NOW) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "now", "yesterday", "10:00", "5", "1764324000", "-5m", "1.5h", "90", "m", "10 min", "P1D", "1w",
        "2026-13-01", "2026-02-30", "2026-11-28T25:00", "2026-11-28T24:01", "2026-11-28T10:60", "2026-332", "2026-11",
        "2026-11-28x10:00", "2026-11-28T10:00+25:00", "2026-11-28T10:00Z and more", "٢026-11-28", "１０m", "28.11.2026",
        "11/28/2026", "0000-01-01", "10000-01-01", "2026-11-28T10:00\n2026", "1000000000d", "2026-11-28T10:00:00.Z",
    ],
)  # fmt: skip
def test_what_is_no_time_is_none(text: str) -> None:
    """Nothing is guessed."""
    assert times.read(text, NOW) is None


@given(st.text(alphabet="0123456789WTZ:.,+- smhd", max_size=40) | st.text(max_size=40))
def test_any_text_is_a_time_or_is_not(text: str) -> None:
    """No text raises, and what is read sorts as entries' times do."""
    found = times.read(text, NOW)
    assert found is None or (len(found) == 24 and times.read(found, NOW) == found)


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-14 * 60, 14 * 60))
def test_what_python_writes_is_read(moment: datetime, minutes: int) -> None:
    """Any time in any zone, to the millisecond; where UTC has no such time, the first or the last that there is."""
    shifted = (
        moment.isoformat().replace("+00:00", "")
        + ("-" if minutes < 0 else "+")
        + f"{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    )
    try:
        meant = moment - timedelta(minutes=minutes)
    except OverflowError:
        meant = times.FIRST if minutes > 0 else times.LAST
    assert times.read(shifted, NOW) == meant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_a_time_before_another_one_is_bounded() -> None:
    """An hour before it, and never before there were times."""
    assert times.before("2026-11-28T10:00:00.500Z", 3600) == "2026-11-28T09:00:00.500Z"
    assert times.before("0001-01-01T00:00:01.000Z", 3600) == "0001-01-01T00:00:00.000Z"
