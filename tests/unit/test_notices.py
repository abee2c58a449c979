"""What notices promise: each thing is reported once, and little is remembered."""

from __future__ import annotations

from poslogs.platformos.entries import Page
from poslogs.streaming.contents import Failure
from poslogs.streaming.notices import MAX_REPORTED, Notices


def test_refused_rows_are_reported_once_however_often_they_come() -> None:
    """The same reasons and marks give one frame. A new one is reported alone, and a new feed begins anew."""
    notices = Notices("staging")
    reasons = ["a row that is not an object|aa", "a row that is not an object|bb", "a row without a usable id|cc"]
    first = notices.left_out_of(Page([], reasons, 0))
    assert first is not None
    assert first.contents == (
        Failure("3 rows were left out of environment staging: a row that is not an object, a row without a usable id."),
    )
    assert notices.left_out_of(Page([], reasons, 0)) is None
    second = notices.left_out_of(Page([], [*reasons, "a row that is not an object|dd"], 0))
    assert second is not None
    assert second.contents == (Failure("1 row was left out of environment staging: a row that is not an object."),)
    notices.begin()
    again = notices.left_out_of(Page([], reasons, 0))
    assert again is not None
    assert again.contents == first.contents


def test_the_number_of_remembered_refusals_is_bounded() -> None:
    """Any number of different bad rows does not fill the memory. All are counted."""
    notices = Notices("staging")
    for number in range(30):
        notices.left_out_of(Page([], [f"a row that is not an object|{number}-{row}" for row in range(1000)], 0, 5))
    assert len(notices._reported) <= MAX_REPORTED
    assert notices.left_out == 30 * 1005


def test_answers_that_come_newest_first_are_noticed_once() -> None:
    """Only the first answer of this kind wakes the readers. The notice stays for readers that come later."""
    notices = Notices("staging")
    assert not notices.look_at_order(Page([], [], 3))
    assert notices.newest_first is None
    assert notices.look_at_order(Page([], [], 3, newest_first=True))
    assert notices.newest_first is not None
    assert b"Environment staging answers newest first" in notices.newest_first.plain
    assert not notices.look_at_order(Page([], [], 3, newest_first=True))
    notices.begin()
    assert notices.newest_first is None
