"""What looking for ids that were reset promises: certain news, few questions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poslogs.platformos.entries import Page
from poslogs.platformos.gateway import GatewayError, Unclear, whole
from poslogs.streaming import id_reset
from poslogs.streaming.id_reset import IdReset
from tests.support.tries import tries
from tests.unit.doubles import STAGING, Log, Odd, down, entry


def asking(log: Log) -> Callable[[int], Page]:
    gateway = log.open_gateway(STAGING)
    return lambda position: whole(gateway.after(position), "staging")


def look(log: Log, high: int, *, floor: int = 0, newest: str = "", known: range | None = None) -> IdReset | None:
    before = {number: entry(number).json for number in (range(floor + 1, high + 1) if known is None else known)}
    return id_reset.look(asking(log), high, floor, newest, lambda: before)


def test_a_row_that_is_there_is_no_id_reset() -> None:
    """An empty log, as after old rows were thrown away, is not a reset either."""
    assert look(Log(*range(1, 11)), 10) is None
    assert look(Log(*range(1, 13)), 10) is None
    assert look(Log(10), 10) is None
    assert look(Log(), 10) == IdReset(10, [])


def test_rows_before_it_without_it_are_an_id_reset() -> None:
    """Seven of ten rows are left, so readers continue after the seventh."""
    assert look(Log(*range(1, 8)), 10) == IdReset(7, [])


def test_what_is_new_under_known_ids_is_found() -> None:
    """8 and 9 exist again with other messages, so they are new, and readers continue before them."""
    log = Log(*range(1, 8))
    log.add(8, 9, message="after the restore")
    found = look(log, 10)
    assert found is not None
    assert found.position == 7
    assert [new.id for new in found.new] == [8, 9]


def test_below_the_floor_the_time_tells_what_is_new() -> None:
    """The window began at 5. Rows 3 and 4 are new if they are later than all that was known; else that is unknown."""
    log = Log(1, 2)
    log.add(3, 4, message="after the restore", created_at="2030-01-01T00:00:00Z")
    assert look(log, 10, floor=5) == IdReset(4, [])
    found = look(log, 10, floor=5, newest="2029-12-31T23:59:59.999Z")
    assert found is not None
    assert found.position == 2
    assert [new.id for new in found.new] == [3, 4]


def test_a_new_row_among_old_ones_does_not_make_them_new() -> None:
    """3 became visible late, and was not known as the log was reset to 7. Readers continue after 7."""
    log = Log(*range(1, 8))
    log.add(8, message="after the restore")
    before = {number: entry(number).json for number in (1, 2, 4, 5, 6, 7, 8, 9, 10)}
    found = id_reset.look(asking(log), 10, 0, "", lambda: before)
    assert found is not None
    assert (found.position, [new.id for new in found.new], [late.id for late in found.late]) == (7, [8], [3])


def test_a_row_that_was_not_known_is_no_reset() -> None:
    """10 was not in the answers before, as of a replica that lags, and is there when the whole log is read."""
    before = {number: entry(number).json for number in (1, 2, 4, 5, 6, 7, 8, 9, 10)}
    logs = [Log(*range(1, 8)), Log(*range(1, 12))]

    def known() -> dict[int, bytes]:
        del logs[0]
        return before

    assert id_reset.look(lambda position: asking(logs[0])(position), 10, 0, "", known) is None
    assert len(logs) == 1


def test_a_log_that_is_new_from_its_beginning_is_all_new() -> None:
    """Nothing that was there before is left."""
    log = Log()
    log.add(*range(1, 40), message="after the restore", created_at="2030-01-01T00:00:00Z")
    found = look(log, 1000, floor=900, newest="2029-12-31T23:59:59.999Z")
    assert found is not None
    assert found.position == 0
    assert len(found.new) == 39


@pytest.mark.parametrize("high", [1_000, 1_000_000, 2**63 - 1])
def test_it_asks_about_as_often_as_the_id_has_digits(high: int) -> None:
    """The log was reset to its very beginning: at most some 64 questions find that, whatever the id was."""
    log = Log(1)
    assert look(log, high, known=range(1, 2)) == IdReset(1, [])
    assert len(log.asked) <= high.bit_length() + 5


def test_a_question_that_is_not_answered_is_an_error() -> None:
    """The caller looks again later."""
    log = Log(1)
    log.failure = down()
    with pytest.raises(GatewayError):
        look(log, 10)


@tries(200)
@given(st.integers(1, 60), st.integers(0, 59), st.integers(0, 60), st.integers(1, 20))
def test_any_restored_log_gives_what_is_new_once(high: int, keep: int, new: int, page: int) -> None:
    """Rows up to `keep` are as they were, and `new` others follow below the old end. Exactly those are found."""
    keep = min(keep, high - 1)
    new = min(new, high - 1 - keep)
    log = Log(*range(1, keep + 1), page=page)
    log.add(*range(keep + 1, keep + new + 1), message="after the restore")
    found = look(log, high)
    if not log.rows:
        assert found == IdReset(high, [])
        return
    assert found is not None
    assert [made.id for made in found.new] == list(range(keep + 1, keep + new + 1))
    assert found.position == keep


@pytest.mark.parametrize("nth", [1, 2, 3, 5])
def test_an_answer_that_tells_nothing_is_no_sign_of_anything(nth: int) -> None:
    """The nth answer has no `logs`. That shows neither that all is gone, nor that nothing is new."""
    log = Odd(*range(1, 8), nth=nth)
    log.add(8, 9, message="after the restore")
    with pytest.raises(Unclear):
        look(log, 20)
    found = look(log, 20)
    assert found is not None
    assert (found.position, [new.id for new in found.new]) == (7, [8, 9])
