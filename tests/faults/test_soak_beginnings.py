"""The soak's judge finds readers that did not begin where they asked to; its platformOS answers oddly at first."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
import requests

from tests.soak.clients import NAMES
from tests.soak.environment import Environment
from tests.soak.first import BODIES, MOST
from tests.soak.judge import judge
from tests.soak.ledger import Connection, Journal, Listing
from tests.soak.manner import Manner
from tests.soak.newest import NOTED_SECONDS, newest
from tests.soak.source import NOTICE_SECONDS
from tests.support.platformos import PATH, PlatformOS
from tests.wire.exchange import LIVE, STREAM

ROWS = range(1, 21)  # serials, and ids
LATER = NOTED_SECONDS * 2


def listed() -> Listing:
    """Twenty rows."""
    listing = Listing()
    listing.note([(number, number, "info") for number in ROWS])
    return listing


@pytest.mark.parametrize("tool", [STREAM, LIVE])
@pytest.mark.parametrize(("start", "lost"), [({}, 15), ({"lastId": "0"}, 15), ({"lastId": "10"}, 5)])
def test_a_reader_that_began_at_the_end_has_lost_its_past(tool: str, start: dict[str, str], lost: int) -> None:
    manner = Manner("reader", "begins", NAMES[0], tool, dict(start), False, 0.0, (1e9, 1e9), None, None)
    position = int(start["lastId"]) if start else None
    listing, journal = listed(), Journal()
    journal.connections.append(Connection(time.monotonic(), position))
    for serial in ROWS[15:]:
        journal.note(serial)
    assert judge(manner, position, journal, listing).lost == list(ROWS[15 - lost : 15])
    assert judge(manner, position, journal, listing, lambda row: row.id > 15).good


@pytest.mark.parametrize(("begins", "wrong"), [(1, "20 before"), (10, "11 before"), (11, ""), (12, "only 9 before")])
def test_who_asked_for_ten_rows_is_given_neither_more_nor_fewer(begins: int, wrong: str) -> None:
    later = time.monotonic() + LATER
    found = newest(list(range(begins, 21)), 10, listed(), later, later)
    assert wrong in found
    assert bool(wrong) == bool(found)


def test_rows_that_came_meanwhile_may_be_among_the_newest_or_not() -> None:
    """It is also right to be given all of a log that holds fewer."""
    listing, asked = listed(), time.monotonic() + LATER
    assert newest(list(ROWS), 30, listing, asked, asked) == ""
    for begins in (1, 11):
        assert newest(list(range(begins, 21)), 10, listing, time.monotonic(), time.monotonic()) == ""


@pytest.mark.parametrize(("given", "lost"), [(range(24, 27), []), ([*range(18, 21), *range(24, 27)], [21, 22, 23])])
def test_a_tail_that_was_answered_after_a_restore_begins_after_it(given: Sequence[int], lost: list[int]) -> None:
    """It asked before: where its first row is from then, all rows under the ids that were given out again are due."""
    manner = Manner("reader", "reads", NAMES[0], STREAM, {"tail": 3}, False, 0.0, (1e9, 1e9), None, None)
    listing, journal = listed(), Journal()
    journal.connections.append(Connection(time.monotonic(), None))
    listing.restored(17)
    listing.note([(serial, serial - 3, "info") for serial in range(21, 27)])  # ids 18 to 23
    for serial in given:
        journal.note(serial)
    assert judge(manner, None, journal, listing).lost == lost


def test_each_question_has_odd_answers_at_first_and_then_rows() -> None:
    """Questions from the start get one to three odd answers, whatever else was asked; all others get a few in all."""
    with PlatformOS() as platformos:
        environment = Environment(NAMES[0], platformos, 7)
        platformos.add_many(40)

        def ask(position: int) -> bool:
            """Whether the answer was an odd one."""
            answer = requests.get(
                f"{platformos.url}{PATH}",
                params={"last_id": position},
                headers={"Authorization": f"Token {platformos.token}"},
                timeout=10,
            )
            assert answer.status_code == 200
            odd = answer.content in BODIES.values()
            assert odd or len(answer.json()["logs"]) == 40 - position
            return odd

        assert not any(ask(position) for position in (0, 1, 39))
        for _ in range(3):
            environment.first.arm()
            assert environment.first.waiting
            asked = [[ask(position) for _ in range(4)] for position in range(20, 40)]
            assert sum(map(sum, asked)) == MOST
            assert all(1 <= sum(each) <= 3 and each == sorted(each, reverse=True) for each in asked[:4])
            begun = [ask(0) for _ in range(4)]
            assert 1 <= sum(begun) <= 3
            assert begun == sorted(begun, reverse=True)
            assert not environment.first.waiting
        environment.first.arm()
        environment.first.disarm()
        assert not ask(0)


def test_what_comes_between_a_restore_and_the_report_of_it_has_no_order() -> None:
    """New rows above the old end come first, and again after the report, in their place; else it is disordered.

    A reader that leaves before the report has none to wait for; what it is given once it is back counts.
    """
    manner = Manner("reader", "reads", NAMES[0], STREAM, {}, False, 0.0, (1e9, 1e9), None, None)
    cases = {"reports": [], "reports again": [], "left before": [21, 22, 23], "left after": [], "came back": [24, 25]}
    for case, wrong in cases.items():
        listing, journal = listed(), Journal()
        journal.connections.append(Connection(time.monotonic(), None))
        for serial in ROWS:
            journal.note(serial)
        listing.restored(10)
        listing.note([(serial, serial - 10, "info") for serial in range(21, 34)])  # ids 11 to 23
        for serial in range(31, 34):  # past 20
            journal.note(serial)
        if case.startswith("reports"):
            for _ in range(2 if case == "reports again" else 1):  # another process of a fleet, which notices later
                journal.told.append(time.monotonic())
                for serial in range(21, 34):
                    journal.note(serial)
            for journal.roams in (False, True):
                once = case == "reports" or journal.roams
                verdict = judge(manner, None, journal, listing)
                assert (verdict.disordered, verdict.doubled) == (wrong, [] if once else list(range(21, 34)))
            continue
        journal.connections[0].ended = listing.restores[0]
        for serial in range(21, 24):
            journal.note(serial)
        if case != "left before":
            journal.connections[0].ended = time.monotonic()
            journal.connections.append(Connection(time.monotonic(), None))
        if case == "came back":
            for serial in (30, 24, 25):
                journal.note(serial)
        journal.told.append(listing.restores[0] + 2 * NOTICE_SECONDS)  # of another restore
        assert judge(manner, None, journal, listing).disordered == wrong
